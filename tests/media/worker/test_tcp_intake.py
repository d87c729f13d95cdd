"""The TCP connections of a source: records in, replacement, strangers, dialling."""

from __future__ import annotations

import socket
import struct
from typing import Any

from media.worker.control import ConnectFailed, ForeignSource, TcpClosed, TcpConnected
from media.worker.source import SourceStream
from media.worker.tcp import RETRY_S
from media.worker.tcp_intake import MOST_CONNECTIONS, USELESS_S, TcpIntake

HOST = "127.0.0.1"


def opened(floor: Any, transport: Any = "tcp_passive", accept_from: list[str] | None = None) -> Any:
    source = SourceStream(
        "in",
        ssrc=None,
        accept_from=[HOST] if accept_from is None else accept_from,
        emit=floor.events.append,
        budget=floor.context.budget,
        now=floor.now,
    )
    return source, TcpIntake(floor.context, source, transport, HOST, None)


def connect(intake: TcpIntake, host: str = HOST) -> socket.socket:
    return socket.create_connection((HOST, intake.opened.port), 5, (host, 0))


def record(packet: bytes) -> bytes:
    return struct.pack("!H", len(packet)) + packet


def test_records_become_packets(floor: Any, wire: Any) -> None:
    source, intake = opened(floor)
    packets = wire().gop(frames=2)
    with connect(intake) as camera:
        camera.sendall(b"".join(record(p) for p in packets))
        floor.turn(lambda: len(floor.arrived) == len(packets))
        assert floor.arrived == [(source, p, camera.getsockname()) for p in packets]
        assert floor.told(TcpConnected)[0].remote == camera.getsockname()
    floor.turn(lambda: floor.told(TcpClosed))
    assert floor.told(TcpClosed)[0].reason == "closed by the peer" and source.lock.remote is None
    intake.close()


def test_interleaved_records_are_understood(floor: Any, wire: Any) -> None:
    _, intake = opened(floor)
    packets = wire().gop(frames=2)
    with connect(intake) as camera:
        camera.sendall(b"".join(b"$\x00" + record(p) for p in packets))
        floor.turn(lambda: len(floor.arrived) == len(packets))
        assert [p for _, p, _ in floor.arrived] == packets
    intake.close()


def test_a_broken_connection_is_replaced_by_a_new_one(floor: Any, wire: Any) -> None:
    source, intake = opened(floor)
    camera = wire()
    with connect(intake) as first:
        first.sendall(record(camera.packet(b"one")))
        floor.turn(lambda: source.packets == 1)
    floor.turn(lambda: source.lock.remote is None)
    with connect(intake) as second:
        second.sendall(record(camera.packet(b"two")))
        floor.turn(lambda: source.packets == 2)
        assert source.lock.remote == second.getsockname()
    intake.close()


def test_a_second_connection_beside_a_living_one_is_not_relayed_and_closed(floor: Any, wire: Any) -> None:
    source, intake = opened(floor)
    with connect(intake) as first, connect(intake) as second:
        first.sendall(record(wire().packet(b"one")))
        floor.turn(lambda: source.packets == 1)
        second.sendall(record(wire().packet(b"two")))
        floor.turn(lambda: source.lock.foreign == 1)
        floor.now += USELESS_S
        source.last_packet_at = floor.now
        intake.check(floor.now)
        assert second.recv(10) == b""
        assert [e.reason for e in floor.told(TcpClosed)] == ["no acceptable media on it"]
    intake.close()


def test_strangers_are_closed_at_once(floor: Any) -> None:
    source, intake = opened(floor)
    with connect(intake, "127.0.0.7") as stranger:
        floor.turn(lambda: source.lock.foreign)
        assert stranger.recv(10) == b""
    assert floor.told(ForeignSource) and not floor.told(TcpConnected)
    intake.close()


def test_another_protocol_is_closed(floor: Any) -> None:
    _, intake = opened(floor)
    with connect(intake) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        floor.turn(lambda: floor.told(TcpClosed))
        assert "another protocol" in floor.told(TcpClosed)[0].reason
    intake.close()


def test_connections_that_bring_nothing_make_way_for_newer_ones(floor: Any, wire: Any) -> None:
    source, intake = opened(floor)
    many = [connect(intake)]
    many[0].sendall(record(wire().packet(b"one")))
    floor.turn(lambda: source.packets == 1)
    for _ in range(MOST_CONNECTIONS):
        many.append(connect(intake))
        floor.turn()
    assert many[1].recv(10) == b""
    assert len(floor.told(TcpConnected)) == MOST_CONNECTIONS + 1 and len(intake._connections) == MOST_CONNECTIONS
    assert source.lock.remote == many[0].getsockname()
    intake.close()
    for sock in many:
        sock.close()


def test_connections_before_the_answer_are_read_when_it_has_named_them(floor: Any, wire: Any) -> None:
    source, intake = opened(floor, accept_from=[])
    packets = wire().gop(frames=2)
    with connect(intake) as camera, connect(intake, "127.0.0.7") as stranger:
        stranger.sendall(b"".join(record(p) for p in wire(ssrc=9).gop()))
        camera.sendall(b"".join(record(p) for p in packets))
        floor.turn()
        assert floor.arrived == [] and floor.events == []
        assert source.update(None, [HOST], floor.now) == []
        intake.answered(None)
        floor.turn(lambda: len(floor.arrived) == len(packets))
        assert floor.arrived == [(source, p, camera.getsockname()) for p in packets]
        assert [e.remote for e in floor.told(TcpConnected)] == [camera.getsockname()]
        assert [e.remote for e in floor.told(ForeignSource)] == [stranger.getsockname()]
    intake.close()


def test_an_answer_that_names_another_address_closes_what_stands(floor: Any) -> None:
    source, intake = opened(floor)
    with connect(intake) as camera:
        floor.turn(lambda: floor.told(TcpConnected))
        source.update(None, ["127.0.0.7"], floor.now)
        intake.answered(None)
        assert camera.recv(10) == b""
    assert [e.final for e in floor.told(TcpClosed)] == [False]
    intake.close()


def test_early_connections_end_with_the_leg(floor: Any) -> None:
    _, intake = opened(floor, accept_from=[])
    with connect(intake) as camera:
        floor.turn()
        intake.close()
        assert camera.recv(10) == b""


def reset(sock: socket.socket) -> None:
    """Close without TIME_WAIT, so that the same two ports can meet again at once."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_a_dialled_connection_that_breaks_is_dialled_again(floor: Any, wire: Any) -> None:
    source, intake = opened(floor, "tcp_active")
    camera = wire()
    with socket.create_server((HOST, 0)) as server:
        intake.dial(server.getsockname())
        for n in (1, 2):
            floor.turn(lambda n=n: len(floor.told(TcpConnected)) == n)
            near, _ = server.accept()
            near.sendall(record(camera.packet(b"x")))
            floor.turn(lambda n=n: source.packets == n)
            reset(near)
            floor.turn(lambda n=n: len(floor.told(TcpClosed)) == n)
            floor.now += RETRY_S
            if n == 1:
                intake.check(floor.now)
    for _ in range(3):
        intake.check(floor.now)
        floor.turn()
        floor.now += RETRY_S
    assert [e.final for e in floor.told(TcpClosed)] == [False, False, True]
    assert len(floor.told(ConnectFailed)) == 1
    intake.close()


def test_an_active_source_dials_once(floor: Any, wire: Any) -> None:
    source, intake = opened(floor, "tcp_active")
    with socket.create_server((HOST, 0)) as server:
        remote = server.getsockname()
        intake.dial(remote)
        intake.dial(("127.0.0.1", 9))
        floor.turn(lambda: floor.told(TcpConnected))
        camera, address = server.accept()
        assert address == (HOST, intake.opened.port)
        camera.sendall(record(wire().packet(b"x")))
        floor.turn(lambda: source.packets == 1)
        assert source.lock.remote == remote
        intake.check(floor.now)
        camera.close()
    intake.close()


def test_a_remote_that_refuses_is_told_after_three_tries(floor: Any) -> None:
    _, intake = opened(floor, "tcp_active")
    with socket.create_server((HOST, 0)) as server:
        remote = server.getsockname()
    intake.dial(remote)
    for _ in range(4):
        floor.turn()
        floor.now += RETRY_S
        intake.check(floor.now)
    (event,) = floor.told(ConnectFailed)
    assert (event.remote, "refused" in event.error) == (remote, True)
    intake.close()


def test_an_active_source_may_be_closed_before_it_dialled(floor: Any) -> None:
    _, intake = opened(floor, "tcp_active")
    intake.close()
    assert len(floor.context.ports) == 0


def test_a_reset_is_a_closed_connection(floor: Any, wire: Any) -> None:
    _, intake = opened(floor)
    camera = connect(intake)
    camera.sendall(record(wire().packet(b"x")))
    floor.turn(lambda: floor.arrived)
    connection = next(iter(intake._connections.values()))
    intake.readable(connection)
    camera.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    camera.close()
    floor.turn(lambda: floor.told(TcpClosed))
    assert "reset" in floor.told(TcpClosed)[0].reason
    intake.close()
