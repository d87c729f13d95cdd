"""SIP over TCP: accepted and opened connections, one per peer, framed, bounded, swept when idle (RFC 3261 18)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from sip.aio.route import family_of
from sip.counters import Counters
from sip.errors import ParseError, TransportFailed
from sip.framing import StreamFramer
from sip.limits import Limits
from sip.message import Tolerance
from sip.peer import Peer

Address = tuple[str, int]
Failed = Callable[[str], None]

_SWEEPS = 4  # per idle time
_LINGER_S = 1.0


class Reader(Protocol):
    """Who takes what the connections bring."""

    def message_arrived(self, message: bytes | ParseError, connection: TcpConnection) -> None:
        """One whole message, or what could not be framed."""

    def batch_ended(self) -> None:
        """After the messages of one read."""

    def connection_ended(self, connection: TcpConnection, reason: str) -> None:
        """The connection is gone, or never came to be."""


class TcpConnection(asyncio.Protocol):
    """One connection. `peer` carries its number."""

    def __init__(self, pool: TcpPool, number: int, towards: Address | None) -> None:
        self._pool = pool
        self._framer = StreamFramer(pool.tolerance)
        self._transport: asyncio.Transport | None = None
        self._early: list[tuple[bytes, Failed]] = []
        self._early_bytes = 0
        self._ended = False
        self.stood = False
        self.heard_at = self.waiting_since = pool.now()
        self.messages = 0
        self.held = 0
        self.accepted = towards is None
        self.local: Address = ("", 0)
        self.peer = Peer("TCP", *(towards or ("", 0)), connection=number)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop has its own classes
        remote, local = self._transport.get_extra_info("peername"), self._transport.get_extra_info("sockname")
        if remote is not None:
            self.local = (local[0], local[1])
            self.peer = Peer("TCP", remote[0], remote[1], self.peer.connection)
        if remote is None or not self._pool.admit(self):
            self._ended = True
            self._transport.abort()
            return
        self.stood = True
        self._transport.set_write_buffer_limits(high=self._pool.limits.send_queue_bytes)
        self._pool.stands(self)
        early, self._early = self._early, []
        for data, failed in early:
            self.send(data, failed)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if self._ended:
            return
        now = self.heard_at = self._pool.now()
        if not self.owing:
            self.waiting_since = now
        for message in self._framer.feed(data):
            if not isinstance(message, ParseError):
                self._complete(now)
            self._pool.reader.message_arrived(message, self)
        self._pool.holds(self, self._framer.held)
        self._pool.reader.batch_ended()
        if self._framer.broken:
            self._hang_up("no SIP in the stream")

    def _complete(self, now: float) -> None:
        self.waiting_since = now
        self.messages += 1
        if self.messages == 1:
            self._pool.proven(self)

    @property
    def owing(self) -> bool:
        """Whether the peer owes a message: its first one, or the rest of one it has begun."""
        return (self.accepted and not self.messages) or self._framer.in_message

    def eof_received(self) -> None:
        """asyncio: the peer closed its side; ours closes too."""

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self.end(str(error) if error else "closed by the peer")

    def send(self, data: bytes, failed: Failed) -> None:
        """Send one message, or keep it until the connection stands; `failed` is told when neither is possible."""
        if self._ended:
            failed("connection closed")
        elif self._transport is None:
            self._keep(data, failed)
        elif self._transport.get_write_buffer_size() + len(data) > self._pool.limits.send_queue_bytes:
            failed("send queue full")
        else:
            self._transport.write(data)

    def _keep(self, data: bytes, failed: Failed) -> None:
        if self._early_bytes + len(data) > self._pool.limits.send_queue_bytes:
            failed("send queue full")
            return
        self._early.append((data, failed))
        self._early_bytes += len(data)

    def abort(self, reason: str) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
        self.end(reason)

    def _hang_up(self, reason: str) -> None:
        """Close, but let the peer read what was said last: closing at once while it still sends would destroy that."""
        if self._transport is not None and not self._ended:
            self._transport.write_eof()
            self._pool.later(_LINGER_S, self._transport.abort)
        self.end(reason)

    def end(self, reason: str) -> None:
        """The connection can carry nothing any more."""
        if self._ended:
            return
        self._ended = True
        early, self._early = self._early, []
        for _, failed in early:
            failed(reason)
        self._pool.gone(self, reason)


class TcpPool:
    """All TCP connections of one stack, found by number or by the peer's address."""

    def __init__(
        self, reader: Reader, *, limits: Limits, counters: Counters, tolerance: Tolerance, now: Callable[[], float]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.reader = reader
        self.limits = limits
        self.counters = counters
        self.tolerance = tolerance
        self.now = now
        self._servers: list[asyncio.Server] = []
        self._by_number: dict[int, TcpConnection] = {}
        self._by_address: dict[Address, TcpConnection] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._of_source: dict[str, int] = {}
        self._unproven: dict[str, dict[int, TcpConnection]] = {}
        self._held = 0
        self._due: dict[asyncio.TimerHandle, Callable[[], None]] = {}
        self._last_number = 0
        self._sweeper = self._loop.call_later(self._sweep_s(), self._sweep)

    async def listen(self, host: str, port: int) -> Address:
        """Accept connections; the bound address."""
        server = await self._loop.create_server(
            lambda: TcpConnection(self, self._number(), None), host, port, family=family_of(host), backlog=512
        )
        self._servers.append(server)
        return (host, server.sockets[0].getsockname()[1])

    def unlisten(self, local: Address) -> None:
        """Accept no more connections at that bound address."""
        for server in [found for found in self._servers if found.sockets[0].getsockname()[:2] == local]:
            self._servers.remove(server)
            server.close()

    def live(self, number: int | None) -> TcpConnection | None:
        """The connection of that number while it lives."""
        return None if number is None else self._by_number.get(number)

    def towards(self, peer: Peer, from_host: str | None = None) -> TcpConnection:
        """The connection for a request: the peer's own while it lives, else one to its address, opened if need be.

        from_host  the address of ours a new one is made from; None leaves it to the kernel
        """
        found = self.live(peer.connection) or self._by_address.get((peer.host, peer.port))
        return found if found is not None else self._open((peer.host, peer.port), from_host)

    def _open(self, address: Address, from_host: str | None) -> TcpConnection:
        if len(self._by_number) >= self.limits.max_connections:
            self.counters.connections_refused += 1
            raise TransportFailed("TCP", "too many connections", f"{address[0]}:{address[1]}", peer=address[0])
        number = self._number()
        connection = TcpConnection(self, number, address)
        self._by_number[number] = connection
        self._by_address[address] = connection
        self._opening[number] = self._loop.create_task(
            self._connect(connection, address, from_host), name=f"sip-connect-{number}"
        )
        return connection

    async def _connect(self, connection: TcpConnection, address: Address, from_host: str | None) -> None:
        local = (from_host, 0) if from_host is not None else None
        try:
            async with asyncio.timeout(self.limits.connect_timeout_s):
                await self._loop.create_connection(lambda: connection, *address, local_addr=local)
            self.counters.connections_opened += 1
        except TimeoutError:
            connection.end(f"no TCP connection in {self.limits.connect_timeout_s:g} s")
        except OSError as error:
            connection.end(f"no TCP connection ({error.strerror or error})")
        finally:
            if connection.peer.connection is not None:
                self._opening.pop(connection.peer.connection, None)

    def admit(self, connection: TcpConnection) -> bool:
        """Whether one more connection fits."""
        if not connection.accepted:
            return True
        few = self._of_source.get(connection.peer.host, 0) < self.limits.max_connections_per_source
        if few and len(self._by_number) < self.limits.max_connections:
            return True
        self.counters.connections_refused += 1
        return False

    def stands(self, connection: TcpConnection) -> None:
        """A connection was made. The newest of an address is the one to use."""
        number = connection.peer.connection
        assert number is not None
        self._by_number[number] = connection
        self._by_address[(connection.peer.host, connection.peer.port)] = connection
        if connection.accepted:
            self.counters.connections_accepted += 1
            host = connection.peer.host
            self._of_source[host] = self._of_source.get(host, 0) + 1
            unproven = self._unproven.setdefault(host, {})
            unproven[number] = connection
            if len(unproven) > self.limits.max_unproven_per_source:
                self.counters.connections_unproven += 1
                next(iter(unproven.values())).abort("too many connections without a message")

    def proven(self, connection: TcpConnection) -> None:
        """A connection has brought its first whole message."""
        self._forget_unproven(connection)

    def _forget_unproven(self, connection: TcpConnection) -> None:
        unproven = self._unproven.get(connection.peer.host, {})
        if connection.peer.connection is not None:
            unproven.pop(connection.peer.connection, None)
        if not unproven:
            self._unproven.pop(connection.peer.host, None)

    def holds(self, connection: TcpConnection, size: int) -> None:
        """How many bytes a connection keeps of an unfinished message."""
        if self.live(connection.peer.connection) is not connection:
            return
        self._held += size - connection.held
        connection.held = size
        if self._held > self.limits.max_unfinished_bytes:
            most = max(self._by_number.values(), key=lambda one: one.held)
            most.abort("too many bytes of unfinished messages")

    def gone(self, connection: TcpConnection, reason: str) -> None:
        """A connection ended."""
        peer = connection.peer
        if peer.connection is not None:
            self._by_number.pop(peer.connection, None)
        if self._by_address.get((peer.host, peer.port)) is connection:
            del self._by_address[(peer.host, peer.port)]
        self._held -= connection.held
        connection.held = 0
        if connection.accepted and connection.stood:
            self._forget_unproven(connection)
            left = self._of_source.get(peer.host, 0) - 1
            if left > 0:
                self._of_source[peer.host] = left
            else:
                self._of_source.pop(peer.host, None)
        self.counters.connections_lost += connection.stood
        self.reader.connection_ended(connection, reason)

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Call after a while, or when the pool is closed."""

        def due() -> None:
            self._due.pop(timer, None)
            call()

        timer = self._loop.call_later(delay_s, due)
        self._due[timer] = call

    def _number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _sweep_s(self) -> float:
        return min(self.limits.connection_idle_s, self.limits.first_message_s) / _SWEEPS

    def _sweep(self) -> None:
        now = self.now()
        for connection in list(self._by_number.values()):
            if now - connection.heard_at > self.limits.connection_idle_s:
                connection.abort("idle")
            elif connection.owing and now - connection.waiting_since > self.limits.first_message_s:
                self.counters.connections_slow += 1
                connection.abort("unfinished message" if connection.messages else "no message")
        self._sweeper = self._loop.call_later(self._sweep_s(), self._sweep)

    async def close(self) -> None:
        """Close everything."""
        self._sweeper.cancel()
        for timer, call in list(self._due.items()):
            timer.cancel()
            call()
        self._due.clear()
        opening = list(self._opening.values())
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for server in self._servers:
            server.close()
        for connection in list(self._by_number.values()):
            connection.abort("stack closed")
        for server in self._servers:
            await server.wait_closed()
        await asyncio.sleep(0)

    def __len__(self) -> int:
        return len(self._by_number)
