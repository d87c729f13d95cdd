"""INVITE to BYE with everything that can come in between, from a hand-written platform."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Any

import pytest

from interop.wire import manscdp, sipwire
from interop.wire.call import WireCall
from interop.wire.media import Receiver
from interop.wire.platform import WirePlatform
from interop.wire.sipwire import Split, WireRefused

DEVICE = "34020000001180000001"
FIRST, SECOND, THIRD = "34020000001310000001", "34020000001310000002", "34020000001310000003"


async def test_a_third_encoder_is_busy_and_free_again_after_a_bye(meet: Any) -> None:
    async with meet(max_encoders=2) as m:
        first, second = await m.up.play(FIRST), await m.up.play(SECOND)
        with pytest.raises(WireRefused) as refused:
            await m.up.play(THIRD)
        assert refused.value.status == 486
        again = await m.up.play(FIRST)
        await again.first_key()
        await first.bye()
        await second.bye()
        third = await m.up.play(THIRD)
        await third.first_key()
        assert sorted(m.device.encoding) == [FIRST, THIRD]


async def test_calls_of_one_channel_share_an_encoder_and_see_the_same_frames(meet: Any) -> None:
    async with meet(max_encoders=1) as m:
        first = await m.up.play(FIRST)
        await first.first_key()
        second = await m.up.play(FIRST, transport="tcp_passive")
        third = await m.up.play(FIRST, transport="tcp_active")
        assert m.device.encoding == [FIRST]
        late = await second.frames(5)
        await third.frames(5)
        assert late[0].key
        await first.frames(len(first.units) + 5)
        seen = [unit.sha256 for unit in first.units]
        at = seen.index(late[0].sha256)
        assert seen[at : at + 5] == [unit.sha256 for unit in late[:5]]
        assert {unit.sha256 for unit in third.units[:1]} <= set(seen)
        await first.bye()
        assert m.device.encoding == [FIRST]


async def test_too_many_calls(meet: Any) -> None:
    async with meet(max_calls=1) as m:
        await m.up.play(FIRST)
        with pytest.raises(WireRefused) as refused:
            await m.up.play(FIRST)
        assert refused.value.status == 486


async def test_what_cannot_be_played_is_refused(meet: Any) -> None:
    async with meet() as m:
        with pytest.raises(WireRefused) as refused:
            await m.up.play("34020000001310000099")
        assert refused.value.status == 404
        for body, status in ((b"v=0\r\n", 488), (_offer(m.up).replace(b"PS/90000", b"H264/90000"), 488)):
            assert (await _invite(m.up, FIRST, body)).status == status
        assert m.device.sessions == []
        assert m.device.encoding == []


async def test_the_offered_type_of_the_program_stream_is_used_and_a_missing_y_is_made_up(meet: Any) -> None:
    async with meet() as m:
        body = _offer(m.up).replace(b"RTP/AVP 96", b"RTP/AVP 98 97").replace(b"rtpmap:96 PS", b"rtpmap:97 PS")
        body = body.replace(b"a=rtpmap:97", b"a=rtpmap:98 H264/90000\r\na=rtpmap:97")
        answer = await _invite(m.up, FIRST, body)
        assert b"RTP/AVP 97\r\n" in answer.body
        y = re.search(rb"\r\ny=(\d{10})\r\n", answer.body)
        assert y is not None
        assert int(y[1]) == m.device.sessions[0].ssrc


def _offer(up: WirePlatform, port: int = 40000) -> bytes:
    return manscdp.sdp(up.id, "127.0.0.1", port)


def _invite_bytes(up: WirePlatform, channel: str, body: bytes, *, to_tag: str = "") -> bytes:
    path = up.path_to(DEVICE)
    to = f"<sip:{channel}@3402000000>" + (f";tag={to_tag}" if to_tag else "")
    lines = [*up.lines(path, to, sipwire.fresh("inv"), "1 INVITE", sipwire.fresh()), up.contact()]
    lines.append("Content-Type: application/sdp")
    return sipwire.build(f"INVITE sip:{channel}@{path.host}:{path.port} SIP/2.0", lines, body)


async def _invite(up: WirePlatform, channel: str, body: bytes, **more: str) -> Split:
    """An INVITE that is acknowledged; its answer."""
    data, path = _invite_bytes(up, channel, body, **more), up.path_to(DEVICE)
    answer = await up.port.ask(data, path)
    call = WireCall(up.port, channel, Receiver(), path)
    call.invite, call.answer = sipwire.split(data), answer
    up.port.send(call.in_dialog("ACK", cseq=1), path)
    return answer


async def test_a_second_invite_in_the_dialog_confirms_the_same_media(meet: Any) -> None:
    async with meet() as m:
        call = await m.up.play(FIRST)
        await call.first_key()
        assert call.invite is not None
        assert call.answer is not None
        more = ("Content-Type: application/sdp", m.up.contact())
        again = await m.up.port.ask(call.in_dialog("INVITE", *more, body=call.invite.body), call.path)
        assert again.status == 200
        assert again.body == call.answer.body
        m.up.port.send(call.in_dialog("ACK", cseq=2), call.path)
        had = len(call.units)
        await call.frames(had + 5)
        moved = manscdp.sdp(m.up.id, "127.0.0.1", 40002, y="0200000001")
        refused = await m.up.port.ask(call.in_dialog("INVITE", *more, body=moved), call.path)
        assert refused.status == 488
        stale = await m.up.port.ask(call.in_dialog("INVITE", *more, body=moved, cseq=1), call.path)
        assert stale.status == 500
        assert len(m.device.sessions) == 1
        assert m.device.encoding == [FIRST]


async def test_an_invite_in_an_unknown_dialog_is_refused(meet: Any) -> None:
    async with meet() as m:
        assert (await _invite(m.up, FIRST, _offer(m.up), to_tag="nobody")).status == 481


async def test_a_bye_before_the_ack_ends_the_call_at_once(meet: Any) -> None:
    async with meet() as m:
        data, path = _invite_bytes(m.up, FIRST, _offer(m.up)), m.up.path_to(DEVICE)
        call = WireCall(m.up.port, FIRST, Receiver(), path)
        call.invite, call.answer = sipwire.split(data), await m.up.port.ask(data, path)
        assert (await m.up.port.ask(call.in_dialog("BYE"), path)).status == 200
        await m.news.event("stopped")
        assert m.device.sessions == []
        m.up.port.send(call.in_dialog("ACK", cseq=1), path)
        assert (await m.up.port.ask(call.in_dialog("BYE"), path)).status == 481
        assert m.news.count("streaming") == m.news.count("call failed") == 0
        assert m.device.encoding == []


async def test_a_bye_of_a_stranger_or_out_of_order_ends_nothing(meet: Any) -> None:
    async with meet() as m:
        call = await m.up.play(FIRST)
        await call.first_key()
        foreign = re.sub(rb";tag=[^\r\n]+", b";tag=guessed", call.in_dialog("BYE", cseq=5))
        assert (await m.up.port.ask(foreign, call.path)).status == 481
        assert (await m.up.port.ask(call.in_dialog("BYE", cseq=1), call.path)).status == 500
        await call.frames(len(call.units) + 3)


async def test_a_cancelled_invite_leaves_nothing_behind(meet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with meet() as m:
        slow = asyncio.Event()
        original = m.device._calls._answer

        async def answer_late(call: Any) -> Any:
            await slow.wait()
            return await original(call)

        monkeypatch.setattr(m.device._calls, "_answer", answer_late)
        data, path = _invite_bytes(m.up, FIRST, _offer(m.up)), m.up.path_to(DEVICE)
        inviting = asyncio.ensure_future(m.up.port.ask(data, path))
        await m.until(lambda: m.device.sessions != [])
        cancel = re.sub(rb"(?m)^INVITE|(?<=CSeq: 1 )INVITE", b"CANCEL", data)
        cancel = re.sub(rb"(?s)Content-Length: \d+.*", b"Content-Length: 0\r\n\r\n", cancel)
        assert (await m.up.port.ask(cancel, path)).status == 200
        assert (await inviting).status == 487
        slow.set()
        await m.news.event("stopped")
        assert m.device.sessions == []


async def test_media_that_cannot_be_opened_refuses_the_call(meet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with meet() as m:
        monkeypatch.setattr(socket.socket, "bind", _no_port)
        with pytest.raises(WireRefused) as refused:
            await m.up.play(FIRST, transport="tcp_active")
        assert refused.value.status == 488
        assert m.device.sessions == []


def _no_port(self: socket.socket, address: Any) -> None:
    raise OSError(98, "Address already in use")


async def test_a_receiver_nobody_can_reach_ends_the_call_with_a_bye(meet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interop.device.session.CONNECT_TRIES", 1)
    async with meet() as m:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            body = manscdp.sdp(m.up.id, "127.0.0.1", closed.getsockname()[1], tcp=True, setup="passive")
            assert (await _invite(m.up, FIRST, body)).status == 200
            await m.news.event("call failed")
            await m.news.event("stopped")
        assert m.device.sessions == []


async def test_the_end_of_the_media_connection_ends_the_call_with_a_bye(meet: Any) -> None:
    async with meet() as m:
        call = await m.up.play(FIRST, transport="tcp_active")
        await call.first_key()
        for writer in call._writers:
            writer.close()
        assert (await m.news.event("media ended"))["channel"] == FIRST
        await asyncio.wait_for(call.ended.wait(), 10)
        assert m.device.sessions == []


@pytest.mark.parametrize("repeated", [False, True])
async def test_a_missing_ack_ends_the_call_with_a_bye(
    meet: Any, monkeypatch: pytest.MonkeyPatch, repeated: bool
) -> None:
    async with meet() as m:
        if repeated:
            call = await m.up.play(FIRST)
            assert call.invite is not None
            monkeypatch.setattr("interop.device.calls.ACK_WAIT_S", 0.05)
            more = ("Content-Type: application/sdp", m.up.contact())
            answer = await m.up.port.ask(call.in_dialog("INVITE", *more, body=call.invite.body), call.path)
        else:
            monkeypatch.setattr("interop.device.calls.ACK_WAIT_S", 0.05)
            answer = await m.up.port.ask(_invite_bytes(m.up, FIRST, _offer(m.up)), m.up.path_to(DEVICE))
        assert answer.status == 200
        await m.news.event("call failed")
        await m.news.event("stopped")
        await m.until(lambda: any(one.method == "BYE" and not one.status for one in m.up.port.received))
        assert m.device.sessions == []
