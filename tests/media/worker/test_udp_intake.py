"""The UDP socket pair of a source: datagrams into the round, receiver reports back."""

from __future__ import annotations

import socket
from typing import Any

from media.worker.source import SourceStream
from media.worker.udp_intake import MOST_PER_ROUND, UdpIntake

HOST = "127.0.0.1"


def stream(floor: Any) -> SourceStream:
    return SourceStream(
        "in", ssrc=None, accept_from=[HOST], emit=floor.events.append, budget=floor.context.budget, now=floor.now
    )


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two sockets on neighbouring ports, as a camera has them."""
    for port in range(50200, 50400, 2):
        rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        try:
            rtp.bind((HOST, port))
            rtcp.bind((HOST, port + 1))
        except OSError:
            rtp.close()
            rtcp.close()
            continue
        rtcp.settimeout(5)
        return rtp, rtcp
    raise AssertionError("no free ports")


def test_datagrams_arrive_with_their_source(floor: Any, wire: Any) -> None:
    source = stream(floor)
    intake = UdpIntake(floor.context, source, HOST, None)
    assert intake.opened.rtcp_port == intake.opened.port + 1
    rtp, rtcp = socket_pair()
    packets = wire().gop(frames=2)
    for packet in packets:
        rtp.sendto(packet, (HOST, intake.opened.port))
    floor.turn(lambda: len(floor.arrived) == len(packets))
    assert floor.arrived == [(source, packet, rtp.getsockname()) for packet in packets]
    intake.close()
    rtp.close()
    rtcp.close()


def test_one_socket_cannot_take_the_whole_round(floor: Any, wire: Any) -> None:
    intake = UdpIntake(floor.context, stream(floor), HOST, None)
    rtp, rtcp = socket_pair()
    for packet in wire().frame(True, packets=MOST_PER_ROUND + 5):
        rtp.sendto(packet, (HOST, intake.opened.port))
    assert floor.loop.wait(1)
    floor.loop.run_ready()
    assert len(floor.arrived) == MOST_PER_ROUND
    intake.close()
    rtp.close()
    rtcp.close()


def test_receiver_reports_go_to_port_plus_one_until_another_is_learnt(floor: Any, wire: Any) -> None:
    source = stream(floor)
    intake = UdpIntake(floor.context, source, HOST, None)
    rtp, rtcp = socket_pair()
    intake.check(floor.now)
    rtp.sendto(wire().packet(b"x"), (HOST, intake.opened.port))
    floor.turn(lambda: floor.arrived)
    intake.check(floor.now)
    report, address = rtcp.recvfrom(2000)
    assert report[1] == 201 and report[8:12] == b"\x01\x02\x03\x04"
    assert address == (HOST, intake.opened.rtcp_port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind((HOST, 0))
        elsewhere.settimeout(5)
        elsewhere.sendto(b"\x80\xc9\x00\x01\x00\x00\x00\x01", address)
        floor.turn(lambda: intake._rtcp_remote)
        intake.check(floor.now + 1)
        intake.check(floor.now + 5)
        assert elsewhere.recv(2000)[1] == 201
    intake.close()
    rtp.close()
    rtcp.close()


def test_rtcp_from_strangers_is_ignored(floor: Any, wire: Any) -> None:
    intake = UdpIntake(floor.context, stream(floor), HOST, None)
    rtp, rtcp = socket_pair()
    rtp.sendto(wire().packet(b"x"), (HOST, intake.opened.port))
    floor.turn(lambda: floor.arrived)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.8", 0))
        for _ in range(MOST_PER_ROUND + 1):
            stranger.sendto(b"\x80\xc9\x00\x01\x00\x00\x00\x01", (HOST, intake.opened.port + 1))
        floor.turn()
    assert intake._rtcp_remote is None
    intake.close()
    rtp.close()
    rtcp.close()


def test_a_report_that_cannot_be_sent_is_let_go(floor: Any) -> None:
    source = stream(floor)
    intake = UdpIntake(floor.context, source, HOST, None)
    source.lock.remote, source.lock.ssrc = ("255.255.255.255", 65535), 1
    source.numbers.take(1, b"")
    intake.check(floor.now)
    intake.close()


def test_the_ports_come_back(floor: Any) -> None:
    intake = UdpIntake(floor.context, stream(floor), HOST, 48000)
    assert len(floor.context.ports) == 1
    intake.close()
    assert len(floor.context.ports) == 0
