"""One UDP socket for sending and receiving (RFC 3581 needs both to be the same), read into one reused buffer."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from sip.aio.route import family_of
from sip.counters import Counters
from sip.limits import Limits

Address = tuple[str, int]
Sent = Callable[[str], None]
"""Called with the reason when a datagram cannot be sent after all."""


class UdpListener:
    """A bound socket on the running loop.

    on_datagram  one datagram and where it came from; must not raise
    on_pause     after each batch of datagrams
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        advertised_host: str | None,
        limits: Limits,
        counters: Counters,
        on_datagram: Callable[[bytes, Address, UdpListener], None],
        on_pause: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._counters = counters
        self._on_datagram = on_datagram
        self._on_pause = on_pause
        self._waiting: deque[tuple[bytes, Address, Sent]] = deque()
        self._waiting_bytes = 0
        self._buffer = bytearray(65_536)
        self._view = memoryview(self._buffer)
        self._socket = _bound(host, port, limits.socket_buffer_bytes)
        name = self._socket.getsockname()
        self.advertised_host = advertised_host
        self.local: Address = (host, name[1])
        self._loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        receive, view, buffer = self._socket.recvfrom_into, self._view, self._buffer
        for _ in range(self._limits.datagrams_per_wakeup):
            try:
                size, source = receive(buffer)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                # An ICMP error of an earlier datagram; the socket itself is well.
                self._counters.socket_errors += 1
                continue
            self._on_datagram(bytes(view[:size]), (source[0], source[1]), self)
        self._on_pause()

    def send(self, data: bytes, to: Address, failed: Sent) -> None:
        """Send one datagram; `failed` is called, now or later, when that is impossible."""
        if self._waiting:
            self._queue(data, to, failed)
            return
        try:
            self._socket.sendto(data, to)
        except (BlockingIOError, InterruptedError):
            self._queue(data, to, failed)
        except OSError as error:
            self._counters.socket_errors += 1
            failed(str(error))

    def _queue(self, data: bytes, to: Address, failed: Sent) -> None:
        if self._waiting_bytes + len(data) > self._limits.send_queue_bytes:
            failed("send queue full")
            return
        if not self._waiting:
            self._loop.add_writer(self._socket, self._write)
        self._waiting.append((data, to, failed))
        self._waiting_bytes += len(data)

    def _write(self) -> None:
        while self._waiting:
            data, to, failed = self._waiting[0]
            try:
                self._socket.sendto(data, to)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._counters.socket_errors += 1
                failed(str(error))
            self._waiting.popleft()
            self._waiting_bytes -= len(data)
        self._loop.remove_writer(self._socket)

    def close(self) -> None:
        """Close the socket; what still waits is not sent."""
        self._loop.remove_reader(self._socket)
        if self._waiting:
            self._loop.remove_writer(self._socket)
            self._waiting.clear()
        self._socket.close()


def _bound(host: str, port: int, buffer_bytes: int) -> socket.socket:
    bound = socket.socket(family_of(host), socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        # The kernel grants at most net.core.rmem_max; what it grants is good enough to start with.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
