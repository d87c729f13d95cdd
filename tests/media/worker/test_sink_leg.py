"""Sink legs over UDP and TCP: start, connections, overflow, reports."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from media.worker.control import (
    ConnectFailed,
    KeyFrameWanted,
    OpenSink,
    SendFailed,
    SinkOverflow,
    StartSink,
    TcpClosed,
    TcpConnected,
)
from media.worker.sink_leg import NOTHING_SENT_S, REPLACEMENT_S, SinkLeg, open_sink
from media.worker.source import SourceStream
from media.worker.tcp import RETRY_S

HOST = "127.0.0.1"


@pytest.fixture
def source(floor: Any) -> SourceStream:
    return SourceStream(
        "in", ssrc=None, accept_from=[], emit=floor.events.append, budget=floor.context.budget, now=floor.now
    )


def sink(floor: Any, source: SourceStream, transport: Any, **options: Any) -> SinkLeg:
    command = OpenSink(leg="out", source="in", transport=transport, bind=HOST, ssrc=9, **options)
    return open_sink(command, floor.context, source)


def send(leg: SinkLeg, packets: list[bytes]) -> None:
    """What the relay's round does for this one sink."""
    for n, packet in enumerate(packets):
        if not leg.stream.outlet.put(packet):
            leg.refused(len(packets) - n - 1)
            break
    leg.flush()


def udp_pair() -> tuple[socket.socket, socket.socket]:
    for port in range(50400, 50600, 2):
        rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        try:
            rtp.bind((HOST, port))
            rtcp.bind((HOST, port + 1))
        except OSError:
            rtp.close()
            rtcp.close()
            continue
        for sock in (rtp, rtcp):
            sock.settimeout(5)
        return rtp, rtcp
    raise AssertionError("no free ports")


def test_a_udp_sink_sends_media_and_sender_reports(floor: Any, source: SourceStream, wire: Any) -> None:
    leg = sink(floor, source, "udp", first_sequence=17)
    assert leg.opened.rtcp_port == leg.opened.port + 1
    rtp, rtcp = udp_pair()
    leg.check(floor.now)
    leg.start(StartSink(leg="out", remote=rtp.getsockname()))
    assert source.waiting == [leg.stream] and floor.told(KeyFrameWanted)
    packet = wire().packet(b"x" * 20)
    send(leg, [packet])
    data, address = rtp.recvfrom(2000)
    assert (data, address) == (packet, (HOST, leg.opened.port))
    leg.check(floor.now)
    report = rtcp.recv(2000)
    assert report[1] == 200 and report[4:8] == b"\x00\x00\x00\x09"
    rtp.sendto(b"whatever a receiver sends back", address)
    for _ in range(20):
        rtcp.sendto(b"rr", (HOST, leg.opened.port + 1))
    floor.turn()
    stats = leg.stats()
    assert (stats.packets, stats.bytes, stats.next_sequence, stats.remote) == (1, 32, 17, rtp.getsockname())
    state = leg.state()
    assert (state.kind, state.source, state.started) == ("sink", "in", True)
    leg.close()
    assert source.waiting == [] and len(floor.context.ports) == 0
    rtp.close()
    rtcp.close()


def test_a_report_that_cannot_be_sent_is_let_go(floor: Any, source: SourceStream, wire: Any) -> None:
    leg = sink(floor, source, "udp")
    leg.start(StartSink(leg="out", remote=(HOST, 9)))
    send(leg, [wire().packet(b"x")])
    leg.remote = ("255.255.255.255", 65535)
    leg.check(floor.now)
    leg.close()


def test_a_udp_sink_that_can_send_nothing_at_all_is_told_once(floor: Any, source: SourceStream, wire: Any) -> None:
    leg = sink(floor, source, "udp")
    leg.start(StartSink(leg="out", remote=("255.255.255.255", 9)))  # the kernel refuses it
    for waited in (0.0, NOTHING_SENT_S - 0.1):
        send(leg, [wire().packet(b"x")])
        leg.check(floor.now + waited)
    assert not floor.told(SendFailed)
    for _ in range(2):
        leg.check(floor.now + NOTHING_SENT_S)
    (failed,) = floor.told(SendFailed)
    assert (failed.leg, failed.remote, failed.error) == ("out", ("255.255.255.255", 9), "Permission denied")
    assert not floor.told(SinkOverflow)
    leg.close()


def test_a_datagram_lost_after_others_were_sent_is_no_such_failure(floor: Any, source: SourceStream, wire: Any) -> None:
    leg = sink(floor, source, "udp")
    leg.start(StartSink(leg="out", remote=(HOST, 9)))
    send(leg, [wire().packet(b"x"), wire().packet(bytes(66_000))])
    for waited in (0.0, NOTHING_SENT_S):
        leg.check(floor.now + waited)
    assert not floor.told(SendFailed) and floor.told(SinkOverflow)
    leg.close()


def test_a_udp_sink_without_remote_does_not_start(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "udp")
    leg.start(StartSink(leg="out"))
    assert source.waiting == []
    leg.close()


def test_an_active_sink_connects_and_sends_records(floor: Any, source: SourceStream, wire: Any) -> None:
    leg = sink(floor, source, "tcp_active")
    with socket.create_server((HOST, 0)) as server:
        leg.start(StartSink(leg="out", remote=server.getsockname()))
        floor.turn(lambda: floor.told(TcpConnected))
        peer, address = server.accept()
        assert address == (HOST, leg.opened.port)
    assert source.waiting == [leg.stream]
    packet = wire().packet(b"x" * 20)
    send(leg, [packet])
    assert peer.recv(100) == b"\x00\x20" + packet
    peer.sendall(b"rtcp of the receiver")
    floor.turn()
    peer.close()
    floor.turn(lambda: floor.told(TcpClosed))
    assert source.waiting == [] and leg.stream.state == "idle"
    leg.check(floor.now)
    leg.close()


def test_an_active_sink_tells_when_it_cannot_connect(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_active")
    with socket.create_server((HOST, 0)) as server:
        remote = server.getsockname()
    leg.start(StartSink(leg="out", remote=remote))
    for _ in range(4):
        floor.turn()
        floor.now += RETRY_S
        leg.check(floor.now)
    assert floor.told(ConnectFailed)[0].remote == remote
    leg.close()


def test_an_unstarted_active_sink_gives_its_port_back(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_active")
    leg.close()
    assert len(floor.context.ports) == 0


def connect(leg: SinkLeg, host: str = HOST) -> socket.socket:
    return socket.create_connection((HOST, leg.opened.port), 5, (host, 0))


def test_a_passive_sink_keeps_an_early_connection_until_it_starts(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_passive")
    peer = connect(leg)
    floor.turn()
    assert not floor.told(TcpConnected)
    leg.start(StartSink(leg="out", accept_from=[HOST]))
    assert floor.told(TcpConnected)[0].remote == peer.getsockname()
    leg.close()
    peer.close()


def test_strangers_that_connect_first_do_not_keep_the_right_peer_out(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_passive")
    peers = [connect(leg, "127.0.0.6") for _ in range(5)] + [connect(leg), connect(leg, "127.0.0.7")]
    floor.turn()
    assert not floor.told(TcpConnected)
    leg.start(StartSink(leg="out", accept_from=[HOST]))
    assert [event.remote for event in floor.told(TcpConnected)] == [peers[5].getsockname()]
    for stranger in (*peers[:5], peers[6]):
        assert stranger.recv(10) == b""
    leg.close()
    for peer in peers:
        peer.close()


def test_early_connections_are_closed_with_the_leg(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_passive")
    peer = connect(leg)
    floor.turn()
    leg.close()
    assert peer.recv(10) == b""
    peer.close()


def reset(sock: socket.socket) -> None:
    """Close without TIME_WAIT, so that the same two ports can meet again at once."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_an_active_sink_whose_connection_breaks_dials_again(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_active")
    with socket.create_server((HOST, 0)) as server:
        leg.start(StartSink(leg="out", remote=server.getsockname()))
        floor.turn(lambda: floor.told(TcpConnected))
        reset(server.accept()[0])
        floor.turn(lambda: floor.told(TcpClosed))
        leg.check(floor.now + RETRY_S - 0.01)
        floor.turn()
        assert len(floor.told(TcpConnected)) == 1
        floor.now += RETRY_S
        leg.check(floor.now)
        floor.turn(lambda: len(floor.told(TcpConnected)) == 2)
        reset(server.accept()[0])
    assert [event.final for event in floor.told(TcpClosed)] == [False]
    assert source.waiting == [leg.stream] and not floor.told(ConnectFailed)
    leg.close()


def test_a_broken_connection_that_cannot_be_made_again_is_told_as_final(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_active")
    with socket.create_server((HOST, 0)) as server:
        remote = server.getsockname()
        leg.start(StartSink(leg="out", remote=remote))
        floor.turn(lambda: floor.told(TcpConnected))
        peer, _ = server.accept()
    reset(peer)
    floor.turn(lambda: floor.told(TcpClosed))
    for tries in range(3):
        assert (len(floor.told(TcpClosed)), floor.told(ConnectFailed)) == (1, []), f"after {tries} tries"
        floor.now += RETRY_S
        leg.check(floor.now)
        floor.turn()
    closed, gone = floor.told(TcpClosed)
    assert (closed.final, gone.final, "refused" in gone.reason) == (False, True, True)
    assert floor.told(ConnectFailed)[0].remote == remote
    leg.check(floor.now + 100)
    assert len(floor.told(TcpClosed)) == 2
    leg.close()


def test_a_passive_sink_without_replacement_connection_is_told_as_final(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_passive")
    leg.start(StartSink(leg="out", accept_from=[HOST]))
    floor.now += REPLACEMENT_S - 1
    leg.check(floor.now)
    peer = connect(leg)
    floor.turn(lambda: floor.told(TcpConnected))
    leg.check(floor.now + 100)
    peer.close()
    floor.turn(lambda: floor.told(TcpClosed))
    leg.check(floor.now + REPLACEMENT_S - 0.1)
    assert [event.final for event in floor.told(TcpClosed)] == [False]
    for _ in range(2):
        leg.check(floor.now + REPLACEMENT_S)
    assert [event.final for event in floor.told(TcpClosed)] == [False, True]
    leg.close()


def test_a_passive_sink_that_nobody_connects_to_is_told_as_final(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_passive")
    leg.check(floor.now + 2 * REPLACEMENT_S)
    assert not floor.events
    leg.start(StartSink(leg="out"))
    leg.check(floor.now + REPLACEMENT_S)
    assert [event.final for event in floor.told(TcpClosed)] == [True]
    leg.close()


def test_only_the_first_allowed_connection_is_taken_and_it_can_be_replaced(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_passive")
    leg.start(StartSink(leg="out", accept_from=[HOST]))
    stranger = connect(leg, "127.0.0.6")
    floor.turn()
    assert stranger.recv(10) == b""
    first = connect(leg)
    floor.turn(lambda: floor.told(TcpConnected))
    second = connect(leg)
    floor.turn()
    assert second.recv(10) == b""
    first.close()
    floor.turn(lambda: floor.told(TcpClosed))
    third = connect(leg)
    floor.turn(lambda: len(floor.told(TcpConnected)) == 2)
    leg.close()
    for sock in (stranger, second, third):
        sock.close()


def test_a_slow_receiver_costs_frames_and_is_told(floor: Any, source: SourceStream, wire: Any) -> None:
    leg = sink(floor, source, "tcp_passive")
    leg.start(StartSink(leg="out"))
    peer = connect(leg)
    floor.turn(lambda: floor.told(TcpConnected))
    camera = wire()
    while leg.stats().dropped == 0:
        send(leg, camera.gop(frames=20, packets=20, size=1400))
    leg.check(floor.now)
    leg.check(floor.now)
    (event,) = floor.told(SinkOverflow)
    assert event.dropped == leg.stats().dropped and leg.stream.state == "waiting"
    assert leg.stats().queued > 0
    before = leg.stats().queued
    peer.setblocking(False)
    while leg.stats().queued:
        floor.loop.wait(0.01)
        floor.loop.run_ready()
        try:
            peer.recv(1 << 20)
        except BlockingIOError:
            pass
    assert before > 0
    leg.close()
    peer.close()


def test_a_connection_broken_while_sending_is_told(floor: Any, source: SourceStream, wire: Any) -> None:
    leg = sink(floor, source, "tcp_passive")
    leg.start(StartSink(leg="out"))
    peer = connect(leg)
    floor.turn(lambda: floor.told(TcpConnected))
    peer.close()
    camera = wire()
    while not floor.told(TcpClosed):
        send(leg, camera.frame(True))
    send(leg, camera.frame(True))
    assert leg.stream.state == "idle"
    leg.close()


def test_a_reset_is_told(floor: Any, source: SourceStream) -> None:
    leg = sink(floor, source, "tcp_passive")
    leg.start(StartSink(leg="out"))
    peer = connect(leg)
    floor.turn(lambda: floor.told(TcpConnected))
    leg._read()  # type: ignore[attr-defined]
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    peer.close()
    floor.turn(lambda: floor.told(TcpClosed))
    assert "reset" in floor.told(TcpClosed)[0].reason
    leg.close()
