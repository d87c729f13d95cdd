"""Our addresses: the UDP sockets and the TCP pool of one stack, and which of them leads to a peer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Protocol

from sip.aio.route import WILDCARDS, Routes, WayOut, WayOutPolicy, any_way, is_address
from sip.aio.tcp import Reader, TcpPool
from sip.aio.udp import Sent, UdpListener
from sip.counters import Counters
from sip.errors import LocalError
from sip.limits import Limits
from sip.peer import Peer
from sip.tolerance import Tolerance
from sip.transaction.machine import Local

_PEERS_REMEMBERED = 65_536
_NUMBERS_TRIED = 20


class WireReader(Reader, Protocol):
    """Who takes what the sockets bring."""

    def datagram_arrived(self, data: bytes, source: Peer, local: Local) -> None:
        """One datagram; must not raise."""


class Listeners:
    """What is bound, what is connected, and the listener each UDP peer was last heard on."""

    def __init__(
        self,
        reader: WireReader,
        *,
        limits: Limits,
        counters: Counters,
        tolerance: Tolerance,
        now: Callable[[], float],
        way_out: WayOutPolicy = any_way,
    ) -> None:
        self._reader = reader
        self._limits = limits
        self._counters = counters
        self._tolerance = tolerance
        self._now = now
        self._way_out = way_out
        self._udp: dict[Local, UdpListener] = {}
        self._tcp: TcpPool | None = None
        self._tcp_listeners: list[tuple[Local, str | None]] = []
        self._routes = Routes()
        self._peers: OrderedDict[tuple[str, int], tuple[Peer, UdpListener]] = OrderedDict()

    # binding

    async def listen(self, transport: str, host: str, port: int, *, advertised_host: str | None = None) -> int:
        """Bind an address; the bound port. See `SipStack.listen`."""
        if transport == "UDP":
            listener = UdpListener(
                host,
                port,
                advertised_host=advertised_host,
                limits=self._limits,
                counters=self._counters,
                on_datagram=self._datagram_arrived,
                on_pause=self._reader.batch_ended,
            )
            self._udp[listener.local] = listener
            return listener.local[1]
        if transport != "TCP":
            raise LocalError(f"no such transport: {transport}")
        local = await self._pool().listen(host, port)
        self._tcp_listeners.append((local, advertised_host))
        return local[1]

    async def listen_on_one_number(
        self, transports: Sequence[str], host: str, port: int, *, advertised_host: str | None = None
    ) -> int:
        """Bind several transports to one number. See `SipStack.listen_on_one_number`."""
        for attempt in range(_NUMBERS_TRIED):
            number = port
            bound: list[Local] = []
            try:
                for transport in transports:
                    number = await self.listen(transport, host, number, advertised_host=advertised_host)
                    bound.append((host, number))
                return number
            except OSError:
                # The kernel gave a number for one transport that somebody holds in the other.
                self._unlisten(transports[: len(bound)], bound)
                if port or attempt == _NUMBERS_TRIED - 1:
                    raise
        raise LocalError("no transport to listen on")

    def _unlisten(self, transports: Sequence[str], bound: Sequence[Local]) -> None:
        for transport, local in zip(transports, bound, strict=True):
            if transport == "UDP":
                self._udp.pop(local).close()
            else:
                self._tcp_listeners = [known for known in self._tcp_listeners if known[0] != local]
                self._pool().unlisten(local)

    async def close(self) -> None:
        """Close every socket and connection."""
        for listener in self._udp.values():
            listener.close()
        if self._tcp is not None:
            await self._tcp.close()
        self._udp.clear()

    def _pool(self) -> TcpPool:
        if self._tcp is None:
            self._tcp = TcpPool(
                self._reader, limits=self._limits, counters=self._counters, tolerance=self._tolerance, now=self._now
            )
        return self._tcp

    # receiving and sending

    def _datagram_arrived(self, data: bytes, source: tuple[str, int], listener: UdpListener) -> None:
        known = self._peers.get(source)
        if known is None or known[1] is not listener:
            known = self._peers[source] = (Peer("UDP", source[0], source[1]), listener)
            if len(self._peers) > _PEERS_REMEMBERED:
                self._peers.popitem(last=False)
        self._reader.datagram_arrived(data, known[0], listener.local)

    def send(self, data: bytes, peer: Peer, local: Local, failed: Sent) -> None:
        """Send bytes from one of our addresses; `failed` is called, now or later, when that is impossible."""
        if peer.transport == "UDP":
            listener = self._udp.get(local)
            if listener is not None:
                listener.send(data, (peer.host, peer.port), failed)
            return
        connection = self._pool().live(peer.connection)
        if connection is None:
            failed("connection closed")
        else:
            connection.send(data, failed)

    # the way to a peer

    def hop(self, to: Peer) -> tuple[Peer, Local, Local]:
        """How a request gets to a peer: the peer with its connection, our address as it sees it, and the address the
        request leaves from."""
        if not is_address(to.host):
            raise LocalError(f"not an IP address: {to.host!r}; use resolve()")
        if ":" in to.host:  # answers are known by the address as the kernel writes it
            to = replace(to, host=str(ip_address(to.host)))
        way_out = self._way_out(to)
        sent_by = self._seen_by(to, way_out)
        if to.transport == "UDP":
            return to, sent_by, self._listener_towards(to, way_out).local
        from_host = way_out.host if way_out is not None and way_out.host not in WILDCARDS else None
        connection = self._pool().towards(to, from_host)
        return Peer("TCP", to.host, to.port, connection.peer.connection), sent_by, sent_by

    def local_address(self, to: Peer) -> tuple[str, int]:
        """Our address as that peer sees it, for Via and Contact; TransportFailed when there is no way to it."""
        return self._seen_by(to, self._way_out(to))

    def _seen_by(self, to: Peer, way_out: WayOut | None) -> tuple[str, int]:
        if way_out is not None:
            return self._shown(way_out.host, way_out.advertised_host, to), way_out.port
        if to.transport == "UDP":
            listener = self._listener_towards(to, None)
            return (self._shown(listener.local[0], listener.advertised_host, to), listener.local[1])
        live = self._pool().live(to.connection)
        if not self._tcp_listeners:
            return live.local if live is not None and live.local[1] else (self._route(to), 5060)
        host = live.local[0] if live is not None and live.local[0] else self._route(to)
        local, advertised = next(
            (found for found in self._tcp_listeners if found[0][0] == host), self._tcp_listeners[0]
        )
        return (advertised or (host if local[0] in WILDCARDS else local[0]), local[1])

    def _shown(self, bound: str, advertised: str | None, to: Peer) -> str:
        return advertised or (self._route(to) if bound in WILDCARDS else bound)

    def _route(self, to: Peer) -> str:
        return self._routes.address_towards(to.host, self._now())

    def _listener_towards(self, to: Peer, way_out: WayOut | None) -> UdpListener:
        if way_out is not None and (chosen := self._udp.get((way_out.host, way_out.port))) is not None:
            return chosen
        if len(self._udp) == 1:
            return next(iter(self._udp.values()))
        if not self._udp:
            raise LocalError("no UDP address is bound")
        known = self._peers.get((to.host, to.port))
        if known is not None:
            return known[1]
        route = self._route(to)
        exact = next((found for local, found in self._udp.items() if local[0] == route), None)
        wildcard = next((found for local, found in self._udp.items() if local[0] in WILDCARDS), None)
        return exact or wildcard or next(iter(self._udp.values()))
