"""Accepting and connecting: three tries at least a second apart."""

from __future__ import annotations

import socket
import struct
from typing import Any

from interop.demo.ports import free_port
from media.worker import tcp
from media.worker.ports import tcp_listener, tcp_unconnected
from media.worker.tcp import RETRY_S, STOOD_S, TRY_TIMEOUT_S, Connector, Listener

HOST = "127.0.0.1"


class Outcome:
    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.errors: list[str] = []

    def dial(self, floor: Any, port: int, sock: socket.socket | None = None) -> Connector:
        return Connector(
            floor.loop,
            sock or tcp_unconnected(HOST, 0),
            (HOST, port),
            connected=self.sockets.append,
            failed=self.errors.append,
            now=floor.now,
        )


def test_a_listener_hands_over_connections(floor: Any) -> None:
    accepted: list[tuple[socket.socket, tuple[str, int]]] = []
    server = tcp_listener(HOST, 0)
    listener = Listener(floor.loop, server, lambda sock, remote: accepted.append((sock, remote)))
    with socket.create_connection(server.getsockname()) as client:
        floor.turn(lambda: accepted)
        assert accepted[0][1] == client.getsockname() and not accepted[0][0].getblocking()
    accepted[0][0].close()
    listener._accept()
    listener.close()
    listener._accept()


def test_connecting_succeeds_from_the_bound_port(floor: Any) -> None:
    outcome = Outcome()
    with socket.create_server((HOST, 0)) as server:
        sock = tcp_unconnected(HOST, 0)
        port = sock.getsockname()[1]
        connector = outcome.dial(floor, server.getsockname()[1], sock)
        floor.turn(lambda: outcome.sockets)
        accepted, address = server.accept()
        assert address == (HOST, port)
        connector.check(floor.now + 100)
        connector.close()
        accepted.close()
    outcome.sockets[0].close()
    assert not outcome.errors


def test_three_refused_tries_a_second_apart_are_a_failure(floor: Any) -> None:
    outcome = Outcome()
    connector = outcome.dial(floor, free_port())
    started = floor.now
    tries = []
    while not outcome.errors:
        floor.turn()
        if connector._sock is None:
            tries.append(connector._tries)
            connector.check(floor.now + RETRY_S - 0.01)
            assert connector._sock is None, "not before a second is over"
            floor.now += RETRY_S
        connector.check(floor.now)
    assert tries == [1, 2] or tries == [1, 2, 3]
    assert floor.now - started >= 2 * RETRY_S
    assert "refused" in outcome.errors[0]
    connector.check(floor.now + 100)
    assert len(outcome.errors) == 1


def test_a_later_try_may_succeed(floor: Any) -> None:
    outcome, port = Outcome(), free_port()
    connector = outcome.dial(floor, port)
    floor.turn(lambda: connector._sock is None)
    with socket.create_server((HOST, port)):
        floor.now += RETRY_S
        connector.check(floor.now)
        floor.turn(lambda: outcome.sockets)
    outcome.sockets[0].close()


def test_a_try_without_answer_times_out(floor: Any) -> None:
    outcome = Outcome()
    # A full backlog makes further connections hang.
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        connector = outcome.dial(floor, server.getsockname()[1])
        for _ in range(3):
            floor.now += TRY_TIMEOUT_S
            connector.check(floor.now)
            floor.now += RETRY_S
            connector.check(floor.now)
        assert outcome.errors == ["timed out"]
        for filler in fillers:
            filler.close()


def test_giving_up_is_silent(floor: Any) -> None:
    outcome = Outcome()
    connector = outcome.dial(floor, free_port())
    connector.close()
    floor.turn()
    connector.check(floor.now + 100)
    assert not outcome.errors and not outcome.sockets


def test_a_remote_that_cannot_be_connected_to_fails(floor: Any) -> None:
    outcome = Outcome()
    connector = outcome.dial(floor, 70_000)
    for _ in range(3):
        floor.now += RETRY_S
        connector.check(floor.now)
    assert len(outcome.errors) == 1


def test_a_local_port_taken_meanwhile_counts_as_a_try(floor: Any) -> None:
    outcome = Outcome()
    sock = tcp_unconnected(HOST, 0)
    port = sock.getsockname()[1]
    connector = outcome.dial(floor, free_port(), sock)
    floor.turn(lambda: connector._sock is None)
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        for _ in range(2):
            floor.now += RETRY_S
            connector.check(floor.now)
    assert "in use" in outcome.errors[0] and tcp.TRIES == 3


def reset(sock: socket.socket) -> None:
    """Close without TIME_WAIT, so that the same two ports can meet again at once."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_a_lost_connection_is_dialled_again_with_as_many_tries(floor: Any) -> None:
    outcome = Outcome()
    with socket.create_server((HOST, 0)) as server:
        connector = outcome.dial(floor, server.getsockname()[1])
        floor.turn(lambda: outcome.sockets)
        reset(server.accept()[0])
    outcome.sockets[0].close()
    connector.lost("closed by the peer", floor.now)
    for tries in range(3):
        assert outcome.errors == [], f"after {tries} tries"
        floor.now += RETRY_S
        connector.check(floor.now)
        floor.turn()
    assert len(outcome.errors) == 1 and "refused" in outcome.errors[0]


def test_connections_that_end_as_soon_as_they_stand_are_not_dialled_for_ever(floor: Any) -> None:
    outcome = Outcome()
    with socket.create_server((HOST, 0)) as server:
        connector = outcome.dial(floor, server.getsockname()[1])
        for lasted_s in (1.0, 1.0, STOOD_S, 1.0, 1.0, 1.0):
            assert outcome.errors == []
            floor.turn(lambda: outcome.sockets)
            reset(server.accept()[0])
            outcome.sockets.pop().close()
            floor.now += lasted_s
            connector.lost("closed by the peer", floor.now)
            floor.now += RETRY_S
            connector.check(floor.now)
    assert outcome.errors == ["closed by the peer"]
