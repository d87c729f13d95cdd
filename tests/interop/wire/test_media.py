"""Media legs packet by packet: what the sender puts out, and what the receiver notices."""

from __future__ import annotations

import asyncio
import itertools
import socket

import pytest

from interop.wire import psbytes
from interop.wire.media import Picture, Receiver, Sender, bound_udp

FIRST = (1 << 32) - 9000


def _frames(count: int, **knobs: object) -> tuple[Sender, list[list[bytes]]]:
    sender = Sender(Picture(psbytes.H264, 1, FIRST), 200000001, **knobs)  # type: ignore[arg-type]
    return sender, list(itertools.islice(sender.packets(), count))


def test_packets_of_a_frame_share_a_time_and_only_the_last_is_marked() -> None:
    sender, frames = _frames(3)
    assert all(len(packet) <= 1400 for frame in frames for packet in frame)
    for number, frame in enumerate(frames):
        assert {packet[4:8] for packet in frame} == {((FIRST + number * 9000) & 0xFFFFFFFF).to_bytes(4, "big")}
        assert [packet[1] for packet in frame] == [0x60] * (len(frame) - 1) + [0xE0]
        assert {packet[8:12] for packet in frame} == {bytes.fromhex("0BEBC201")}
    numbers = [int.from_bytes(packet[2:4], "big") for frame in frames for packet in frame]
    assert numbers == list(range(18139, 18139 + len(numbers)))
    assert [unit.pts for unit in sender.units[:2]] == [FIRST, 1 << 32]


def test_what_is_sent_is_received_across_sequence_and_time_wrap() -> None:
    sender = Sender(Picture(psbytes.H264, 1, FIRST), 7, sequence=65530, with_audio=True)
    receiver = Receiver(7)
    for frame in itertools.islice(sender.packets(), 12):
        for packet in reversed(frame[:-1]):
            receiver.packet(packet)
        receiver.packet(frame[-1])
    assert list(receiver.faults) == []
    assert receiver.units == sender.units[:12]
    assert receiver.codec == psbytes.H264


def test_a_framed_stream_may_come_byte_by_byte() -> None:
    sender, frames = _frames(1)
    receiver = Receiver()
    data = b"".join(psbytes.framed(packet) for packet in frames[0])
    for at in range(len(data)):
        receiver.stream(data[at : at + 1])
    assert receiver.units == sender.units
    assert receiver.packets == len(frames[0])


def test_the_next_key_frame_can_be_had_at_once() -> None:
    picture = Picture(psbytes.H264, 1, 0)
    run = iter(picture)
    keys = [next(run)[2] for _ in range(3)]
    picture.skip_to_key()
    assert [*keys, next(run)[2], next(run)[2]] == [True, False, False, True, False]


def _spoilt(change: str) -> Receiver:
    _, frames = _frames(2)
    packets = [packet for frame in frames for packet in frame]
    receiver = Receiver(200000001)
    if change == "lost":
        del packets[1]
    elif change == "ssrc":
        packets = [packet[:8] + packet[8:12][::-1] + packet[12:] for packet in packets]
    elif change == "unmarked":
        packets = [packet[:1] + bytes([packet[1] & 0x7F]) + packet[2:] for packet in packets]
    elif change == "header":
        packets.insert(0, b"\x00" * 20)
    elif change == "long":
        packets.append(psbytes.rtp(1, 0, 200000001, bytes(1500), marker=True))
    elif change == "time":
        packets = [packet[:7] + b"\x01" + packet[8:] for packet in packets]
    elif change == "rtcp":
        packets.insert(0, bytes([0x80, 200, 0, 6]) + bytes(24))
    for packet in packets:
        receiver.packet(packet)
    return receiver


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("lost", "sequence gap"),
        ("ssrc", "SSRC 29551371 instead of 200000001"),
        ("unmarked", "ended without marker"),
        ("header", "RTP header"),
        ("long", "payload of 1500 bytes"),
        ("time", "RTP time"),
    ],
)
def test_each_departure_is_noticed(change: str, fault: str) -> None:
    assert any(fault in one for one in _spoilt(change).faults)


def test_rtcp_on_the_same_port_is_not_media() -> None:
    assert list(_spoilt("rtcp").faults) == []


@pytest.mark.parametrize(
    ("pack", "fault"),
    [
        (psbytes.pes(0xE0, b"\0\0\0\1\x41", 90000), "pack begins"),
        (psbytes.pack_header(91000) + psbytes.pes(0xE0, b"\0\0\0\1\x41", 90000), "SCR 91000"),
        (psbytes.pack_header(86400) + psbytes.pes(0xE0, b"\0\0\0\1\x67\1\0\0\1\x65", 90000), "key frame pack begins"),
        (psbytes.pack_header(86400)[:-1], "PS: pack header"),
    ],
)
def test_packs_that_begin_wrong(pack: bytes, fault: str) -> None:
    receiver = Receiver()
    receiver.packet(psbytes.rtp(1, 90000, 1, pack, marker=True))
    assert any(fault in one for one in receiver.faults)


def test_a_pack_of_sound_alone_is_no_unit() -> None:
    receiver = Receiver()
    pack = psbytes.pack_header(86400) + psbytes.pes(0xC0, b"\xd5", 90000)
    receiver.packet(psbytes.rtp(1, 90000, 1, pack, marker=True))
    assert receiver.units == []
    assert list(receiver.faults) == []


async def test_over_udp_and_over_tcp() -> None:
    loop = asyncio.get_running_loop()
    receiver, sender = Receiver(7), Sender(Picture(psbytes.H264, 1, 0), 7)
    theirs, ours = bound_udp("127.0.0.1"), bound_udp("127.0.0.1")
    assert theirs.getsockname()[1] % 2 == 0
    transport, _ = await loop.create_datagram_endpoint(lambda: receiver, sock=theirs)
    task = loop.create_task(sender.run_udp(ours, theirs.getsockname()))
    assert (await receiver.until(2)).pts == 9000
    assert receiver.sources == {ours.getsockname()}
    task.cancel()
    transport.close()
    ours.close()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_tcp_sender_ends_with_the_stream() -> None:
    arrived = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.transport.abort()
        arrived.set()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, family=socket.AF_INET)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await asyncio.wait_for(Sender(Picture(psbytes.H264, 1, 0), 7).run_tcp(writer), 10)
    assert arrived.is_set()
    server.close()
    await server.wait_closed()
