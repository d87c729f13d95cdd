"""Our catalogue subscriptions with peers below, over real UDP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.signalling.exchange import Correspondent
from gateway.signalling.requests import Party
from gateway.signalling.subscriber import CatalogueSubscriber
from gateway.store.stores import Stores
from interop.wire.sipwire import Split, element, tag_of
from sip.aio import Peer
from sip.manscdp import Edition
from tests.gateway.signalling.raw import LOWER, NODE, Answer, Desk, RawPeer, eventually


class Below:
    """The subscriber towards one lower platform."""

    def __init__(self, desk: Desk, raw: RawPeer, stores: Stores, **options: Any) -> None:
        self.raw, self.stores, self.online = raw, stores, True
        self.answers: list[Answer] = []
        self.granted = "3600"
        raw.answer = self._answer
        peer = Correspondent(LOWER, Peer("UDP", *raw.address), "GB2312", Edition.V2016)
        settings = {"retry_s": 0.05, "renew_s": 0.02, "min_granted_s": 1.1, "answer_s": 0.2} | options
        self.subscriber = CatalogueSubscriber(
            desk.stack, Party(NODE), stores.subscriptions, lambda peer_id: peer if self.online else None,
            next_sn=iter(range(1, 10_000)).__next__, expires_s=3600, **settings,
        )  # fmt: skip

    def _answer(self, request: Split) -> Answer:
        if self.answers:
            return self.answers.pop(0)
        return (200, [f"Expires: {self.granted}", f"Contact: <sip:{LOWER}@127.0.0.1:{self.raw.port.port}>"])

    @property
    def heard(self) -> list[Split]:
        return self.raw.of("SUBSCRIBE")

    async def active(self) -> None:
        await eventually(lambda: self.subscriber.status.get(LOWER) == "active")


@pytest.fixture
async def below(desk: Desk, raw: RawPeer, stores: Stores) -> AsyncIterator[Below]:
    made = Below(desk, raw, stores)
    yield made
    await made.subscriber.stop()


async def test_a_subscription_asks_for_the_catalogue_and_is_stored(below: Below, raw: RawPeer, stores: Stores) -> None:
    below.subscriber.start(LOWER)
    await below.active()
    [first] = below.heard
    assert first.need("event").startswith("Catalog;id=") and first.need("expires") == "3600"
    assert element(first.text, "CmdType") == "Catalog" and element(first.text, "DeviceID") == LOWER
    assert first.need("contact").startswith(f"<sip:{NODE}@127.0.0.1:") and list(raw.port.faults) == []
    [stored] = stores.subscriptions.of_peer(LOWER, "out")
    assert stored.event == first.need("event") and stored.dialog["call_id"] == first.need("call-id")


async def test_it_is_refreshed_in_its_dialog_with_the_same_event(below: Below) -> None:
    below.granted = "1"
    below.subscriber.start(LOWER)
    await eventually(lambda: len(below.heard) >= 2)
    first, second = below.heard[:2]
    assert second.need("call-id") == first.need("call-id") and second.need("event") == first.need("event")
    assert second.need("cseq") == "2 SUBSCRIBE" and tag_of(second.need("to")) and second.body


@pytest.mark.parametrize("answer", [481, 500, None])
async def test_a_refresh_that_fails_is_followed_by_a_new_dialog(below: Below, answer: Answer) -> None:
    below.granted = "1"
    below.subscriber.start(LOWER)
    await below.active()
    below.answers = [answer] * (30 if answer is None else 1)
    await eventually(lambda: len({one.need("call-id") for one in below.heard}) >= 2)
    below.answers = []
    await eventually(lambda: below.subscriber.status[LOWER] == "active")


@pytest.mark.parametrize(("answer", "words"), [(489, "answered 489"), (405, "answered 405"), (None, "no answer")])
async def test_a_peer_that_cannot_be_subscribed_to_is_asked_again_later(
    below: Below, answer: Answer, words: str
) -> None:
    below.answers = [answer] * (30 if answer is None else 1)
    below.subscriber.start(LOWER)
    await eventually(lambda: words in below.subscriber.status.get(LOWER, ""))
    below.answers = []
    await below.active()


async def test_a_peer_that_is_offline_is_not_asked(below: Below) -> None:
    below.online = False
    below.subscriber.start(LOWER)
    await eventually(lambda: "offline" in below.subscriber.status.get(LOWER, ""))
    assert below.heard == []


async def test_after_a_restart_a_subscription_is_carried_on_in_its_dialog(
    below: Below, desk: Desk, raw: RawPeer, stores: Stores, tmp_path: Path
) -> None:
    below.subscriber.start(LOWER)
    await below.active()
    await below.subscriber.stop()
    again = await Stores.open(tmp_path)
    restarted = Below(desk, raw, again, clock=lambda: again.subscriptions.all()[0].expires_at - 5.1)
    try:
        restarted.subscriber.start(LOWER, resume=True)
        await eventually(lambda: len(restarted.heard) >= 2)
        first, second = restarted.heard[:2]
        assert second.need("call-id") == first.need("call-id") and second.need("cseq") == "2 SUBSCRIBE"
    finally:
        await restarted.subscriber.stop()
        await again.close()


async def test_one_that_has_run_out_is_begun_anew(below: Below, desk: Desk, raw: RawPeer, stores: Stores) -> None:
    below.subscriber.start(LOWER)
    await below.active()
    await below.subscriber.stop()
    late = Below(desk, raw, stores, clock=lambda: 4e9)
    late.subscriber.start(LOWER, resume=True)
    await late.active()
    await late.subscriber.stop()
    first, second = below.heard
    assert second.need("call-id") != first.need("call-id")


async def test_a_peer_that_goes_is_forgotten_and_one_that_stays_is_not(below: Below, stores: Stores) -> None:
    below.subscriber.start(LOWER)
    below.subscriber.start(LOWER)
    await below.active()
    await eventually(lambda: stores.subscriptions.of_peer(LOWER, "out"))
    await below.subscriber.stop(LOWER, forget=False)
    assert len(stores.subscriptions.of_peer(LOWER, "out")) == 1
    await below.subscriber.stop(LOWER)
    assert stores.subscriptions.of_peer(LOWER, "out") == []


async def test_a_fault_of_ours_does_not_end_it_for_good(below: Below, monkeypatch: pytest.MonkeyPatch) -> None:
    real, broken = below.stores.subscriptions.put, [True]

    async def put(record: Any) -> Any:
        if broken:
            broken.clear()
            raise OSError("disk full")
        return await real(record)

    monkeypatch.setattr(below.stores.subscriptions, "put", put)
    below.subscriber.start(LOWER)
    await eventually(lambda: "internal fault" in below.subscriber.status.get(LOWER, ""))
    await below.active()
