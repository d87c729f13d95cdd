"""Alarms that peers below tell of."""

from __future__ import annotations

from gateway.alarms.book import AlarmBook
from gateway.alarms.desk import AlarmDesk
from gateway.signalling.exchange import Correspondent, Exchange
from gateway.signalling.requests import Party
from interop.wire.sipwire import element
from sip.aio import Peer
from sip.manscdp import AlarmNotify, Edition
from tests.gateway.signalling.raw import CAMERA, CHANNEL, NODE, Desk, RawPeer

MESSAGE = AlarmNotify(sn=17, device_id=CHANNEL, alarm_method="5", alarm_time="2026-01-02T03:04:05", alarm_type="2")


def taking(desk: Desk, raw: RawPeer, book: AlarmBook) -> AlarmDesk:
    to = Correspondent(CAMERA, Peer("UDP", *raw.address), "GB2312", Edition.V2022)
    exchange = Exchange(desk.stack, Party(NODE), answer_s=1.0)
    return AlarmDesk(book, exchange, lambda peer_id: to if peer_id == CAMERA else None, clock=lambda: 5.0)


async def test_an_alarm_is_entered_and_answered_as_received(desk: Desk, raw: RawPeer) -> None:
    book = AlarmBook()
    await taking(desk, raw, book).take(CAMERA, MESSAGE)
    [heard] = await raw.wait_for("MESSAGE", "Alarm")
    assert "<Response>" in heard.text and element(heard.text, "SN") == "17"
    assert element(heard.text, "DeviceID") == CHANNEL and element(heard.text, "Result") == "OK"
    [kept] = book.latest()
    assert (kept.peer_id, kept.code, kept.type, kept.at) == (CAMERA, CHANNEL, "2", 5.0)


async def test_who_does_not_take_the_answer_or_is_gone_keeps_his_alarm(desk: Desk, raw: RawPeer) -> None:
    book = AlarmBook()
    raw.answer = lambda request: 403
    await taking(desk, raw, book).take(CAMERA, MESSAGE)
    await taking(desk, raw, book).take("34020000001110000009", MESSAGE)
    assert len(book.latest()) == 2
