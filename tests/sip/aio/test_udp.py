"""The UDP socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sip.aio.udp import UdpListener
from sip.counters import Counters
from sip.limits import Limits


class Seen:
    def __init__(self) -> None:
        self.datagrams: list[tuple[bytes, int]] = []
        self.pauses: list[int] = []
        self.counters = Counters()
        self.failures: list[str] = []


@asynccontextmanager
async def listening(**limits: Any) -> AsyncIterator[tuple[UdpListener, Seen]]:
    seen = Seen()
    listener = UdpListener(
        "127.0.0.1",
        0,
        advertised_host=None,
        limits=Limits(**limits),
        counters=seen.counters,
        on_datagram=lambda data, source, _: seen.datagrams.append((data, source[1])),
        on_pause=lambda: seen.pauses.append(len(seen.datagrams)),
    )
    try:
        yield listener, seen
    finally:
        listener.close()


@pytest.fixture
def far() -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.bind(("127.0.0.1", 0))
        plain.settimeout(5)
        yield plain


async def test_datagrams_are_read_in_batches_and_each_keeps_its_own_bytes(far: socket.socket) -> None:
    async with listening(datagrams_per_wakeup=2) as (listener, seen):
        for number in range(5):
            far.sendto(b"%d" % number * 9, listener.local)
        async with asyncio.timeout(5):
            while len(seen.datagrams) < 5:
                await asyncio.sleep(0)
        assert [data for data, _ in seen.datagrams] == [b"%d" % number * 9 for number in range(5)]
        assert {port for _, port in seen.datagrams} == {far.getsockname()[1]}
        assert seen.pauses[:2] == [2, 4]


async def test_a_datagram_leaves_from_the_bound_port(far: socket.socket) -> None:
    async with listening() as (listener, seen):
        listener.send(b"hello", far.getsockname(), seen.failures.append)
        assert far.recvfrom(100) == (b"hello", listener.local)
        assert seen.failures == []


async def test_the_kernel_is_asked_for_large_buffers() -> None:
    async with listening(socket_buffer_bytes=300_000) as (small, _), listening() as (large, _):
        sizes = [
            found._socket.getsockopt(socket.SOL_SOCKET, option)
            for found in (small, large)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF)
        ]
        assert all(size >= 200_000 for size in sizes)


async def test_what_cannot_be_sent_is_told_and_the_socket_lives_on(far: socket.socket) -> None:
    async with listening() as (listener, seen):
        listener.send(b"x" * 70_000, far.getsockname(), seen.failures.append)
        listener.send(b"next", far.getsockname(), seen.failures.append)
        assert far.recv(100) == b"next"
        assert len(seen.failures) == 1
        assert seen.counters.socket_errors == 1


class Congested:
    """A socket whose send buffer is full, and whose far end complains, as often as it is told to be."""

    def __init__(self, real: socket.socket) -> None:
        self.real = real
        self.full = 0
        self.complaints = 0
        self.errors = 0

    def fileno(self) -> int:
        return self.real.fileno()

    def sendto(self, data: bytes, to: tuple[str, int]) -> int:
        if self.full:
            self.full -= 1
            raise BlockingIOError
        if self.errors:
            self.errors -= 1
            raise OSError("network is down")
        return self.real.sendto(data, to)

    def recvfrom_into(self, buffer: bytearray) -> tuple[int, Any]:
        if self.complaints:
            self.complaints -= 1
            raise ConnectionRefusedError
        return self.real.recvfrom_into(buffer)

    def close(self) -> None:
        self.real.close()


def congest(listener: UdpListener) -> Congested:
    congested = Congested(listener._socket)
    listener._socket = congested  # type: ignore[assignment]
    return congested


async def test_datagrams_wait_in_order_while_the_kernel_has_no_room(far: socket.socket) -> None:
    async with listening() as (listener, seen):
        congest(listener).full = 2
        for text in (b"one", b"two", b"three"):
            listener.send(text, far.getsockname(), seen.failures.append)
        far.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            assert [await loop.sock_recv(far, 100) for _ in range(3)] == [b"one", b"two", b"three"]
        listener.send(b"four", far.getsockname(), seen.failures.append)
        async with asyncio.timeout(5):
            assert await loop.sock_recv(far, 100) == b"four"
        assert seen.failures == []


async def test_the_queue_of_waiting_datagrams_is_bounded(far: socket.socket) -> None:
    async with listening(send_queue_bytes=10) as (listener, seen):
        congest(listener).full = 1
        listener.send(b"12345678", far.getsockname(), seen.failures.append)
        listener.send(b"9012", far.getsockname(), seen.failures.append)
        assert seen.failures == ["send queue full"]


async def test_a_waiting_datagram_that_fails_is_told_and_the_next_one_leaves(far: socket.socket) -> None:
    async with listening() as (listener, seen):
        congested = congest(listener)
        congested.full, congested.errors = 1, 1
        listener.send(b"lost", far.getsockname(), seen.failures.append)
        listener.send(b"kept", far.getsockname(), seen.failures.append)
        far.setblocking(False)
        async with asyncio.timeout(5):
            assert await asyncio.get_running_loop().sock_recv(far, 100) == b"kept"
        assert seen.failures == ["network is down"]


async def test_icmp_errors_are_counted_and_reading_goes_on(far: socket.socket) -> None:
    async with listening() as (listener, seen):
        congest(listener).complaints = 2
        far.sendto(b"still here", listener.local)
        async with asyncio.timeout(5):
            while not seen.datagrams:
                await asyncio.sleep(0)
        assert seen.datagrams[0][0] == b"still here"
        assert seen.counters.socket_errors == 2


async def test_closing_forgets_what_still_waits(far: socket.socket) -> None:
    async with listening() as (listener, seen):
        congest(listener).full = 1
        listener.send(b"never", far.getsockname(), seen.failures.append)
    assert seen.failures == []


async def test_an_address_in_use_is_an_os_error() -> None:
    async with listening() as (listener, seen):
        with pytest.raises(OSError, match="in use"):
            UdpListener(
                *listener.local,
                advertised_host=None,
                limits=Limits(),
                counters=seen.counters,
                on_datagram=lambda data, source, _: None,
                on_pause=lambda: None,
            )
