"""What came before the answer: bounded, and strangers cannot crowd out the right one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from media.worker.early import (
    BYTES_PER_SENDER,
    CONNECTIONS_PER_HOST,
    MOST_CONNECTIONS,
    MOST_SENDERS,
    PACKETS_PER_SENDER,
    EarlyConnections,
    EarlyPackets,
)


def test_the_newest_packets_of_each_sender_are_kept_in_order() -> None:
    early = EarlyPackets()
    buffer = bytearray(b"xx")
    for n in range(PACKETS_PER_SENDER + 5):
        buffer[:] = n.to_bytes(2, "big")
        early.put(("10.0.0.1", 5), memoryview(buffer))
        early.put(("10.0.0.2", 5), b"other")
    assert early.of(("10.0.0.1", 5)) == [n.to_bytes(2, "big") for n in range(5, PACKETS_PER_SENDER + 5)]
    assert early.counts == {("10.0.0.1", 5): PACKETS_PER_SENDER + 5, ("10.0.0.2", 5): PACKETS_PER_SENDER + 5}
    early.clear()
    assert early.counts == {}


def test_the_bytes_of_a_sender_are_bounded() -> None:
    early = EarlyPackets()
    for _ in range(10):
        early.put(("10.0.0.1", 5), bytes(BYTES_PER_SENDER // 3))
    assert len(early.of(("10.0.0.1", 5))) == 3


def test_more_senders_than_a_few_are_not_kept() -> None:
    early = EarlyPackets()
    for n in range(MOST_SENDERS + 1):
        early.put(("10.0.0.1", n), b"x")
    assert list(early.counts) == [("10.0.0.1", n) for n in range(MOST_SENDERS)]


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
