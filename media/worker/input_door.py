"""The loopback port of one input: only the relay's own connection may carry the stream.

Anybody on the machine can connect to it. So a connection counts only from its first RTP packet on, when that carries
the SSRC the control process has given to the relay's sink for this input; and while it stands, no other is taken.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import structlog

from media.errors import RemoteError
from media.rtp import is_rtp
from media.rtp_over_tcp import Rfc4571Framer
from media.worker.control import Address
from media.worker.ports import tcp_listener
from media.worker.reactor import Reactor
from media.worker.tcp import Listener

MOST_UNPROVEN = 16
"""Connections that may wait for their first RTP packet; the oldest makes way."""
_READ = 256 * 1024

log = structlog.get_logger("media.worker.stream")


class InputDoor:
    """Hands on the packets of the one connection it has taken. Raises OSError when the listener cannot be bound.

    ``ssrc`` None: the first connection that sends RTP is taken. ``opened`` is called when a connection is taken, then
    ``received`` with its packets, RTP or not, as they come.
    """

    def __init__(
        self,
        name: str,
        bind: str,
        ssrc: int | None,
        *,
        reactor: Reactor,
        opened: Callable[[], None],
        received: Callable[[list[bytes]], None],
    ) -> None:
        self.ssrc = ssrc
        self.refused = 0
        self._name = name
        self._reactor = reactor
        self._opened = opened
        self._received = received
        listener = tcp_listener(bind, 0)
        self.port = int(listener.getsockname()[1])
        self._listener = Listener(reactor, listener, self._accepted)
        self._unproven: list[_Caller] = []
        self._taken: _Caller | None = None

    @property
    def connected(self) -> bool:
        """Whether the relay's connection stands."""
        return self._taken is not None

    def expect(self, ssrc: int | None) -> None:
        """Another sink of the relay will connect: the connection taken is over unless it has this very SSRC."""
        if ssrc != self.ssrc:
            self.ssrc = ssrc
            self._close_all()

    def close(self) -> None:
        """Close the listener and every connection."""
        self._listener.close()
        self._close_all()

    def _close_all(self) -> None:
        for caller in (*self._unproven, *([self._taken] if self._taken is not None else [])):
            self._drop(caller)

    def _accepted(self, sock: socket.socket, remote: Address) -> None:
        if self._taken is not None:
            # It may have ended without our having noticed yet; then the newcomer is its replacement.
            self._read(self._taken)
        if self._taken is not None:
            self._refuse(_Caller(sock, remote), "another connection carries the stream")
            return
        if len(self._unproven) >= MOST_UNPROVEN:
            self._refuse(self._unproven[0], "too many connections without RTP")
        caller = _Caller(sock, remote)
        self._unproven.append(caller)
        self._reactor.add_reader(sock.fileno(), lambda: self._read(caller))

    def _read(self, caller: _Caller) -> None:
        try:
            data = caller.sock.recv(_READ)
            packets = caller.framer.feed(data)
        except BlockingIOError:
            return
        except (OSError, RemoteError) as error:
            log.warning("input connection broken", input=self._name, error=str(error))
            self._drop(caller)
            return
        if caller is not self._taken and not self._prove(caller, packets):
            packets = []
        if packets:
            self._received(packets)
        if not data:
            self._drop(caller)

    def _prove(self, caller: _Caller, packets: list[bytes]) -> bool:
        """Take a connection by its first RTP packet, or close it; False while none has come."""
        first = next((packet for packet in packets if is_rtp(packet)), None)
        if first is None:
            return False
        ssrc = int.from_bytes(first[8:12], "big")
        if self.ssrc is not None and ssrc != self.ssrc:
            self._refuse(caller, "not the SSRC agreed for this input")
            return False
        self._unproven.remove(caller)
        self._taken = caller
        for other in list(self._unproven):
            self._refuse(other, "another connection carries the stream")
        self._opened()
        return True

    def _refuse(self, caller: _Caller, reason: str) -> None:
        self.refused += 1
        log.warning("connection refused", input=self._name, remote=caller.remote, reason=reason, refused=self.refused)
        self._drop(caller)

    def _drop(self, caller: _Caller) -> None:
        if caller is self._taken:
            self._taken = None
        if caller in self._unproven:
            self._unproven.remove(caller)
        if caller.sock.fileno() >= 0:
            self._reactor.remove_reader(caller.sock.fileno())
            caller.sock.close()


class _Caller:
    """One connection."""

    def __init__(self, sock: socket.socket, remote: Address) -> None:
        self.sock = sock
        self.remote = remote
        self.framer = Rfc4571Framer()
