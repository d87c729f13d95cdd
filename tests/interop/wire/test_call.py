"""A live view's two halves: the dialog and the media leg."""

from __future__ import annotations

import asyncio

from interop.wire import manscdp, psbytes, sipwire
from interop.wire.call import WireCall
from interop.wire.media import Picture, Receiver, Sender
from interop.wire.port import WirePort
from interop.wire.sipwire import Path, Split

INVITE = sipwire.split(b"INVITE sip:c@h SIP/2.0\r\nFrom: <sip:u@d>;tag=i\r\nCall-ID: live-1\r\nCSeq: 1 INVITE\r\n\r\n")


def _answer(port: int) -> Split:
    body = manscdp.sdp("34020000001320000001", "127.0.0.1", port, tcp=True, setup="passive")
    lines = ["To: <sip:c@d>;tag=dev7", "Contact: <sip:c@198.51.100.20:5060>", "CSeq: 1 INVITE", "Call-ID: live-1"]
    return sipwire.split(sipwire.build("SIP/2.0 200 OK", lines, body))


async def _nothing(request: Split, path: Path) -> None:
    return None


async def test_requests_of_the_dialog_go_to_the_contact_with_both_tags() -> None:
    port = WirePort("127.0.0.1", _nothing)
    call = WireCall(port, "c", Receiver(), Path("UDP", "127.0.0.1", 9))
    call.invite, call.answer = INVITE, _answer(9)
    ack, bye = sipwire.split(call.in_dialog("ACK", cseq=1)), sipwire.split(call.in_dialog("BYE", "X: y"))
    assert ack.start == "ACK sip:c@198.51.100.20:5060 SIP/2.0"
    assert (ack.need("cseq"), bye.need("cseq"), bye.need("x")) == ("1 ACK", "2 BYE", "y")
    assert (bye.need("from"), bye.need("to")) == ("<sip:u@d>;tag=i", "<sip:c@d>;tag=dev7")
    assert bye.need("call-id") == "live-1"


async def test_media_over_each_transport() -> None:
    port = WirePort("127.0.0.1", _nothing)
    await port.open()
    async with asyncio.timeout(20):
        for transport in ("udp", "tcp_passive", "tcp_active"):
            call = WireCall(port, "c", Receiver(5), Path("UDP", "127.0.0.1", 9))
            sender = Sender(Picture(psbytes.H265, 1, 0), 5)
            offered = await call.open_leg(transport)
            task = asyncio.ensure_future(_send(sender, transport, offered, call))
            first = await call.first_key()
            assert (await call.frames(2))[0] == first == sender.units[0]
            assert call.codec == "H265"
            assert call.ps.startswith(b"\0\0\1\xba")
            assert call.faults == []
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            call.close()
            assert call.ended.is_set()
    await port.close()


async def _send(sender: Sender, transport: str, offered: int, call: WireCall) -> None:
    if transport == "udp":
        sock = __import__("socket").socket(type=2)
        try:
            await sender.run_udp(sock, ("127.0.0.1", offered))
        finally:
            sock.close()
    elif transport == "tcp_passive":
        _, writer = await asyncio.open_connection("127.0.0.1", offered)
        await sender.run_tcp(writer)
    else:
        assert offered == 9
        streams: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            streams.put_nowait(writer)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        call.answer = _answer(server.sockets[0].getsockname()[1])
        await call.dial()
        server.close()
        await sender.run_tcp(await streams.get())


async def test_bye_closes_the_leg() -> None:
    async def ok(request: Split, path: Path) -> None:
        right.reply(request, path, 200)

    left, right = WirePort("127.0.0.1", _nothing), WirePort("127.0.0.1", ok)
    await left.open()
    await right.open()
    call = WireCall(left, "c", Receiver(), Path("UDP", "127.0.0.1", right.port))
    call.invite, call.answer = INVITE, _answer(9)
    await call.open_leg("udp")
    assert (await call.bye()).status == 200
    assert call.ended.is_set()
    await left.close()
    await right.close()
