"""Catalogue subscriptions at a device, by a hand-written subscriber."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from interop.device.outbox import Outbox
from interop.device.subscribers import MAX_SUBSCRIPTIONS, Subscribers
from interop.wire import sipwire
from interop.wire.platform import WirePlatform, WireSubscription
from interop.wire.sipwire import Path, WireRefused
from sip import RemoteError
from sip.aio import Incoming, SipStack
from sip.manscdp import CatalogItem

PLATFORM, DEVICE, CAMERA = "34020000002000000001", "34020000001180000001", "34020000001310000001"


class Both:
    """A subscriber and the notifier under test, on a clock moved by hand."""

    def __init__(self, settings: Any, up: WirePlatform) -> None:
        self.up, self.now = up, 1000.0
        chosen = settings(up.port.port)
        self.stack = SipStack(user_agent="gbsim", on_request=self._asked)
        self.subscribers = Subscribers(self.stack, Outbox(chosen, self.stack), lambda: self.now)

    def _asked(self, incoming: Incoming) -> None:
        self.subscribers.subscribe(incoming)

    async def tell(self, status: str = "OFF") -> None:
        await self.subscribers.notify(DEVICE, [CatalogItem(device_id=CAMERA, event=status)])


@pytest.fixture
async def both(settings: Any) -> AsyncIterator[Both]:
    async with WirePlatform(PLATFORM, "pw") as up:
        pair = Both(settings, up)
        port = await pair.stack.listen("UDP", "127.0.0.1", 0)
        up.registered[DEVICE] = Path("UDP", "127.0.0.1", port)
        yield pair
        await pair.stack.close()
        assert up.faults == []


async def test_a_change_is_told_in_the_dialog_with_the_event_it_asked_for(both: Both) -> None:
    one = await both.up.subscribe_catalog(DEVICE, expires=90)
    assert one.answer is not None
    assert one.answer.need("expires") == "90"
    both.now += 30
    await both.tell()
    await one.wait_event(CAMERA, "OFF")
    notify = one.notifies[0]
    assert notify.need("event") == one.event
    assert notify.need("subscription-state") == "active;expires=60"
    assert f"tag={one.tag}" in notify.need("to")
    assert f"tag={one.remote_tag}" in notify.need("from")


async def test_it_ends_when_cancelled_or_run_out(both: Both) -> None:
    one, other = await both.up.subscribe_catalog(DEVICE), await both.up.subscribe_catalog(DEVICE, expires=60)
    assert len(both.subscribers) == 2
    await one.cancel()
    assert len(both.subscribers) == 1
    both.now += 59
    await other.subscribe(60)
    both.now += 59
    assert len(both.subscribers) == 1
    both.now += 1
    assert len(both.subscribers) == 0
    await both.tell()
    assert one.notifies == other.notifies == []
    with pytest.raises(WireRefused) as refused:
        await other.subscribe(60)
    assert refused.value.status == 481


async def test_a_subscriber_that_refuses_is_forgotten(both: Both) -> None:
    await both.up.subscribe_catalog(DEVICE)

    async def refuse(request: sipwire.Split, path: Path) -> None:
        both.up.port.reply(request, path, 481)

    both.up.port.on_request = refuse
    await both.tell()
    assert len(both.subscribers) == 0


async def test_one_that_does_not_answer_keeps_nobody_from_hearing(both: Both) -> None:
    deaf, one = await both.up.subscribe_catalog(DEVICE), await both.up.subscribe_catalog(DEVICE)
    assert deaf.answer is not None
    held = next(iter(both.subscribers._held.values()))
    held.peer = type(held.peer)("TCP", "127.0.0.1", 1)
    with pytest.raises(RemoteError):
        await both.tell("ON")
    await one.wait_event(CAMERA, "ON")
    assert deaf.notifies == []
    assert len(both.subscribers) == 2


async def test_only_the_catalogue_can_be_subscribed_and_not_without_end(both: Both) -> None:
    alarm = WireSubscription(both.up, DEVICE, both.up.path_to(DEVICE), "presence")
    with pytest.raises(WireRefused) as refused:
        await alarm.subscribe()
    assert refused.value.status == 489
    for _ in range(MAX_SUBSCRIPTIONS):
        await both.up.subscribe_catalog(DEVICE)
    with pytest.raises(WireRefused) as refused:
        await both.up.subscribe_catalog(DEVICE)
    assert refused.value.status == 503
