"""Connections that came before anybody may be let in: bounded, and strangers cannot crowd out the right one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from media.worker.early_connections import CONNECTIONS_PER_HOST, MOST_CONNECTIONS, EarlyConnections


class Callers:
    """Connected socket pairs under made-up addresses."""

    def __init__(self) -> None:
        self.early = EarlyConnections()
        self.far: dict[tuple[str, int], socket.socket] = {}

    def call(self, host: str, port: int) -> None:
        near, self.far[host, port] = socket.socketpair()
        self.far[host, port].setblocking(False)
        self.early.put(near, (host, port))

    def closed(self, host: str, port: int) -> bool:
        try:
            return self.far[host, port].recv(1) == b""
        except BlockingIOError:
            return False


@pytest.fixture
def callers() -> Iterator[Callers]:
    callers = Callers()
    yield callers
    callers.early.close()
    for sock in callers.far.values():
        sock.close()


def test_a_host_that_calls_too_often_replaces_its_own_oldest_call(callers: Callers) -> None:
    callers.call("10.0.0.9", 1)
    for port in range(CONNECTIONS_PER_HOST + 3):
        callers.call("10.0.0.1", port)
    assert [callers.closed("10.0.0.1", port) for port in range(5)] == [True, True, True, False, False]
    assert not callers.closed("10.0.0.9", 1)


def test_too_many_calls_replace_the_oldest_of_the_host_with_the_most(callers: Callers) -> None:
    callers.call("10.0.0.9", 1)
    for n in range((MOST_CONNECTIONS - 2) // 2):
        callers.call(f"10.0.1.{n}", 1)
        callers.call(f"10.0.1.{n}", 2)
    callers.call("10.0.2.1", 1)
    assert len(callers.early) == MOST_CONNECTIONS
    callers.call("10.0.2.2", 1)
    assert len(callers.early) == MOST_CONNECTIONS
    assert callers.closed("10.0.1.0", 1) and not callers.closed("10.0.0.9", 1)


def test_all_are_handed_over_the_oldest_first(callers: Callers) -> None:
    callers.call("10.0.0.2", 7)
    callers.call("10.0.0.1", 7)
    taken = callers.early.take()
    assert [remote for _, remote in taken] == [("10.0.0.2", 7), ("10.0.0.1", 7)] and len(callers.early) == 0
    for sock, _ in taken:
        sock.close()
