"""A source leg: transports, update by the answer, what is told of it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from media.worker.control import OpenSource, TcpConnected, UpdateSource
from media.worker.ports import PortError
from media.worker.source_leg import SourceLeg

HOST = "127.0.0.1"


def test_a_udp_leg_counts_what_it_receives(floor: Any, wire: Any) -> None:
    leg = SourceLeg(
        OpenSource(leg="in", transport="udp", bind=HOST, ssrc=0x01020304, accept_from=[HOST]), floor.context
    )
    assert leg.opened.rtcp_port == leg.opened.port + 1
    before = leg.stats()
    assert (before.state, before.first_packet_at, before.packets) == ("open", None, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.bind((HOST, 0))
        remote = camera.getsockname()
        for packet in wire().frame(True):
            camera.sendto(packet, (HOST, leg.opened.port))
        floor.turn(lambda: leg.stream.packets == 3)
        leg.check(floor.now)
    stats = leg.stats()
    assert (stats.packets, stats.bytes, stats.ssrc, stats.remote) == (3, 936, 0x01020304, remote)
    assert (stats.state, stats.first_packet_at) == ("receiving", 1_001_000.0)
    state = leg.state()
    assert (state.kind, state.started, state.port, state.remote) == ("source", True, leg.opened.port, remote)
    leg.close()
    assert len(floor.context.ports) == 0


def test_the_answer_changes_ssrc_and_addresses(floor: Any) -> None:
    leg = SourceLeg(OpenSource(leg="in", transport="udp", bind=HOST), floor.context)
    leg.update(UpdateSource(leg="in", ssrc=7, accept_from=["10.1.1.1"], remote=("10.1.1.1", 5)))
    assert leg.stream.lock.expected_ssrc == 7 and leg.stream.lock.accept_from == {"10.1.1.1"}
    assert leg.state().ssrc == 7
    leg.close()


def test_an_active_leg_connects_when_the_answer_names_the_remote(floor: Any) -> None:
    leg = SourceLeg(OpenSource(leg="in", transport="tcp_active", bind=HOST), floor.context)
    with socket.create_server((HOST, 0)) as server:
        leg.update(UpdateSource(leg="in", ssrc=None, accept_from=[HOST], remote=server.getsockname()))
        floor.turn(lambda: floor.told(TcpConnected))
        server.accept()[0].close()
    leg.close()


def test_a_port_that_cannot_be_bound_is_an_error(floor: Any) -> None:
    with pytest.raises(PortError):
        SourceLeg(OpenSource(leg="in", transport="tcp_passive", bind="192.0.2.9"), floor.context)


def test_early_packets_of_the_sender_the_answer_names_are_filed(floor: Any, wire: Any) -> None:
    leg = SourceLeg(OpenSource(leg="in", transport="udp", bind=HOST, ssrc=0x01020304), floor.context)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.bind((HOST, 0))
        for packet in wire().frame(True):
            camera.sendto(packet, (HOST, leg.opened.port))
        floor.turn(lambda: len(floor.arrived) == 3)
        assert leg.stats().packets == 0 and not floor.events
        leg.update(UpdateSource(leg="in", ssrc=0x01020304, accept_from=[HOST], expect_port=camera.getsockname()[1]))
    assert leg.stats().packets == 3 and leg.stream.lock.expect_port is not None
    leg.close()


def test_the_port_of_the_answer_means_nothing_for_a_connection(floor: Any) -> None:
    leg = SourceLeg(OpenSource(leg="in", transport="tcp_passive", bind=HOST, any_ssrc=False), floor.context)
    assert leg.stream.lock.any_ssrc is False
    leg.update(UpdateSource(leg="in", ssrc=7, accept_from=[HOST], expect_port=9, any_ssrc=False))
    assert (leg.stream.lock.expect_port, leg.stream.lock.any_ssrc) == (None, False)
    leg.close()
