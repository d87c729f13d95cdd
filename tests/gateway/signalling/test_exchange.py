"""Questions and answers over a real stack: correlation by peer, command and SN."""

from __future__ import annotations

import pytest

from gateway.signalling import exchange as module
from gateway.signalling.exchange import MAX_DATAGRAM, Correspondent, Exchange, QuestionRefused
from gateway.signalling.requests import Party
from interop.wire.sipwire import element
from sip import RemoteError
from sip.aio import Peer
from sip.manscdp import CatalogQuery, CatalogResponse, DeviceInfoResponse, Edition
from tests.gateway.signalling.raw import CAMERA, CHANNEL, NODE, Desk, RawPeer


def correspondent(raw: RawPeer, *, transport: str = "UDP", own_id: str = "") -> Correspondent:
    return Correspondent(CAMERA, Peer(transport, *raw.address), "GB2312", Edition.V2016, own_id=own_id)


async def test_a_message_goes_out_whole_and_its_answer_comes_back(desk: Desk, raw: RawPeer) -> None:
    exchange = Exchange(desk.stack, Party(NODE))
    response = await exchange.tell(correspondent(raw), CatalogQuery(sn=7, device_id=CAMERA), target=CHANNEL)
    [heard] = raw.of("MESSAGE")
    assert response.status == 200 and heard.start.startswith(f"MESSAGE sip:{CHANNEL}@127.0.0.1:")
    assert element(heard.text, "SN") == "7" and heard.need("content-type") == "Application/MANSCDP+xml"
    assert f"sip:{NODE}@" in heard.need("from") and raw.port.faults == type(raw.port.faults)(maxlen=500)


async def test_towards_an_upper_platform_our_own_id_there_is_used(desk: Desk, raw: RawPeer) -> None:
    exchange = Exchange(desk.stack, Party(NODE))
    await exchange.tell(correspondent(raw, own_id="34010000002000000077"), CatalogQuery(sn=7, device_id=CAMERA))
    assert "sip:34010000002000000077@3401000000" in raw.of("MESSAGE")[0].need("from")


async def test_a_refusal_is_raised_with_its_code_and_silence_as_no_answer(desk: Desk, raw: RawPeer) -> None:
    exchange = Exchange(desk.stack, Party(NODE), answer_s=0.5)
    raw.answer = lambda request: 403
    with pytest.raises(QuestionRefused, match="403") as refused:
        await exchange.tell(correspondent(raw), CatalogQuery(sn=7, device_id=CAMERA))
    assert refused.value.status == 403
    raw.answer = lambda request: None
    with pytest.raises(RemoteError):
        await exchange.tell(correspondent(raw), CatalogQuery(sn=7, device_id=CAMERA))


async def test_an_answer_belongs_to_the_peer_the_command_and_the_sn_of_its_question(desk: Desk) -> None:
    exchange = Exchange(desk.stack, Party(NODE))
    async with exchange.question(CAMERA, "Catalog") as question, exchange.question(CAMERA, "DeviceInfo") as other:
        assert question.sn != other.sn
        answer = CatalogResponse(sn=question.sn, device_id=CAMERA)
        assert exchange.answered(CAMERA, "Catalog", answer)
        assert not exchange.answered("somebody else", "Catalog", answer)
        assert not exchange.answered(CAMERA, "DeviceInfo", DeviceInfoResponse(sn=question.sn, device_id=CAMERA))
        assert question.answers.get_nowait() is answer and other.answers.empty()
    assert not exchange.answered(CAMERA, "Catalog", answer)


async def test_open_questions_and_their_answers_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUESTIONS", 1)
    exchange = Exchange(desk.stack, Party(NODE))
    async with exchange.question(CAMERA, "Catalog") as question:
        with pytest.raises(QuestionRefused, match="503"):
            async with exchange.question(CAMERA, "Catalog"):
                pass
        for _ in range(module.MAX_ANSWERS_WAITING + 2):
            assert exchange.answered(CAMERA, "Catalog", CatalogResponse(sn=question.sn, device_id=CAMERA))
        assert question.overflowed == 2


async def test_two_runs_of_a_node_do_not_count_from_the_same_number(desk: Desk) -> None:
    first = {Exchange(desk.stack, Party(NODE)).next_sn() for _ in range(8)}
    assert len(first) > 1 and max(first) < 2**15


async def test_a_body_as_large_as_there_is_room_for_makes_a_datagram_that_stays_whole(desk: Desk, raw: RawPeer) -> None:
    exchange = Exchange(desk.stack, Party(NODE))
    to = correspondent(raw)
    room = exchange.body_room(to)
    assert room is not None and room > 700
    await exchange.send(to, b"x" * room)
    assert MAX_DATAGRAM - 150 < len(raw.of("MESSAGE")[0].raw) <= MAX_DATAGRAM
    assert exchange.body_room(correspondent(raw, transport="TCP")) is None
