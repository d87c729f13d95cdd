"""Catalogue subscriptions of a hand-written upper platform: RFC 6665 and GB/T 28181-2022 9.11.4 on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.signalling import notifier as module
from gateway.signalling.exchange import Correspondent
from gateway.signalling.notifier import CSEQ_GAP, CatalogueNotifier
from gateway.signalling.router import FromUpper
from gateway.store.stores import Stores
from interop.wire import manscdp
from interop.wire.sipwire import Split, element, tag_of
from sip.aio import Incoming, Peer
from sip.manscdp import CatalogItem, Edition, loads
from tests.gateway.signalling.raw import (
    CHANNEL,
    NODE,
    UPPER,
    Answer,
    Clock,
    Desk,
    RawPeer,
    eventually,
    request_bytes,
    xml,
)


def off(number: int) -> CatalogItem:
    return CatalogItem(device_id=f"3402000000131{number:07d}", event="OFF")


class Above:
    """One upper platform that subscribes, on raw UDP, and our notifier behind a real stack."""

    def __init__(self, desk: Desk, raw: RawPeer, stores: Stores, clock: Clock, transport: str = "UDP") -> None:
        self.desk, self.raw, self.clock = desk, raw, clock
        self.offline: list[CatalogItem] = []
        self.scopes: dict[str, frozenset[str]] = {}
        self.notify_answer: Callable[[Split], Answer] = lambda request: 200
        self.known = True
        self.peer = Correspondent(UPPER, Peer(transport, *raw.address), "GB2312", Edition.V2016, "3401000000", NODE)
        self.notifier = CatalogueNotifier(
            desk.stack, stores.subscriptions, lambda upper_id: self.peer if self.known else None, self._initial,
            scope=self._scope, answer_s=1.2, clock=clock,
        )  # fmt: skip
        desk.handler = self._asked
        raw.answer = lambda request: self.notify_answer(request)
        self.tasks: list[asyncio.Task[None]] = []

    async def _initial(self, upper_id: str) -> list[CatalogItem]:
        return self.offline

    async def _scope(self, upper_id: str, subject: str) -> frozenset[str] | None:
        return self.scopes.get(subject)

    def _asked(self, incoming: Incoming) -> None:
        body = incoming.request.body
        parsed = loads(body) if body else None
        self.tasks.append(asyncio.create_task(self.notifier.subscribe(FromUpper(incoming, UPPER), parsed)))

    async def subscribe(
        self,
        *,
        expires: str | None = "600",
        like: Split | None = None,
        cseq: int = 1,
        body: bytes | None = None,
        **options: Any,
    ) -> Split:
        """SUBSCRIBE; `like` is the 200 of an earlier one, for a request in its dialog."""
        lines = ["Event: Catalog;id=7", f"Contact: <sip:{UPPER}@127.0.0.1:{self.raw.port.port}>"]
        lines += [f"Expires: {expires}"] if expires is not None else []
        if like is not None:
            options |= {"to": like.need("to"), "call_id": like.need("call-id")}
        subject = options.pop("subject", NODE)
        data = request_bytes(
            "SUBSCRIBE", NODE, sender=UPPER, lines=lines, cseq=cseq, tag="up",
            body=xml("Query", "Catalog", device=subject) if body is None else body, **options,
        )  # fmt: skip
        return await self.raw.ask(self.desk.port, data)

    async def notified(self, count: int) -> list[Split]:
        return await self.raw.wait_for("NOTIFY", count=count)

    def ids(self) -> list[str]:
        return [row["DeviceID"] for one in self.raw.of("NOTIFY") for row in manscdp.items_of(one.text)]


@pytest.fixture
async def above(desk: Desk, raw: RawPeer, stores: Stores, clock: Clock) -> AsyncIterator[Above]:
    made = Above(desk, raw, stores, clock)
    yield made
    await asyncio.gather(*made.tasks)
    await made.notifier.close()


async def test_the_first_notify_lists_what_is_offline_in_the_dialog_of_the_subscription(
    above: Above, raw: RawPeer
) -> None:
    above.offline = [off(1)]
    answer = await above.subscribe()
    assert answer.status == 200 and answer.need("expires") == "600" and tag_of(answer.need("to"))
    [first] = await above.notified(1)
    assert first.start.startswith(f"NOTIFY sip:{UPPER}@127.0.0.1:") and first.need("event") == "Catalog;id=7"
    assert first.need("subscription-state") == "active;expires=600"
    assert first.need("call-id") == answer.need("call-id") and tag_of(first.need("to")) == "up"
    assert tag_of(first.need("from")) == tag_of(answer.need("to"))
    assert above.ids() == [off(1).device_id] and element(first.text, "SumNum") == "1"
    assert element(first.text, "DeviceID") == NODE and list(raw.port.faults) == []


async def test_when_nothing_is_offline_the_first_notify_says_so(above: Above) -> None:
    await above.subscribe()
    [first] = await above.notified(1)
    assert element(first.text, "SumNum") == "0" and above.ids() == []


@pytest.mark.parametrize(("asked", "granted"), [("10", "30"), ("99999999", "86400"), (None, "600"), ("90", "90")])
async def test_the_time_granted(above: Above, asked: str | None, granted: str) -> None:
    assert (await above.subscribe(expires=asked)).need("expires") == granted
    await above.notified(1)


async def test_changes_are_told_in_few_datagrams_that_stay_whole(above: Above) -> None:
    await above.subscribe()
    await above.notified(1)
    await above.notifier.notify(UPPER, [off(n) for n in range(100)])
    told = above.raw.of("NOTIFY")[1:]
    assert above.ids() == [off(n).device_id for n in range(100)]
    assert len(told) <= 25 and max(len(one.raw) for one in told) <= 1300
    assert [int(one.need("cseq").split()[0]) for one in told] == list(range(2, len(told) + 2))
    for one in told:
        assert element(one.text, "SumNum") == str(len(manscdp.items_of(one.text)))


async def test_over_tcp_a_hundred_changes_are_one_notify(
    desk: Desk, raw: RawPeer, stores: Stores, clock: Clock
) -> None:
    above = Above(desk, raw, stores, clock, "TCP")
    await above.subscribe()
    await above.notified(1)
    await above.notifier.notify(UPPER, [off(n) for n in range(250)])
    assert [len(manscdp.items_of(one.text)) for one in raw.of("NOTIFY")] == [0, 100, 100, 50]
    await above.notifier.close()


async def test_a_refresh_keeps_the_dialog_and_sends_no_initial_notify(above: Above, clock: Clock) -> None:
    first = await above.subscribe(expires="60")
    await above.notified(1)
    clock.now += 50
    again = await above.subscribe(expires="60", like=first, cseq=2)
    assert again.status == 200 and again.need("to") == first.need("to")
    clock.now += 50
    await above.notifier.expire()
    assert len(above.notifier.of_upper(UPPER)) == 1 and len(above.raw.of("NOTIFY")) == 1
    clock.now += 20
    await above.notifier.expire()
    assert above.notifier.of_upper(UPPER) == []


async def test_a_cancel_in_the_dialog_ends_it_with_a_last_notify(above: Above, stores: Stores) -> None:
    first = await above.subscribe()
    await above.notified(1)
    # The example of GB/T 28181-2016 J.22.11 uses the CSeq of the refresh again.
    answer = await above.subscribe(expires="0", like=first, cseq=1)
    assert answer.status == 200 and answer.need("expires") == "0"
    last = (await above.notified(2))[-1]
    assert last.need("subscription-state") == "terminated;reason=timeout" and last.body == b""
    await eventually(lambda: not stores.subscriptions.all())
    await above.notifier.notify(UPPER, [off(1)])
    assert above.ids() == []


async def test_a_refresh_of_a_dialog_nobody_knows_is_answered_481(above: Above) -> None:
    answer = await above.subscribe(to=f"<sip:{NODE}@3402000000>;tag=gone", call_id="gone")
    assert answer.status == 481


async def test_subscribing_to_the_same_subject_again_replaces_the_old_subscription(
    above: Above, stores: Stores
) -> None:
    first = await above.subscribe()
    second = await above.subscribe()
    third = await above.subscribe(call_id=second.need("call-id"), cseq=2)
    await eventually(lambda: len(above.raw.of("NOTIFY")) >= 3)
    assert len(above.notifier.of_upper(UPPER)) == 1 and len({one.need("to") for one in (first, second, third)}) == 3
    await above.notifier.notify(UPPER, [off(1)])
    assert tag_of(above.raw.of("NOTIFY")[-1].need("from")) == tag_of(third.need("to"))
    await eventually(lambda: len(stores.subscriptions.all()) == 1)


async def test_only_the_catalogue_can_be_subscribed_to(above: Above) -> None:
    answer = await above.subscribe(body=xml("Query", "MobilePosition", "<Interval>5</Interval>"))
    assert answer.status == 403 and above.notifier.of_upper(UPPER) == []


async def test_a_subscription_without_a_body_is_one_to_everything(above: Above) -> None:
    assert (await above.subscribe(body=b"")).status == 200
    [first] = await above.notified(1)
    assert element(first.text, "DeviceID") == NODE


async def test_a_subscription_to_a_part_is_told_of_that_part_alone(above: Above) -> None:
    above.offline = [off(1), off(2)]
    above.scopes["3402"] = frozenset({off(1).device_id, off(3).device_id})
    await above.subscribe(subject="3402")
    await above.notified(1)
    assert above.ids() == [off(1).device_id]
    # What was in the part and is gone from it is told too.
    above.scopes["3402"] = frozenset({off(1).device_id})
    await above.notifier.notify(UPPER, [CatalogItem(device_id=off(3).device_id, event="DEL"), off(2)])
    assert above.ids() == [off(1).device_id, off(3).device_id]
    await above.notifier.notify(UPPER, [off(2)])
    assert len(above.raw.of("NOTIFY")) == 2


async def test_a_notify_answered_481_ends_the_subscription(above: Above, stores: Stores) -> None:
    await above.subscribe()
    await above.notified(1)
    above.notify_answer = lambda request: 481
    await above.notifier.notify(UPPER, [off(n) for n in range(50)])
    assert above.notifier.of_upper(UPPER) == [] and stores.subscriptions.all() == []
    assert len(above.raw.of("NOTIFY")) == 2


async def test_three_unanswered_notifies_end_the_subscription(above: Above) -> None:
    await above.subscribe()
    await above.notified(1)
    above.notify_answer = lambda request: None
    await above.notifier.notify(UPPER, [off(1)])
    assert above.notifier.of_upper(UPPER) == []
    assert len({one.need("cseq") for one in above.raw.of("NOTIFY")[1:]}) == 3


async def test_what_was_not_answered_is_told_again_and_nothing_is_lost(above: Above) -> None:
    await above.subscribe()
    await above.notified(1)
    busy = iter([503, 503])
    above.notify_answer = lambda request: next(busy, 200)
    await above.notifier.notify(UPPER, [off(1)])
    assert above.ids() == [off(1).device_id] * 3
    [alive] = above.notifier.of_upper(UPPER)
    assert alive.failures == 0


async def test_a_notify_the_peer_does_not_like_is_not_repeated(above: Above) -> None:
    await above.subscribe()
    await above.notified(1)
    above.notify_answer = lambda request: 400
    await above.notifier.notify(UPPER, [off(1)])
    above.notify_answer = lambda request: 200
    await above.notifier.notify(UPPER, [off(2)])
    assert above.ids() == [off(1).device_id, off(2).device_id]


async def test_a_change_is_never_told_before_the_state_it_changes(above: Above) -> None:
    gate = asyncio.Event()

    async def slow(upper_id: str) -> list[CatalogItem]:
        await gate.wait()
        return [off(1)]

    above.notifier._initial = slow
    await above.subscribe()
    news = asyncio.create_task(above.notifier.notify(UPPER, [CatalogItem(device_id=off(1).device_id, event="ON")]))
    await asyncio.sleep(0.02)
    assert above.raw.of("NOTIFY") == []
    gate.set()
    await news
    assert [element(one.text, "Event") for one in above.raw.of("NOTIFY")] == ["OFF", "ON"]


async def test_a_subscription_survives_a_restart(
    above: Above, desk: Desk, raw: RawPeer, clock: Clock, tmp_path: Path, stores: Stores
) -> None:
    first = await above.subscribe()
    await above.notified(1)
    await eventually(lambda: stores.subscriptions.all() and stores.subscriptions.all()[0].state == {"sn": 1})
    await above.notifier.close()
    again = await Stores.open(tmp_path)
    try:
        restarted = Above(desk, raw, again, clock)
        restarted.notifier.restore()
        await restarted.notifier.notify(UPPER, [off(1)])
        told = raw.of("NOTIFY")[-1]
        assert told.need("call-id") == first.need("call-id") and tag_of(told.need("to")) == "up"
        # Beyond every number that may have been used and not stored.
        assert told.need("cseq") == f"{CSEQ_GAP + 2} NOTIFY" and element(told.text, "SN") == "2"
        assert (await restarted.subscribe(like=first, cseq=2)).status == 200
        clock.now += 86_400
        late = Above(desk, raw, again, clock)
        late.notifier.restore()
        assert late.notifier.of_upper(UPPER) == []
        await asyncio.gather(*restarted.tasks)
        await restarted.notifier.close()
    finally:
        await again.close()


async def test_an_upper_platform_that_is_gone_loses_its_subscriptions(above: Above, stores: Stores) -> None:
    await above.subscribe()
    await above.notified(1)
    await above.notifier.upper_gone(UPPER)
    assert above.notifier.of_upper(UPPER) == [] and stores.subscriptions.all() == []


async def test_nothing_is_sent_to_an_upper_platform_that_is_not_configured_any_more(above: Above) -> None:
    await above.subscribe()
    await above.notified(1)
    above.known = False
    await above.notifier.notify(UPPER, [off(1)])
    first = above.notifier.of_upper(UPPER)[0]
    await above.notifier._end(first, "timeout")
    assert len(above.raw.of("NOTIFY")) == 1


async def test_subscriptions_are_bounded(above: Above, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SUBSCRIPTIONS", 1)
    assert (await above.subscribe()).status == 200
    assert (await above.subscribe(subject=CHANNEL)).status == 503
    await above.notified(1)
