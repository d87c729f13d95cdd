"""Local media ports of one worker: even/odd UDP pairs (RTP, RTCP; RFC 3550 11) and TCP ports, one set per call.

A port given back rests before it is used again, because some devices go on sending for a while after BYE.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from media.worker.control import ErrorCode

REST_S = 15.0
"""Seconds a released port stays unused."""

RECEIVE_BUFFER = 4 * 1024 * 1024
"""SO_RCVBUF asked for on UDP media sockets: a 4K key frame is more than 1 MB in a few milliseconds."""


Opened = TypeVar("Opened")


class PortError(Exception):
    """No socket could be bound; ``code`` is the control channel's error code."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bound(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    sock = socket.socket(_family(host), kind)
    try:
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except (OSError, OverflowError):
        sock.close()
        raise
    return sock


def udp_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """RTP socket at ``port`` and RTCP socket at ``port + 1``, non-blocking. Raises OSError."""
    rtp = _bound(socket.SOCK_DGRAM, host, port)
    try:
        rtcp = _bound(socket.SOCK_DGRAM, host, port + 1)
    except OSError:
        rtp.close()
        raise
    rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return rtp, rtcp


def tcp_listener(host: str, port: int) -> socket.socket:
    """A listening, non-blocking TCP socket at ``port``. Raises OSError."""
    sock = _bound(socket.SOCK_STREAM, host, port)
    try:
        sock.listen(8)
    except OSError:
        sock.close()
        raise
    return sock


def tcp_unconnected(host: str, port: int) -> socket.socket:
    """A bound, non-blocking TCP socket that will connect from ``port``. Raises OSError."""
    return _bound(socket.SOCK_STREAM, host, port)


class PortPool:
    """Hands out even ports of ``first``..``last`` (each with the odd one after it), the longest unused first."""

    def __init__(self, first: int, last: int) -> None:
        start = first + first % 2
        self.first, self.last = first, last
        self._free: deque[int] = deque(range(start, last, 2))
        self._resting: deque[tuple[float, int]] = deque()
        self._taken: set[int] = set()

    def __len__(self) -> int:
        return len(self._taken)

    def open_udp(self, host: str, now: float, wanted: int | None = None) -> tuple[socket.socket, socket.socket]:
        """Bind an RTP/RTCP pair. Raises `PortError` (no_port, port_in_use, bad_address)."""
        if wanted is not None:
            return self._at(wanted, lambda port: udp_pair(host, port))
        return self._any(now, lambda port: udp_pair(host, port))

    def open_tcp(self, host: str, now: float, wanted: int | None = None, *, listen: bool = True) -> socket.socket:
        """Bind a TCP port, listening or to connect from. Raises `PortError`."""
        opener = tcp_listener if listen else tcp_unconnected
        if wanted is not None:
            return self._at(wanted, lambda port: opener(host, port))
        return self._any(now, lambda port: opener(host, port))

    def release(self, port: int, now: float) -> None:
        """Give a port (pair) back; it rests first."""
        if port not in self._taken:
            return
        self._taken.discard(port)
        if self.first <= port <= self.last:
            self._resting.append((now + REST_S, port))

    def _at(self, port: int, opener: Callable[[int], Opened]) -> Opened:
        try:
            sockets = opener(port)
        except (OSError, OverflowError) as error:
            raise _refusal(error, str(port)) from error
        self._taken.add(port)
        self._forget(port)
        return sockets

    def _forget(self, port: int) -> None:
        if port in self._free:
            self._free.remove(port)
        self._resting = deque(entry for entry in self._resting if entry[1] != port)

    def _any(self, now: float, opener: Callable[[int], Opened]) -> Opened:
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                sockets = opener(port)
            except OSError as error:
                self._free.append(port)
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise _refusal(error, str(port)) from error
                continue
            self._taken.add(port)
            return sockets
        ours = len(self._taken)
        raise PortError("no_port", f"every port of {self.first}-{self.last} is in use ({ours} by this worker)")


def _refusal(error: OSError | OverflowError, port: str) -> PortError:
    if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
        return PortError("port_in_use", f"port {port}: {error}")
    return PortError("bad_address", f"port {port}: {error}")
