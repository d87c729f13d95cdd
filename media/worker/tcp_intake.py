"""The connections of a TCP source: accepted on the leg's own port, or dialled.

Several connections may stand for a moment; the one whose packets the source lock takes carries the stream. Connections
that come before the answer are not read until it has named who is accepted. The listener stays open for the whole call,
so that a broken connection can be replaced; a dialled one that breaks is dialled again.
"""

from __future__ import annotations

import socket

from media.errors import RemoteError
from media.rtp_over_tcp import Rfc4571Framer
from media.worker.context import LegContext
from media.worker.control import Address, ConnectFailed, Opened, Ports, TcpClosed, TcpConnected, Transport
from media.worker.early_connections import EarlyConnections
from media.worker.source import SourceStream
from media.worker.tcp import Connector, Listener

MOST_CONNECTIONS = 8
USELESS_S = 10.0
"""A connection whose packets were not accepted for this long is closed."""
_READ = 256 * 1024


class TcpIntake:
    """Reads records into the round. ``tcp_active`` legs connect on `dial`."""

    def __init__(
        self,
        context: LegContext,
        stream: SourceStream,
        transport: Transport,
        bind: str,
        port: int | None,
        ports: Ports | None = None,
    ) -> None:
        self._context = context
        self._stream = stream
        self._connections: dict[Address, _Connection] = {}
        self._early = EarlyConnections()
        self._dialled: Address | None = None
        self._listener: Listener | None = None
        self._reserved: socket.socket | None = None
        self._connector: Connector | None = None
        passive = transport == "tcp_passive"
        self._pool = context.pool(ports)
        sock = self._pool.open_tcp(bind, context.clock(), port, listen=passive)
        self._port = int(sock.getsockname()[1])
        self.opened = Opened(port=self._port)
        if passive:
            self._listener = Listener(context.reactor, sock, self._accepted)
        else:
            self._reserved = sock

    def answered(self, remote: Address | None) -> None:
        """The answer is known: dial ``remote`` (tcp_active), read the early connections of whom it accepts."""
        if remote is not None:
            self.dial(remote)
        for connection in list(self._connections.values()):
            if not self._stream.lock.allows(connection.remote):
                connection.close("from an address the answer does not name")
        for sock, address in self._early.take():
            self._accepted(sock, address)

    def dial(self, remote: Address) -> None:
        """Connect the reserved port to ``remote``; later calls change nothing."""
        if self._reserved is None:
            return
        sock, self._reserved = self._reserved, None
        self._connector = Connector(
            self._context.reactor,
            sock,
            remote,
            connected=lambda connected: self._connected(connected, remote),
            failed=lambda error: self._failed(remote, error),
            now=self._context.clock(),
        )

    def _connected(self, sock: socket.socket, remote: Address) -> None:
        self._dialled = remote
        self._add(sock, remote)

    def _failed(self, remote: Address, error: str) -> None:
        leg = self._stream.leg
        if self._dialled is not None:
            self._context.emit(TcpClosed(leg=leg, reason=f"it could not be connected again: {error}", final=True))
        self._context.emit(ConnectFailed(leg=leg, remote=remote, error=error))

    def check(self, now: float) -> None:
        """Connecting goes on; connections that brought nothing are closed."""
        if self._connector is not None:
            self._connector.check(now)
        for remote, connection in list(self._connections.items()):
            if remote != self._stream.lock.remote and now - connection.since >= USELESS_S:
                connection.close("no acceptable media on it")

    def close(self) -> None:
        """Close everything and give the port back."""
        for connection in list(self._connections.values()):
            connection.close("leg closed", tell=False)
        self._early.close()
        if self._listener is not None:
            self._listener.close()
        if self._reserved is not None:
            self._reserved.close()
        if self._connector is not None:
            self._connector.close()
        self._pool.release(self._port, self._context.clock())

    def _accepted(self, sock: socket.socket, remote: Address) -> None:
        lock = self._stream.lock
        if not self._stream.answered:
            self._early.put(sock, remote)
        elif not lock.allows(remote):
            lock.refuse_foreign(remote, self._context.clock())
            sock.close()
        else:
            if len(self._connections) >= MOST_CONNECTIONS:
                idle = next(c for c in self._connections.values() if c.remote != lock.remote)
                idle.close("a newer connection takes its place")
            self._add(sock, remote)

    def _add(self, sock: socket.socket, remote: Address) -> None:
        self._connections[remote] = _Connection(self, sock, remote, self._context.clock())
        self._context.emit(TcpConnected(leg=self._stream.leg, remote=remote))

    def readable(self, connection: _Connection) -> None:
        """Read one connection; whole packets join the round."""
        try:
            data = connection.sock.recv(_READ)
            packets = connection.framer.feed(data)
        except BlockingIOError:
            return
        except (OSError, RemoteError) as error:
            connection.close(str(error))
            return
        for packet in packets:
            self._context.arrive(self._stream, packet, connection.remote)
        if not data:
            connection.close("closed by the peer")

    def watch(self, connection: _Connection) -> None:
        """Have `readable` called for a connection."""
        self._context.reactor.add_reader(connection.sock.fileno(), lambda: self.readable(connection))

    def forget(self, connection: _Connection, reason: str, tell: bool) -> None:
        """A connection ends; if it carried the stream, the next one may take over at once."""
        self._context.reactor.remove_reader(connection.sock.fileno())
        self._connections.pop(connection.remote, None)
        if self._stream.lock.remote == connection.remote:
            self._stream.lock.release()
        if tell:
            self._context.emit(TcpClosed(leg=self._stream.leg, reason=reason))
        if tell and self._connector is not None:
            self._connector.lost(reason, self._context.clock())


class _Connection:
    """One TCP connection of the leg."""

    def __init__(self, intake: TcpIntake, sock: socket.socket, remote: Address, since: float) -> None:
        self._intake = intake
        self.sock = sock
        self.remote = remote
        self.since = since
        self.framer = Rfc4571Framer()
        intake.watch(self)

    def close(self, reason: str, *, tell: bool = True) -> None:
        """Close it."""
        self._intake.forget(self, reason, tell)
        self.sock.close()
