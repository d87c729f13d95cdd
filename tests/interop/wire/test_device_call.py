"""The called side of a live view: the leg it opens, the 200 it repeats, and its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from interop.wire import manscdp, psbytes, sipwire
from interop.wire.call import WireCall
from interop.wire.device_call import DeviceCall
from interop.wire.manscdp import SdpFacts
from interop.wire.media import Picture, Receiver, Sender, bound_udp
from interop.wire.port import WirePort
from interop.wire.sipwire import Path, Split

HOST = "127.0.0.1"
INVITE = sipwire.split(b"INVITE sip:c@h SIP/2.0\r\nFrom: <sip:u@d>;tag=i\r\nCall-ID: live-1\r\nCSeq: 1 INVITE\r\n\r\n")


async def _nothing(request: Split, path: Path) -> None:
    return None


def accepted(path: Path | None = None) -> DeviceCall:
    sender = Sender(Picture(psbytes.H264, 1, 0), 5)
    return DeviceCall("c", INVITE, path or Path("UDP", HOST, 9), "dev7", sender)


@contextlib.asynccontextmanager
async def sending(call: DeviceCall, offer: SdpFacts, *, other_port: bool = False) -> AsyncIterator[None]:
    task = asyncio.ensure_future(call.send_media(HOST, offer, other_port=other_port))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        call.close("closed")


@pytest.mark.parametrize("other_port", [False, True], ids=["the port answered", "another port"])
async def test_over_udp_media_leaves_from_the_port_of_the_answer_unless_told_otherwise(other_port: bool) -> None:
    sink = bound_udp(HOST)
    offer = SdpFacts(HOST, sink.getsockname()[1], False, None, "0000000005")
    call = accepted()
    port, setup = await call.open_leg(HOST, offer)
    assert setup == ""
    async with asyncio.timeout(20), sending(call, offer, other_port=other_port):
        _, source = await asyncio.get_running_loop().sock_recvfrom(sink, 2048)
    assert (source[1] == port) is not other_port
    sink.close()


@pytest.mark.parametrize(("offered", "answered"), [("tcp_passive", "active"), ("tcp_active", "passive")])
async def test_over_tcp_the_called_side_takes_the_other_part(offered: str, answered: str) -> None:
    wire = WirePort(HOST, _nothing)
    await wire.open()
    upper = WireCall(wire, "c", Receiver(5), Path("UDP", HOST, 9))
    port = await upper.open_leg(offered)
    offer = SdpFacts(HOST, port, True, offered.removeprefix("tcp_"), "0000000005")
    call = accepted()
    leg, setup = await call.open_leg(HOST, offer)
    assert setup == answered and (leg == 9) is (answered == "active")
    async with asyncio.timeout(20), sending(call, offer):
        if answered == "passive":
            body = manscdp.sdp("c", HOST, leg, tcp=True, setup="passive")
            upper.answer = sipwire.split(sipwire.build("SIP/2.0 200 OK", ["CSeq: 1 INVITE", "Call-ID: live-1"], body))
            await upper.dial()
        assert await upper.first_key() == call.units[0]
    upper.close()
    await wire.close()


async def test_a_leg_to_a_port_where_nobody_listens_fails_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    real = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _: real(0))
    offer = SdpFacts(HOST, 9, True, "passive", None)
    call = accepted()
    assert await call.open_leg(HOST, offer) == (9, "active")
    with pytest.raises(ConnectionError, match=r"nobody listens at 127\.0\.0\.1:9"):
        await call.send_media(HOST, offer)


async def test_the_200_is_repeated_until_its_ack(monkeypatch: pytest.MonkeyPatch) -> None:
    port = WirePort(HOST, _nothing)
    call = accepted()
    call.answer = b"SIP/2.0 200 OK\r\n\r\n"
    waits: list[float] = []

    async def wait_for(work: object, seconds: float) -> None:
        assert asyncio.iscoroutine(work)
        work.close()
        waits.append(seconds)
        if len(waits) < 6:
            raise TimeoutError
        call.acked.set()

    monkeypatch.setattr(asyncio, "wait_for", wait_for)
    await call.repeat_until_acked(port)
    assert waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert list(port.sent) == [call.answer] * 5


async def test_what_ended_a_call_first_is_kept_and_everything_of_it_is_closed() -> None:
    offer = SdpFacts(HOST, 9, True, "active", None)
    call = accepted()
    port, _ = await call.open_leg(HOST, offer)
    call.task = asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]
    reader, writer = await asyncio.open_connection(HOST, port)
    await asyncio.sleep(0)
    call.close("BYE")
    call.close("closed")
    assert call.ended_by == "BYE" and call.ended.is_set()
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(OSError):
        await asyncio.open_connection(HOST, port)
    await asyncio.gather(call.task, return_exceptions=True)
    assert call.task.cancelled()
