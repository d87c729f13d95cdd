"""The SIP stack on asyncio: sockets and one timer around the endpoint, and the calls the rest of the program makes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import Any

import structlog

from sip.aio.incoming import Incoming
from sip.aio.outgoing import OutgoingInvite, timeout_of
from sip.aio.route import WILDCARDS, Routes, is_address
from sip.aio.tcp import TcpConnection, TcpPool
from sip.aio.udp import UdpListener
from sip.aio.wire import WireEvent
from sip.core.answer_source import AnswerPolicy, nowhere_else
from sip.core.outlet import Outgoing
from sip.counters import Counters
from sip.endpoint import Endpoint
from sip.errors import LocalError, ParseError, RemoteError, TransportFailed
from sip.limits import Limits
from sip.message import LENIENT, Request, Response, Tolerance
from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.client import ClientTransaction, InviteClient
from sip.transaction.events import (
    AckMissing,
    AckReceived,
    AnsweredFromElsewhere,
    Cancelled,
    Event,
    ForeignReceived,
    LateAnswer,
    MalformedReceived,
    NotAnswered,
    RequestReceived,
    ResponseReceived,
    SendingFailed,
    TimedOut,
)
from sip.transaction.machine import Local
from sip.transaction.server import ServerTransaction

log = structlog.get_logger("sip")

_PEERS_REMEMBERED = 65_536
_NUMBERS_TRIED = 20


class SipStack:
    """One user agent on any number of UDP and TCP addresses. All methods belong to the running loop's thread."""

    def __init__(
        self,
        *,
        user_agent: str,
        on_request: Callable[[Incoming], None],
        timings: Timings | None = None,
        tolerance: Tolerance = LENIENT,
        clock: Callable[[], float] = time.monotonic,
        on_wire: Callable[[WireEvent], None] | None = None,
        limits: Limits | None = None,
        answer_headers: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        answer_from_elsewhere: AnswerPolicy = nowhere_else,
    ) -> None:
        """answer_headers         by method, what every answer to it carries, also those the stack makes itself
        answer_from_elsewhere  tolerance by peer: its answers may come from another address than was asked (see
                               `sip.core.answer_source`)
        """
        self._on_request = on_request
        self._on_wire = on_wire
        self.now = clock
        self._limits = limits or Limits()
        self._tolerance = tolerance
        self._endpoint = Endpoint(
            user_agent=user_agent,
            timings=timings,
            tolerance=tolerance,
            limits=self._limits,
            answer_headers=answer_headers,
            answer_from_elsewhere=answer_from_elsewhere,
        )
        self._udp: dict[Local, UdpListener] = {}
        self._tcp: TcpPool | None = None
        self._tcp_listeners: list[tuple[Local, str | None]] = []
        self._routes = Routes()
        self._peers: OrderedDict[tuple[str, int], tuple[Peer, UdpListener]] = OrderedDict()
        self._pumping = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0  # kept here: a timer of uvloop that is due at once has no when()
        self.on_connection_lost: Callable[[Peer], None] | None = None

    @property
    def counters(self) -> Counters:
        """What the stack counted so far."""
        return self._endpoint.counters

    # addresses

    async def listen(self, transport: str, host: str, port: int, *, advertised_host: str | None = None) -> int:
        """Bind an address; the bound port (0 asks for any). UDP and TCP may share a port number.

        advertised_host  what Via and Contact show instead of the bound address, e.g. behind a NAT
        """
        if transport == "UDP":
            listener = UdpListener(
                host,
                port,
                advertised_host=advertised_host,
                limits=self._limits,
                counters=self.counters,
                on_datagram=self._datagram_arrived,
                on_pause=self._pump,
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
        """Bind each of `transports` to one and the same port number, which is returned; 0 finds one free for all."""
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

    async def resolve(self, transport: str, host: str, port: int) -> Peer:
        """A peer given by name: its first address. TransportFailed when the name has none."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise TransportFailed(host, "name not known", peer=host) from error
        return Peer(transport, str(found[0][4][0]), port)

    def local_address(self, to: Peer) -> tuple[str, int]:
        """Our address as that peer sees it, for Via and Contact; TransportFailed when there is no way to it."""
        if to.transport == "UDP":
            listener = self._listener_towards(to)
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
        return self._routes.address_towards(to.host, self.now())

    def _listener_towards(self, to: Peer) -> UdpListener:
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

    def _pool(self) -> TcpPool:
        if self._tcp is None:
            self._tcp = TcpPool(
                self, limits=self._limits, counters=self.counters, tolerance=self._tolerance, now=self.now
            )
        return self._tcp

    # what the application asks for

    async def ask(self, request: Request, to: Peer, *, timeout_s: float = 8.0) -> Response:
        """Send a request other than INVITE and wait for its final answer, whatever its status.

        TransactionTimeout, TransportFailed: there was none.
        """
        if request.method in ("INVITE", "ACK", "CANCEL"):
            raise LocalError(f"{request.method} is not asked: use invite()")
        transaction = self._begin(request, to)
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        transaction.owner = answer
        self._pump()
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            raise timeout_of(transaction, self.now() - transaction.started_at) from None
        finally:
            transaction.owner = None
            self._endpoint.forget(transaction)

    def invite(self, request: Request, to: Peer) -> OutgoingInvite:
        """Send an INVITE."""
        if request.method != "INVITE":
            raise LocalError(f"{request.method} is no INVITE: use ask()")
        transaction = self._begin(request, to)
        assert isinstance(transaction, InviteClient)
        outgoing = OutgoingInvite(self, transaction)
        transaction.owner = outgoing
        self._pump()
        return outgoing

    def _begin(self, request: Request, to: Peer) -> ClientTransaction:
        if self._closed:
            raise TransportFailed("stack", "closed", peer=str(to), method=request.method)
        if not is_address(to.host):
            raise LocalError(f"not an IP address: {to.host!r}; use resolve()")
        if ":" in to.host:  # answers are known by the address as the kernel writes it
            to = replace(to, host=str(ip_address(to.host)))
        sent_by = self.local_address(to)
        if to.transport == "UDP":
            local = self._listener_towards(to).local
        else:
            connection = self._pool().towards(to)
            to, local = Peer("TCP", to.host, to.port, connection.peer.connection), sent_by
        return self._endpoint.request(request, to, sent_by, local, self.now())

    def answer(self, transaction: ServerTransaction, response: Response) -> None:
        """For Incoming: send an answer."""
        response.headers.add("Server", self._endpoint.user_agent)
        self._endpoint.respond(transaction, response, self.now())
        self._pump()

    def acknowledge(self, transaction: InviteClient, ack: Request) -> None:
        """For OutgoingInvite: send the ACK of a 2xx."""
        self._endpoint.acknowledge(transaction, ack)
        self._pump()

    def give_up(self, transaction: InviteClient) -> None:
        """For OutgoingInvite: CANCEL."""
        self._endpoint.cancel(transaction, self.now())
        self._pump()

    async def close(self) -> None:
        """Close all sockets and connections; requests under way fail with TransportFailed."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for listener in self._udp.values():
            listener.close()
        if self._tcp is not None:
            await self._tcp.close()
        for transaction in self._endpoint.under_way():
            _fail(transaction, "stack closed")
        self._udp.clear()

    # what the sockets bring

    def _datagram_arrived(self, data: bytes, source: tuple[str, int], listener: UdpListener) -> None:
        known = self._peers.get(source)
        if known is None or known[1] is not listener:
            known = self._peers[source] = (Peer("UDP", source[0], source[1]), listener)
            if len(self._peers) > _PEERS_REMEMBERED:
                self._peers.popitem(last=False)
        self._receive(data, known[0], listener.local)

    def message_arrived(self, message: bytes | ParseError, connection: TcpConnection) -> None:
        """From a TCP connection."""
        if isinstance(message, ParseError):
            self._endpoint.refuse_malformed(message, connection.peer, connection.local, self.now())
            return
        self._receive(message, connection.peer, connection.local)

    def _receive(self, data: bytes, source: Peer, local: Local) -> None:
        # The boundary of one message: our own mistake in handling it must not cost the ones behind it.
        if self._on_wire is not None:
            self._guarded(self._on_wire, WireEvent("<", source, local, data, time.time()))
        try:
            self._endpoint.receive(data, source, local, self.now())
            self._deliver()
        except Exception:
            self.counters.handler_failures += 1
            log.exception("message not processed", peer=str(source))

    def batch_ended(self) -> None:
        """From a TCP connection: send what the messages led to."""
        self._pump()

    def connection_ended(self, connection: TcpConnection, reason: str) -> None:
        """From a TCP connection: it is gone."""
        if connection.peer.connection is not None:
            self._endpoint.connection_lost(connection.peer.connection, reason, self.now())
        if connection.stood and self.on_connection_lost is not None and not self._closed:
            self._guarded(self.on_connection_lost, connection.peer)
        self._pump()

    # the one loop: events to the application, bytes to the sockets, the timer to the loop

    def _pump(self) -> None:
        if self._pumping or self._closed:
            return
        self._pumping = True
        try:
            self._deliver()
            while outbox := self._endpoint.to_send():
                for outgoing in outbox:
                    self._send(outgoing)
                self._deliver()
        finally:
            self._pumping = False
        self._arm_timer()

    def _deliver(self) -> None:
        pumping, self._pumping = self._pumping, True
        try:
            while (event := self._endpoint.next_event()) is not None:
                _DELIVER[type(event)](self, event)
        finally:
            self._pumping = pumping

    def _arm_timer(self) -> None:
        deadline = self._endpoint.deadline()
        if deadline is None:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + max(deadline - self.now(), 0.0)
        if self._timer is not None:
            if self._timer_at <= at:
                return  # it fires early and arms itself again
            self._timer.cancel()
        self._timer, self._timer_at = loop.call_at(at, self._timer_ended), at

    def _timer_ended(self) -> None:
        self._timer = None
        try:
            self._endpoint.expire(self.now())
        finally:
            self._pump()

    def _send(self, outgoing: Outgoing) -> None:
        peer = outgoing.peer
        if self._on_wire is not None:
            self._guarded(self._on_wire, WireEvent(">", peer, outgoing.local, outgoing.data, time.time()))
        failed = partial(self._sending_failed, outgoing)
        if peer.transport == "UDP":
            listener = self._udp.get(outgoing.local)
            if listener is not None:
                listener.send(outgoing.data, (peer.host, peer.port), failed)
        else:
            connection = self._pool().live(peer.connection)
            if connection is None:
                failed("connection closed")
            else:
                connection.send(outgoing.data, failed)

    def _sending_failed(self, outgoing: Outgoing, reason: str) -> None:
        self._endpoint.sending_failed(outgoing, reason, self.now())
        self._pump()

    # events

    def _request_received(self, event: RequestReceived) -> None:
        incoming = Incoming(self, event.transaction, event.request, self.now())
        if event.request.method == "INVITE":
            event.transaction.owner = incoming
        # The boundary to the application: whatever it raises, the peer gets an answer and the stack carries on.
        try:
            self._on_request(incoming)
        except RemoteError as error:
            log.info("request refused", peer=str(incoming.source), reason=str(error))
            incoming.respond(error.status, f"{error.where} {error.what}")
        except Exception:
            self.counters.handler_failures += 1
            log.exception("request handler failed", peer=str(incoming.source), method=event.request.method)
            incoming.respond(500)

    def _cancelled(self, event: Cancelled) -> None:
        if event.transaction.owner is not None:
            event.transaction.owner.cancelled.set()

    def _ack_received(self, event: AckReceived) -> None:
        if event.transaction.owner is not None:
            event.transaction.owner.ack_arrived(event.ack)

    def _ack_missing(self, event: AckMissing) -> None:
        log.warning("no ACK", peer=str(event.transaction.peer), call_id=event.transaction.call, waited_s=event.waited_s)
        if event.transaction.owner is not None:
            event.transaction.owner.ack_missing(event.waited_s)

    def _not_answered(self, event: NotAnswered) -> None:
        log.error("request left unanswered", peer=str(event.transaction.peer), method=event.transaction.key[1])

    def _response_received(self, event: ResponseReceived) -> None:
        owner = event.transaction.owner
        if isinstance(owner, OutgoingInvite):
            self._guarded(owner.response_arrived, event.response)
        elif owner is not None and event.response.status >= 200 and not owner.done():
            owner.set_result(event.response)

    def _timed_out(self, event: TimedOut) -> None:
        _fail(event.transaction, None, event.waited_s)

    def _sending_impossible(self, event: SendingFailed) -> None:
        if isinstance(event.transaction, ClientTransaction):
            _fail(event.transaction, event.reason)
        else:
            log.warning("answer not deliverable", peer=str(event.transaction.peer), reason=event.reason)

    def _late_answer(self, event: LateAnswer) -> None:
        transaction = event.transaction
        log.warning("answered after it was given up", peer=str(transaction.peer), call_id=transaction.request.call_id)
        if isinstance(transaction.owner, OutgoingInvite):
            transaction.owner.late_answer = event.response

    def _malformed_received(self, event: MalformedReceived) -> None:
        error = event.error
        log.warning(
            "malformed message",
            peer=str(event.source),
            where=error.where,
            what=error.what,
            value=error.value,
            answered=event.answered,
        )

    def _foreign_received(self, event: ForeignReceived) -> None:
        log.warning(
            "message from another address dropped",
            peer=str(event.source),
            what=event.what,
            call_id=event.call_id,
            belongs_to=str(event.expected),
        )

    def _answered_from_elsewhere(self, event: AnsweredFromElsewhere) -> None:
        log.warning(
            "answered from another address",
            peer=str(event.source),
            call_id=event.call_id,
            asked=str(event.expected),
        )

    def _guarded(self, callback: Callable[[Any], None], argument: object) -> None:
        # The boundary to the application's callbacks.
        try:
            callback(argument)
        except Exception:
            self.counters.handler_failures += 1
            log.exception("callback failed")


_DELIVER: dict[type[Event], Callable[[SipStack, Any], None]] = {
    RequestReceived: SipStack._request_received,
    Cancelled: SipStack._cancelled,
    AckReceived: SipStack._ack_received,
    AckMissing: SipStack._ack_missing,
    NotAnswered: SipStack._not_answered,
    ResponseReceived: SipStack._response_received,
    TimedOut: SipStack._timed_out,
    SendingFailed: SipStack._sending_impossible,
    LateAnswer: SipStack._late_answer,
    MalformedReceived: SipStack._malformed_received,
    ForeignReceived: SipStack._foreign_received,
    AnsweredFromElsewhere: SipStack._answered_from_elsewhere,
}


def _fail(transaction: ClientTransaction, reason: str | None, waited_s: float = 0.0) -> None:
    """Tell whoever waits for this transaction; reason None: it timed out."""
    owner = transaction.owner
    if owner is None:
        return
    failure: RemoteError
    if reason is None:
        failure = timeout_of(transaction, waited_s)
    else:
        failure = TransportFailed(
            str(transaction.peer),
            reason,
            peer=str(transaction.peer),
            method=transaction.request.method,
            call_id=transaction.request.call_id,
        )
    if isinstance(owner, OutgoingInvite):
        owner.failed(failure)
    elif not owner.done():
        owner.set_exception(failure)
