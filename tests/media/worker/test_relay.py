"""The relay worker over real sockets: every way in to every way out, adoption, intruders, late joiners."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from media.worker.client import CommandRefused, WorkerClient
from media.worker.control import (
    CloseLeg,
    Drain,
    FirstKeyFrame,
    FirstPacket,
    ForeignSource,
    KeyFrameWanted,
    LegClosed,
    OpenInput,
    OpenSink,
    OpenSource,
    OtherSsrc,
    Shutdown,
    SinkOverflow,
    StartSink,
    TcpConnected,
    UpdateSource,
)
from media.worker.relay import RelayWorker, main

HOST = "127.0.0.1"
StartRelay = Callable[..., Awaitable[Any]]


def udp_socket(host: str = HOST) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


def listener() -> socket.socket:
    sock = socket.create_server((HOST, 0))
    sock.setblocking(False)
    return sock


async def received(sock: socket.socket, count: int) -> list[bytes]:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        return [await loop.sock_recv(sock, 65536) for _ in range(count)]


async def records(sock: socket.socket, count: int) -> list[bytes]:
    loop, data, found = asyncio.get_running_loop(), b"", []
    async with asyncio.timeout(10):
        while len(found) < count:
            chunk = await loop.sock_recv(sock, 65536)
            assert chunk, f"closed after {len(found)} of {count} records"
            data += chunk
            while len(data) >= 2 and len(data) >= 2 + (size := int.from_bytes(data[:2], "big")):
                found.append(data[2 : 2 + size])
                data = data[2 + size :]
    return found


class Sender:
    """The camera's end of a source leg."""

    def __init__(self, sock: socket.socket, tcp: bool) -> None:
        self.sock, self.tcp = sock, tcp

    async def send(self, packets: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        for packet in packets:
            await loop.sock_sendall(self.sock, struct.pack("!H", len(packet)) + packet if self.tcp else packet)


async def open_source(relay: Any, transport: str, leg: str = "in", ssrc: int = 0x01020304) -> Sender:
    opened = await relay.client.call(
        OpenSource(leg=leg, transport=transport, bind=HOST, ssrc=ssrc, accept_from=[HOST])  # type: ignore[arg-type]
    )
    loop = asyncio.get_running_loop()
    if transport == "udp":
        sock = udp_socket()
        sock.connect((HOST, opened.port))
        return Sender(sock, False)
    if transport == "tcp_passive":
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, (HOST, opened.port))
        return Sender(sock, True)
    with listener() as server:
        remote = (HOST, server.getsockname()[1])
        await relay.client.call(UpdateSource(leg=leg, ssrc=ssrc, accept_from=[HOST], remote=remote))
        sock, address = await loop.sock_accept(server)
    assert address[1] == opened.port
    return Sender(sock, True)


class Receiver:
    """The far end of a sink leg."""

    def __init__(self, sock: socket.socket, tcp: bool) -> None:
        self.sock, self.tcp = sock, tcp

    async def receive(self, count: int) -> list[bytes]:
        return await (records if self.tcp else received)(self.sock, count)


async def open_sink(relay: Any, transport: str, leg: str = "out", source: str = "in", **options: Any) -> Receiver:
    options = {"ssrc": 0x0A0B0C0D, "payload_type": 100, "first_sequence": 65534, **options}
    command = OpenSink(leg=leg, source=source, transport=transport, bind=HOST, **options)  # type: ignore[arg-type]
    opened = await relay.client.call(command)
    loop = asyncio.get_running_loop()
    if transport == "udp":
        sock = udp_socket()
        await relay.client.call(StartSink(leg=leg, remote=sock.getsockname()))
        return Receiver(sock, False)
    if transport == "tcp_passive":
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, (HOST, opened.port))
        await relay.client.call(StartSink(leg=leg, accept_from=[HOST]))
        await relay.event(TcpConnected, leg=leg)
        return Receiver(sock, True)
    with listener() as server:
        await relay.client.call(StartSink(leg=leg, remote=(HOST, server.getsockname()[1])))
        sock, address = await loop.sock_accept(server)
    await relay.event(TcpConnected, leg=leg)
    assert address[1] == opened.port
    return Receiver(sock, True)


def check_relayed(got: list[bytes], sent: list[bytes], *, first: int = 65534, ssrc: int = 0x0A0B0C0D) -> None:
    """Same timestamps, markers and payload bytes; our SSRC and payload type; one unbroken sequence."""
    assert len(got) == len(sent)
    for n, (out, packet) in enumerate(zip(got, sent, strict=True)):
        assert out[0] == packet[0]
        assert out[1] == (packet[1] & 0x80) | 100
        assert out[2:4] == struct.pack("!H", (first + n) & 0xFFFF), n
        assert out[4:8] == packet[4:8]
        assert out[8:12] == struct.pack("!I", ssrc)
        assert out[12:] == packet[12:]


TRANSPORTS = ("udp", "tcp_passive", "tcp_active")


@pytest.mark.parametrize("way_out", TRANSPORTS)
@pytest.mark.parametrize("way_in", TRANSPORTS)
async def test_payloads_pass_unchanged(start_relay: StartRelay, wire: Any, way_in: str, way_out: str) -> None:
    relay = await start_relay()
    sender = await open_source(relay, way_in)
    receiver = await open_sink(relay, way_out)
    packets = wire().gop(frames=6, packets=4, size=900)
    await sender.send(packets)
    check_relayed(await receiver.receive(len(packets)), packets)
    stats = await relay.stats("in")
    assert (stats.packets, stats.lost, stats.ssrc) == (len(packets), 0, 0x01020304)
    assert stats.first_packet_at and stats.first_key_at and stats.last_packet_at
    out = await relay.stats("out")
    assert (out.packets, out.dropped, out.state) == (len(packets), 0, "live")
    assert out.next_sequence == (65534 + len(packets)) & 0xFFFF
    sender.sock.close()
    receiver.sock.close()


async def test_the_first_packet_and_key_frame_are_told(start_relay: StartRelay, wire: Any) -> None:
    relay = await start_relay()
    sender = await open_source(relay, "udp")
    await sender.send(wire().gop(frames=2))
    first = await relay.event(FirstPacket)
    assert (first.leg, first.ssrc, first.remote, first.payload_type) == (
        "in",
        0x01020304,
        sender.sock.getsockname(),
        96,
    )
    assert (await relay.event(FirstKeyFrame)).leg == "in"
    sender.sock.close()


async def test_a_late_joiner_starts_at_the_key_frame_and_runs_on_into_live(start_relay: StartRelay, wire: Any) -> None:
    relay = await start_relay()
    sender = await open_source(relay, "udp")
    camera = wire()
    await sender.send(camera.gop(frames=3))
    gop = camera.gop(frames=30, packets=5, size=1200)
    await sender.send(gop)
    await relay.until("in", lambda s: s.packets == 9 + len(gop))
    receiver = await open_sink(relay, "udp")
    live = camera.frame(False) + camera.frame(False)
    await sender.send(live)
    check_relayed(await receiver.receive(len(gop) + len(live)), gop + live)
    more = camera.gop(frames=2)
    await sender.send(more)
    check_relayed(await receiver.receive(len(more)), more, first=65534 + len(gop) + len(live))
    sender.sock.close()
    receiver.sock.close()


async def test_without_a_cache_a_sink_waits_for_the_next_key_frame_and_asks_for_it(
    start_relay: StartRelay, wire: Any
) -> None:
    relay = await start_relay()
    opened = await relay.client.call(
        OpenSource(leg="in", transport="udp", bind=HOST, accept_from=[HOST], gop_cache=False)
    )
    sender = Sender(udp_socket(), False)
    sender.sock.connect((HOST, opened.port))
    camera = wire()
    first = camera.gop(frames=4)
    await sender.send(first)
    await relay.until("in", lambda s: s.packets == len(first))
    receiver = await open_sink(relay, "udp")
    assert (await relay.event(KeyFrameWanted)).leg == "in"
    await sender.send(camera.frame(False))
    key = camera.gop(frames=2)
    await sender.send(key)
    check_relayed(await receiver.receive(len(key)), key)
    sender.sock.close()
    receiver.sock.close()


async def test_packets_from_another_address_are_never_relayed(start_relay: StartRelay, wire: Any) -> None:
    relay = await start_relay()
    sender = await open_source(relay, "udp")
    receiver = await open_sink(relay, "udp")
    with udp_socket("127.0.0.9") as stranger:
        for packet in wire().gop(frames=2):
            stranger.sendto(packet, sender.sock.getpeername())
        event = await relay.event(ForeignSource)
        assert event.remote == stranger.getsockname()
    packets = wire().gop(frames=2)
    await sender.send(packets)
    check_relayed(await receiver.receive(len(packets)), packets)
    assert (await relay.stats("in")).foreign == 6
    sender.sock.close()
    receiver.sock.close()


async def test_a_tcp_connection_from_another_address_is_closed(start_relay: StartRelay, wire: Any) -> None:
    relay = await start_relay()
    sender = await open_source(relay, "tcp_passive")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.9", 0))
        stranger.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(stranger, sender.sock.getpeername())
        assert await asyncio.wait_for(loop.sock_recv(stranger, 10), 10) == b""
    assert (await relay.event(ForeignSource)).remote[0] == "127.0.0.9"
    sender.sock.close()


async def test_another_ssrc_from_the_right_address_is_taken_after_a_second_and_told(
    start_relay: StartRelay, wire: Any
) -> None:
    relay = await start_relay()
    sender = await open_source(relay, "udp", ssrc=99)
    receiver = await open_sink(relay, "udp")
    camera = wire()
    async with asyncio.timeout(10):
        while (await relay.stats("in")).packets == 0:
            await sender.send(camera.frame(False))
            await asyncio.sleep(0.05)
    packets = camera.gop(frames=4)
    await sender.send(packets)
    check_relayed(await receiver.receive(len(packets)), packets)
    for taken in (False, True):
        event = await relay.event(OtherSsrc)
        assert (event.expected, event.got, event.taken) == (99, 0x01020304, taken)
    sender.sock.close()
    receiver.sock.close()


async def nvr(relay: Any, **answer: Any) -> tuple[Sender, Sender, Receiver]:
    """A recorder that goes on sending channel A (SSRC 100) to a port now used for its channel B (SSRC 200)."""
    opened = await relay.client.call(OpenSource(leg="in", transport="udp", bind=HOST, ssrc=200))
    receiver = await open_sink(relay, "udp")
    former, agreed = Sender(udp_socket(), False), Sender(udp_socket(), False)
    for sender in (former, agreed):
        sender.sock.connect((HOST, opened.port))
    if answer.pop("expect", False):
        answer["expect_port"] = agreed.sock.getsockname()[1]
    await relay.client.call(UpdateSource(leg="in", ssrc=200, accept_from=[HOST], **answer))
    return former, agreed, receiver


@pytest.mark.parametrize("answer", [{}, {"expect": True}, {"any_ssrc": False}])
async def test_what_a_device_still_sends_of_another_channel_does_not_keep_the_agreed_one_out(
    start_relay: StartRelay, wire: Any, answer: dict[str, Any]
) -> None:
    relay = await start_relay()
    former, agreed, receiver = await nvr(relay, **answer)
    await former.send(wire(ssrc=100).gop())
    await relay.until("in", lambda s: s.other_ssrc == 15)
    packets = wire(ssrc=200).gop()
    await agreed.send(packets)
    check_relayed(await receiver.receive(len(packets)), packets)
    await former.send(wire(ssrc=100).gop())
    await relay.until("in", lambda s: s.other_ssrc == 30)
    assert (await relay.stats("out")).packets == len(packets)
    for one in (former, agreed, receiver):
        one.sock.close()


async def test_the_agreed_channel_ends_what_was_taken_for_it_and_its_cache(start_relay: StartRelay, wire: Any) -> None:
    relay = await start_relay()
    former, agreed, receiver = await nvr(relay)
    other = wire(ssrc=100)
    async with asyncio.timeout(10):
        while (await relay.stats("in")).first_key_at is None:
            await former.send(other.frame(True))
            await asyncio.sleep(0.05)
    wrong = (await relay.until("out", lambda s: s.packets)).packets
    await receiver.receive(wrong)
    late = await open_sink(relay, "udp", leg="late")
    camera = wire(ssrc=200)
    await agreed.send(camera.frame(False))
    await relay.until("in", lambda s: s.ssrc == 200 and s.cached == 0)
    held = (await relay.stats("late")).packets
    await late.receive(held)
    packets = camera.gop()
    await agreed.send(packets)
    # The three packets before the key frame were left out, which the receivers see as a hole.
    check_relayed(await receiver.receive(len(packets)), packets, first=65534 + wrong + 3)
    check_relayed(await late.receive(len(packets)), packets, first=65534 + held + 3)
    assert [(await relay.event(FirstPacket)).ssrc for _ in range(2)] == [100, 200]
    for one in (former, agreed, receiver, late):
        one.sock.close()


@pytest.mark.parametrize("way_in", ["udp", "tcp_passive"])
async def test_nobody_is_relayed_before_the_answer_and_the_camera_loses_nothing(
    start_relay: StartRelay, wire: Any, way_in: str
) -> None:
    relay = await start_relay()
    opened = await relay.client.call(OpenSource(leg="in", transport=way_in, bind=HOST, ssrc=0x01020304))
    receiver = await open_sink(relay, "udp")
    senders = []
    for host in ("127.0.0.9", HOST):
        sock = socket.socket(type=socket.SOCK_DGRAM if way_in == "udp" else socket.SOCK_STREAM)
        sock.bind((host, 0))
        sock.connect((HOST, opened.port))
        sock.setblocking(False)
        senders.append(Sender(sock, way_in != "udp"))
    stranger, camera = senders
    packets = wire().gop()
    await stranger.send(wire().gop())
    await camera.send(packets)
    await asyncio.sleep(0.1)
    stats = await relay.stats("in")
    assert (stats.packets, stats.cached, stats.remote, stats.state) == (0, 0, None, "open")
    await relay.client.call(UpdateSource(leg="in", ssrc=0x01020304, accept_from=[HOST]))
    first = await relay.event(FirstPacket)
    assert first.remote == camera.sock.getsockname()
    assert not any(isinstance(e, FirstPacket) for e in relay.seen[:-1])
    check_relayed(await receiver.receive(len(packets)), packets)
    for one in (stranger, camera, receiver):
        one.sock.close()


async def test_the_stream_goes_on_while_control_changes_hands(start_relay: StartRelay, wire: Any) -> None:
    relay = await start_relay()
    sender = await open_source(relay, "udp")
    receiver = await open_sink(relay, "tcp_passive")
    camera = wire()
    sent = camera.gop(frames=3)
    await sender.send(sent)
    await relay.client.close()
    more = camera.frame(False) + camera.frame(False)
    await sender.send(more)
    check_relayed(await receiver.receive(len(sent + more)), sent + more)
    relay.client = await WorkerClient.connect(relay.path, epoch=2, name="second")
    legs = {leg.leg: leg for leg in relay.client.hello.legs}
    assert legs["in"].kind == "source" and legs["in"].started and legs["in"].remote == sender.sock.getsockname()
    assert legs["out"].source == "in" and legs["out"].started
    last = camera.frame(False)
    await sender.send(last)
    check_relayed(await receiver.receive(len(last)), last, first=65534 + len(sent + more))
    with pytest.raises(CommandRefused, match="stale_epoch"):
        await WorkerClient.connect(relay.path, epoch=1, name="stale")
    assert (await relay.stats("in")).packets == len(sent + more + last)
    sender.sock.close()
    receiver.sock.close()


async def test_a_slow_tcp_receiver_loses_whole_frames_and_resumes_at_a_key_frame(
    start_relay: StartRelay, wire: Any
) -> None:
    relay = await start_relay()
    sender = await open_source(relay, "tcp_passive")
    receiver = await open_sink(relay, "tcp_passive")
    camera = wire(sequence=0)
    frames: dict[bytes, int] = {}

    async def send_gops(count: int) -> None:
        for _ in range(count):
            for n in range(10):
                frame = camera.frame(n == 0, packets=20, size=1400)
                frames[frame[0][4:8]] = len(frame)
                await sender.send(frame)

    await send_gops(80)
    event = await relay.event(SinkOverflow)
    assert event.dropped > 0
    got: list[bytes] = []
    reader = asyncio.create_task(_read_until_closed(receiver.sock, got))
    await relay.until("out", lambda s: not s.queued)
    await send_gops(2)
    await relay.until("in", lambda s: s.packets == 82 * 200)
    await relay.until("out", lambda s: not s.queued)
    await relay.client.call(CloseLeg(leg="out"))
    await reader
    counts: dict[bytes, int] = {}
    for packet in got:
        counts[packet[4:8]] = counts.get(packet[4:8], 0) + 1
    assert 0 < len(got) < 82 * 200
    partial = [timestamp for timestamp, count in counts.items() if count != frames[timestamp]]
    assert not partial
    assert got[-1][4:8] == camera.sent[-1][4:8]
    holes = [n for n in range(1, len(got)) if got[n][2:4] != struct.pack("!H", _number(got[n - 1]) + 1 & 0xFFFF)]
    assert holes and all(b"\x00\x00\x00\x01\x65" in got[n] for n in holes)
    sender.sock.close()
    receiver.sock.close()


def _number(packet: bytes) -> int:
    return int.from_bytes(packet[2:4], "big")


async def _read_until_closed(sock: socket.socket, into: list[bytes]) -> None:
    loop, data = asyncio.get_running_loop(), b""
    while chunk := await loop.sock_recv(sock, 262144):
        data += chunk
        at = 0
        while len(data) - at >= 2 and len(data) - at >= 2 + (size := int.from_bytes(data[at : at + 2], "big")):
            into.append(data[at + 2 : at + 2 + size])
            at += 2 + size
        data = data[at:]
    assert data == b""


async def test_a_flood_of_garbage_changes_nothing(start_relay: StartRelay, wire: Any) -> None:
    relay = await start_relay()
    sender = await open_source(relay, "udp")
    receiver = await open_sink(relay, "udp")
    stun = b"\x00\x01\x00\x00" + b"\x21\x12\xa4\x42" * 4
    garbage = [b"", b"\x80", b"\x00" * 4, os.urandom(11), stun, b"\x7f" * 1400]
    garbage += [bytes([0x80, pt]) + b"\x01" * 40 for pt in range(200, 208)]
    count = 0
    for _ in range(100):
        for junk in garbage:
            sender.sock.send(junk)
            count += 1
        await relay.until("in", lambda s, count=count: s.not_rtp == count)
    packets = wire().gop(frames=2)
    await sender.send(packets)
    check_relayed(await receiver.receive(len(packets)), packets)
    sender.sock.close()
    receiver.sock.close()


async def test_ports_run_out_with_an_error_and_come_back(start_relay: StartRelay) -> None:
    relay = await start_relay(ports=(45000, 45003))
    for leg in ("a", "b"):
        opened = await relay.client.call(OpenSource(leg=leg, transport="udp", bind=HOST))
        assert opened.port % 2 == 0 and opened.rtcp_port == opened.port + 1
    with pytest.raises(CommandRefused, match="no_port"):
        await relay.client.call(OpenSource(leg="c", transport="udp", bind=HOST))


async def test_commands_for_the_other_kind_of_worker_are_refused(start_relay: StartRelay) -> None:
    relay = await start_relay()
    with pytest.raises(CommandRefused, match="for another kind of worker"):
        await relay.client.call(OpenInput(input="i", bind=HOST))


async def test_a_group_of_pictures_above_the_limit_is_not_kept(start_relay: StartRelay, wire: Any) -> None:
    relay, small, film = await start_relay(), await start_relay(gop_limit=1000), wire()
    for one in (relay, small):
        opened = await one.client.call(OpenSource(leg="in", transport="udp", bind=HOST, accept_from=[HOST]))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
            camera.bind((HOST, 0))
            for packet in film.gop():
                camera.sendto(packet, (HOST, opened.port))
            await one.until("in", lambda stats: stats.packets == 15)
    assert (await relay.stats("in")).cached > 4000
    assert (await small.stats("in")).cached == 0


async def test_a_drained_worker_ends_when_its_last_leg_closes(start_relay: StartRelay) -> None:
    relay = await start_relay()
    await relay.client.call(OpenSource(leg="a", transport="udp", bind=HOST))
    await relay.client.call(Drain())
    with pytest.raises(CommandRefused, match="draining"):
        await relay.client.call(OpenSource(leg="b", transport="udp", bind=HOST))
    assert relay.thread.is_alive()
    await relay.client.call(CloseLeg(leg="a"))
    await asyncio.to_thread(relay.thread.join, 10)
    assert not relay.thread.is_alive()


async def test_shutdown_closes_the_legs_and_ends_the_worker(start_relay: StartRelay) -> None:
    relay = await start_relay()
    await relay.client.call(OpenSource(leg="a", transport="udp", bind=HOST))
    await relay.client.call(Shutdown())
    assert (await relay.event(LegClosed)).reason == "worker stopped"
    await asyncio.to_thread(relay.thread.join, 10)
    with pytest.raises(FileNotFoundError):
        await WorkerClient.connect(relay.path, epoch=2, name="late")


async def test_a_worker_without_control_process_ends_itself(start_relay: StartRelay) -> None:
    relay = await start_relay(orphan_s=0.1)
    await relay.client.close()
    await asyncio.to_thread(relay.thread.join, 10)
    assert not relay.thread.is_alive()


def test_two_workers_cannot_own_one_socket(own_log: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worker = RelayWorker(str(tmp_path / "r.sock"), "first")
    assert main(["--socket", str(tmp_path / "r.sock"), "--name", "second"]) == 1
    assert "another worker owns" in capsys.readouterr().err
    worker.stop()
    assert worker.run() == "stopped"


async def test_the_process_starts_serves_and_stops_by_signal(tmp_path: Path) -> None:
    path = tmp_path / "r.sock"
    ports = ("--port-min", "46000", "--port-max", "46999")
    arguments = ["-m", "media.worker.relay", "--socket", str(path), "--name", "r1", *ports]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
    try:
        client = await _connect(path)
        assert (client.hello.pid, client.hello.kind, client.hello.name) == (process.pid, "relay", "r1")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert (await client.call(OpenSource(leg="a", transport="udp", bind=HOST))).port >= 46000
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0
        assert b"SIGTERM" in errors
        await client.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _connect(path: Path) -> WorkerClient:
    async with asyncio.timeout(20):
        while True:
            try:
                return await WorkerClient.connect(str(path), epoch=1, name="test")
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.sleep(0.02)
