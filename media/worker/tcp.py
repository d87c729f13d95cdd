"""TCP connections of media legs: accepting, connecting with tries, closing without surprises."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from media.worker.control import Address
from media.worker.ports import tcp_unconnected
from media.worker.reactor import Reactor

TRIES = 3
RETRY_S = 1.0
"""GB/T 28181-2022 annex D: a TCP client whose first connection fails tries at least three times, 1 s or more apart."""
TRY_TIMEOUT_S = 5.0
STOOD_S = 15.0
"""A connection that lasted this long was a good one; after `TRIES` shorter ones in a row nothing is dialled again."""


class Listener:
    """Accepts connections for one leg until closed."""

    def __init__(
        self, reactor: Reactor, sock: socket.socket, accepted: Callable[[socket.socket, Address], None]
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._accepted = accepted
        reactor.add_reader(sock.fileno(), self._accept)

    def close(self) -> None:
        """Stop listening."""
        self._reactor.remove_reader(self._sock.fileno())
        self._sock.close()

    def _accept(self) -> None:
        try:
            sock, address = self._sock.accept()
        except OSError:
            return  # gone again before it was accepted, or no descriptors left: the peer will try again
        sock.setblocking(False)
        self._accepted(sock, (str(address[0]), int(address[1])))


class Connector:
    """Connects from a bound socket to ``remote``; ends with ``connected(sock)`` or ``failed(error)``.

    `lost` begins again, with as many tries, after a connection it made has ended.
    """

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        remote: Address,
        *,
        connected: Callable[[socket.socket], None],
        failed: Callable[[str], None],
        now: float,
    ) -> None:
        self._reactor = reactor
        self._local: Address = (str(sock.getsockname()[0]), int(sock.getsockname()[1]))
        self._sock: socket.socket | None = sock
        self._remote = remote
        self._connected = connected
        self._failed = failed
        self._tries = 0
        self._waiting = False
        self._short_lived = 0
        self._deadline = now
        self._begin(now)

    def check(self, now: float) -> None:
        """Give up a try that takes too long; begin the next one when its time has come."""
        if now < self._deadline:
            return
        if self._sock is not None:
            self._fail_try("timed out", now)
        elif self._waiting:
            self._waiting = False
            try:
                self._sock = tcp_unconnected(*self._local)
            except OSError as error:
                self._tries += 1
                self._fail_try(str(error), now)
                return
            self._begin(now)

    def lost(self, reason: str, now: float) -> None:
        """The connection has ended: dial again in a second, unless the last few ended as soon as they stood."""
        began = self._deadline - TRY_TIMEOUT_S
        self._short_lived = 0 if now - began >= STOOD_S else self._short_lived + 1
        self._tries = 0 if self._short_lived < TRIES else TRIES
        self._fail_try(reason, now)

    def close(self) -> None:
        """Give up without telling anybody."""
        self._waiting = False
        self._drop()

    def _begin(self, now: float) -> None:
        assert self._sock is not None
        self._tries += 1
        self._deadline = now + TRY_TIMEOUT_S
        try:
            self._sock.connect(self._remote)
        except BlockingIOError:
            self._reactor.add_writer(self._sock.fileno(), self._ready)
            return
        except (OSError, OverflowError) as error:
            self._fail_try(str(error), now)
            return
        self._ready()

    def _ready(self) -> None:
        assert self._sock is not None
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail_try(os.strerror(code), self._deadline - TRY_TIMEOUT_S)
            return
        self._reactor.remove_writer(self._sock.fileno())
        sock, self._sock = self._sock, None
        self._connected(sock)

    def _fail_try(self, error: str, now: float) -> None:
        self._drop()
        self._deadline = now + RETRY_S
        self._waiting = self._tries < TRIES
        if not self._waiting:
            self._failed(error)

    def _drop(self) -> None:
        if self._sock is not None:
            self._reactor.remove_writer(self._sock.fileno())
            self._sock.close()
            self._sock = None
