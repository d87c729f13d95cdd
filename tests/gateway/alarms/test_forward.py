"""Alarms on their way to upper platforms made of bytes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from catalog import ChannelKey
from gateway.alarms import forward as module
from gateway.alarms.alarm import Alarm
from gateway.alarms.forward import AlarmForwarder
from gateway.errors import Failure, Reason
from gateway.signalling.exchange import Correspondent, Exchange
from gateway.signalling.requests import Party
from interop.wire.sipwire import element
from sip.aio import Peer
from sip.manscdp import Edition
from tests.gateway.signalling.raw import CAMERA, CHANNEL, NODE, UPPER, Desk, RawPeer, eventually

PUBLISHED = "34010000001320000009"


@dataclass
class Shown:
    published_id_of: dict[ChannelKey, str] = field(default_factory=lambda: {ChannelKey(CAMERA, CHANNEL): PUBLISHED})
    actions: frozenset[str] = frozenset({"alarm"})

    def allows(self, action: str) -> bool:
        return action in self.actions


class Above:
    """What the node knows of the platform above."""

    def __init__(self, desk: Desk, raw: RawPeer) -> None:
        self.shown: Shown | Exception = Shown()
        self.uppers, self.registered = [UPPER], True
        self.to: Correspondent | None = Correspondent(UPPER, Peer("UDP", *raw.address), "GB2312", Edition.V2022)
        self.forwarder = AlarmForwarder(
            Exchange(desk.stack, Party(NODE), answer_s=1.0),
            uppers=lambda: self.uppers,
            registered=lambda _: self.registered,
            correspondent=lambda _: self.to,
            shared=self.shared,
        )

    async def shared(self, upper_id: str) -> Shown:
        if isinstance(self.shown, Exception):
            raise self.shown
        return self.shown

    async def counted(self, what: str, times: int = 1) -> None:
        await eventually(lambda: self.forwarder.counters[what] == times and not self.forwarder._tasks)


@pytest.fixture
def above(desk: Desk, raw: RawPeer) -> Above:
    return Above(desk, raw)


def alarm(number: int = 1, code: str = CHANNEL, peer: str = CAMERA) -> Alarm:
    return Alarm(float(number), peer, code, "5", "2", time=f"2026-01-02T03:04:{number:02}")


async def test_an_alarm_is_told_under_the_published_code(above: Above, raw: RawPeer) -> None:
    above.forwarder.take(alarm())
    [heard] = await raw.wait_for("MESSAGE", "Alarm")
    assert element(heard.text, "DeviceID") == PUBLISHED and element(heard.text, "AlarmType") == "2"
    assert CHANNEL not in heard.text and f"sip:{UPPER}@" in heard.start
    await above.counted("sent")


async def test_alarms_keep_their_order(above: Above, raw: RawPeer) -> None:
    for number in range(5):
        above.forwarder.take(alarm(number))
    await above.counted("sent", 5)
    assert [element(one.text, "AlarmTime") for one in raw.of("MESSAGE")] == [alarm(n).time for n in range(5)]


async def test_who_may_not_have_it_hears_nothing(above: Above, raw: RawPeer) -> None:
    for shown in (Shown(actions=frozenset({"live"})), Shown(published_id_of={})):
        above.shown = shown
        above.forwarder.take(alarm())
        await eventually(lambda: not above.forwarder._tasks)
    above.shown, above.to = Shown(), None
    above.forwarder.take(alarm())
    await above.counted("not_shared", 3)
    above.registered = False
    above.forwarder.take(alarm())
    above.registered = True
    above.forwarder.take(alarm(peer=UPPER))
    assert raw.heard == [] and not above.forwarder._tasks


async def test_trouble_with_one_alarm_does_not_keep_the_next(above: Above, raw: RawPeer) -> None:
    raw.answer = lambda request: 403
    above.forwarder.take(alarm(1))
    await above.counted("failed", 1)
    above.shown = Failure(Reason.INTERNAL)
    above.forwarder.take(alarm(2))
    await above.counted("failed", 2)
    above.shown = RuntimeError("a fault of our own")
    above.forwarder.take(alarm(3))
    await eventually(lambda: not above.forwarder._tasks)
    above.shown = Shown()
    raw.answer = lambda request: 200
    above.forwarder.take(alarm(4))
    await above.counted("sent")


async def test_an_upper_that_does_not_answer_lets_only_so_many_wait(
    above: Above, raw: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    raw.answer = lambda request: None
    above.forwarder.take(alarm(0))
    await raw.wait_for("MESSAGE", "Alarm")
    for number in range(1, 6):
        above.forwarder.take(alarm(number))
    assert above.forwarder.counters["left_out"] == 3
    assert [one.at for one in above.forwarder._waiting[UPPER]] == [4.0, 5.0]
    await above.forwarder.stop()
    assert not above.forwarder._tasks
    await asyncio.sleep(0)
