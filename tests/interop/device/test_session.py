"""One call's media leg towards a hand-written receiver."""

from __future__ import annotations

import asyncio
import hashlib
import socket

import pytest

from interop.device.picture import PictureSettings
from interop.device.session import KEPT_UNITS, MAX_UNSENT, MediaSession
from interop.device.source import LiveSource
from interop.wire.media import Receiver, bound_udp
from media import AccessUnit

FAST = PictureSettings(width=64, height=48, fps=60, gop=30, bitrate=64_000)
KEY = bytes.fromhex("0000000167428014da014000000000000168ce3c800000000165888421a0")
SLICE = bytes.fromhex("00000001419a2211c0")


def _session(ended: asyncio.Queue[str] | None = None, source: LiveSource | None = None) -> MediaSession:
    reasons = asyncio.Queue() if ended is None else ended
    return MediaSession(source or LiveSource(FAST, "one"), 200_000_001, 98, reasons.put_nowait)


def _unit(number: int, *, key: bool = False, size: int = 0) -> AccessUnit:
    data = (KEY if key else SLICE) + b"\x55" * size
    return AccessUnit(codec="H264", pts=number * 1500, dts=number * 1500, key=key, data=data, track="video")


async def test_over_udp_every_unit_arrives_whole() -> None:
    source = LiveSource(FAST, "one")
    session, receiver, sock = _session(source=source), Receiver(200_000_001), bound_udp("127.0.0.1")
    way, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: receiver, sock=sock)
    port = session.open_udp("127.0.0.1", sock.getsockname())
    await session.start()
    await receiver.until(10)
    await session.close()
    await source.close()
    way.close()
    assert receiver.sources == {("127.0.0.1", port)}
    assert receiver.payload_types == {98}
    assert not receiver.faults
    assert [(unit.sha256, unit.key) for unit in receiver.units[:10]] == list(session.sent.units)[:10]
    assert (session.sent.lost, session.sent.dropped) == (0, 0)
    assert not source.encoding


async def test_only_the_first_connection_is_taken_and_its_end_ends_the_session() -> None:
    ended: asyncio.Queue[str] = asyncio.Queue()
    session = _session(ended)
    port = await session.listen("127.0.0.1")
    starting = asyncio.ensure_future(session.start())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await starting
    second, other = await asyncio.open_connection("127.0.0.1", port)
    assert await second.read() == b""
    receiver = Receiver(200_000_001)
    while not receiver.units:
        receiver.stream(await reader.read(65536))
    writer.close()
    assert await asyncio.wait_for(ended.get(), 10) == "media connection closed"
    other.close()
    await session.close()
    await session._source.close()


async def test_a_broken_connection_ends_it_too_but_not_after_close() -> None:
    ended: asyncio.Queue[str] = asyncio.Queue()
    session = _session(ended)
    port = await session.listen("127.0.0.1")
    sock = socket.create_connection(("127.0.0.1", port))
    await session.start()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
    await asyncio.wait_for(ended.get(), 10)
    await session.close()
    await session._source.close()
    assert ended.empty()


async def test_it_gives_up_when_nobody_connects() -> None:
    session = _session()
    await session.listen("127.0.0.1")
    with pytest.raises(TimeoutError):
        await session.start(within_s=0.01)
    await session.close()


async def test_it_connects_three_times_before_it_gives_up() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused = free.getsockname()
        session = _session()
        with pytest.raises(ConnectionRefusedError):
            await session.connect(refused, pause_s=0.0)
        assert not session._connected.is_set()
        await session.close()


async def test_a_later_try_may_succeed() -> None:
    with socket.socket() as late:
        late.bind(("127.0.0.1", 0))
        session = _session()
        connecting = asyncio.ensure_future(session.connect(late.getsockname(), pause_s=0.05))
        await asyncio.sleep(0)
        late.listen()
        await connecting
        assert session._connected.is_set()
        await session.close()


async def test_a_receiver_that_does_not_read_misses_whole_frames_up_to_a_key_frame() -> None:
    session = _session()
    port = await session.listen("127.0.0.1")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await session._connected.wait()
    session._send((_unit(0, key=True), []))
    number = 0
    while not session.sent.dropped:
        number += 1
        session._send((_unit(number, size=400_000), []))
    assert session._writer is not None
    assert session._writer.transport.get_write_buffer_size() < MAX_UNSENT + 1_000_000
    sent = number
    receiver = Receiver()
    while len(receiver.units) < sent:
        receiver.stream(await reader.read(1 << 20))
    session._send((_unit(number + 1), []))
    assert session.sent.dropped == 2
    session._send((_unit(number + 2, key=True), []))
    session._send((_unit(number + 3), []))
    assert session.sent.dropped == 2
    while len(receiver.units) < sent + 2:
        receiver.stream(await reader.read(1 << 20))
    assert [unit.key for unit in receiver.units] == [True] + [False] * (sent - 1) + [True, False]
    assert not receiver.faults
    writer.close()
    await session.close()
    session._send((_unit(number + 4, key=True), []))
    assert len(session.sent.units) == sent + 2


async def test_datagrams_the_socket_refuses_are_counted() -> None:
    session = _session()
    session.open_udp("127.0.0.1", ("127.0.0.1", 0))
    session._send((_unit(0, key=True), []))
    assert session.sent.lost == 1
    assert session.sent.packets == 0
    await session.close()


async def test_the_memory_of_what_was_sent_is_bounded() -> None:
    session = _session()
    with bound_udp("127.0.0.1") as sink:
        session.open_udp("127.0.0.1", sink.getsockname())
        for number in range(KEPT_UNITS + 5):
            session._send((_unit(number, key=number == 0), []))
        await session.close()
    assert len(session.sent.units) == KEPT_UNITS
    assert session.sent.units[-1] == (hashlib.sha256(SLICE).hexdigest(), False)
