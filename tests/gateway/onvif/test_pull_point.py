"""The subscription of one camera's events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.onvif import pull_point as module
from gateway.onvif.client import OnvifClient
from gateway.onvif.event_topics import Notification
from gateway.onvif.pull_point import PAUSE_S, TERM_S, PullPoint
from interop.onvif.camera import OnvifCamera
from tests.gateway.onvif.stand import asking, camera
from tests.stand.street import until


class Following:
    """A pull point at work; the pauses it makes are kept and cost no time."""

    def __init__(self, client: OnvifClient) -> None:
        self.heard: list[Notification] = []
        self.pauses: list[float] = []
        self.begun = 0
        self.now = 0.0
        self.point = PullPoint(
            lambda: client, self.heard.append, began=self._began, clock=lambda: self.now, pause=self._pause
        )
        self.task = asyncio.create_task(self.point.run())

    def _began(self) -> None:
        self.begun += 1

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@contextlib.asynccontextmanager
async def following(one: OnvifCamera, *, learned: bool = True, **options: Any) -> AsyncIterator[Following]:
    async with asking(one, **options) as client:
        if learned:
            await client.learn_services()
        made = Following(client)
        try:
            yield made
        finally:
            await made.end()


@pytest.fixture(autouse=True)
def short_pulls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PULL_S", 1.0)


async def test_events_are_told_and_the_camera_is_left_properly() -> None:
    async with camera() as one:
        async with following(one) as made:
            await until(lambda: one.subscriptions == 1)
            one.motion(True)
            await until(lambda: len(made.heard) == 2)
            assert {event.active for event in made.heard} == {True}
        assert one.received[-1].operation == "Unsubscribe" and one.subscriptions == 0


async def test_the_subscription_is_renewed_in_time() -> None:
    async with camera() as one, following(one) as made:
        await until(lambda: one.subscriptions == 1)
        made.now += TERM_S / 2
        one.motion(True)
        await one.wait_for("Renew")


async def test_a_lost_subscription_is_made_anew_after_pauses_that_grow() -> None:
    async with camera() as one, following(one) as made:
        await until(lambda: one.subscriptions == 1)
        one.misbehave("PullMessages", "fault:ResourceUnknown")
        one.misbehave("CreatePullPointSubscription", "fault:Sender")
        one.motion(True)
        await until(lambda: [one for one in made.pauses if one >= PAUSE_S][:3] == [PAUSE_S, PAUSE_S * 2, PAUSE_S * 4])
        one.misbehave("PullMessages", None)
        one.misbehave("CreatePullPointSubscription", None)
        before = len(made.heard)
        await until(lambda: made.begun == 2)
        assert one.subscriptions == 1
        one.motion(False)
        await until(lambda: len(made.heard) > before)
        one.misbehave("PullMessages", "fault:ResourceUnknown")
        one.motion(True)
        await until(lambda: made.pauses.count(PAUSE_S) == 2)  # short again after it went well


async def test_a_camera_that_takes_subscriptions_and_tells_nothing_is_asked_less_and_keeps_none() -> None:
    async with camera(misbehaviour={"PullMessages": "fault:ResourceUnknown"}) as one, following(one) as made:
        await until(lambda: len(made.pauses) >= 3)
        assert made.pauses[:3] == [PAUSE_S, PAUSE_S * 2, PAUSE_S * 4] and one.subscriptions <= 1
        assert made.begun >= 3


async def test_a_subscription_is_left_with_the_login_it_was_made_with() -> None:
    async with camera() as one, asking(one) as first, asking(one, "another") as second:
        await first.learn_services()
        current = [first]
        point = PullPoint(lambda: current[0], lambda _told: None, clock=lambda: 0.0)
        task = asyncio.create_task(point.run())
        await until(lambda: one.subscriptions == 1)
        current[0] = second
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert one.subscriptions == 0


async def test_a_camera_that_does_not_answer_is_left_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAVE_S", 0.05)
    async with camera() as one, following(one) as made:
        await until(lambda: one.subscriptions == 1)
        one.misbehave("Unsubscribe", "silent")
        await asyncio.wait_for(made.end(), 4)
        assert one.subscriptions == 1


async def test_a_camera_that_has_no_events_after_all_is_left_alone() -> None:
    async with camera(events=False) as one, following(one) as made:
        await asyncio.wait_for(made.task, 5)
        assert made.pauses == []


async def test_a_reference_the_camera_asks_to_see_again_is_sent_back() -> None:
    async with camera() as one, asking(one) as client:
        await client.learn_services()
        sent: list[tuple[bytes, ...]] = []
        asked = client.envelope

        async def watched(service: Any, operation: str, **params: Any) -> Any:
            sent.append(params.get("headers", ()))
            found = await asked(service, operation, **params)
            if operation == "CreatePullPointSubscription":
                reference = next(found.iter("{*}SubscriptionReference"))
                parameters = reference.makeelement("{http://www.w3.org/2005/08/addressing}ReferenceParameters")
                parameters.append(reference.makeelement("{urn:vendor}SubscriptionId"))
                reference.append(parameters)
            return found

        client.envelope = watched  # type: ignore[method-assign]
        made = Following(client)
        await until(lambda: len(sent) > 1)
        await made.end()
        assert sent[0] == () and b"urn:vendor" in sent[1][0]
