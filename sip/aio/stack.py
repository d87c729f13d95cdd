"""The SIP stack on asyncio: sockets and one timer around the endpoint, and the calls the rest of the program makes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog

from sip.aio.delivery import Delivery, fail
from sip.aio.incoming import Incoming
from sip.aio.listeners import Listeners
from sip.aio.outgoing import OutgoingInvite, timeout_of
from sip.aio.route import WayOutPolicy, any_way
from sip.aio.tcp import TcpConnection
from sip.aio.wire import WireEvent
from sip.core.answer_source import AnswerPolicy, nowhere_else
from sip.core.outlet import Outgoing
from sip.counters import Counters
from sip.endpoint import Endpoint
from sip.errors import LocalError, ParseError, TransportFailed
from sip.limits import Limits
from sip.message import LENIENT, Request, Response, Tolerance
from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.client import ClientTransaction, InviteClient
from sip.transaction.machine import Local
from sip.transaction.server import ServerTransaction

log = structlog.get_logger("sip")


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
        way_out: WayOutPolicy = any_way,
    ) -> None:
        """answer_headers         by method, what every answer to it carries, also those the stack makes itself
        answer_from_elsewhere  tolerance by peer: its answers may come from another address than was asked (see
                               `sip.core.answer_source`)
        way_out                which of our addresses requests to a peer leave from
        """
        self._on_wire = on_wire
        self.now = clock
        limits = limits or Limits()
        self._endpoint = Endpoint(
            user_agent=user_agent,
            timings=timings,
            tolerance=tolerance,
            limits=limits,
            answer_headers=answer_headers,
            answer_from_elsewhere=answer_from_elsewhere,
        )
        self._listeners = Listeners(
            self, limits=limits, counters=self._endpoint.counters, tolerance=tolerance, now=clock, way_out=way_out
        )
        self._delivery = Delivery(self, on_request, self._endpoint.counters)
        self._pumping = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0  # kept here: a timer of uvloop that is due at once has no when()
        self.on_connection_lost: Callable[[Peer, str], None] | None = None
        """Told of a connection that stood and is gone, and why."""
        self.on_response: Callable[[Peer, Request, Response], None] | None = None
        """Told of every response to a request of ours: whom we asked, what, and what came."""

    @property
    def counters(self) -> Counters:
        """What the stack counted so far."""
        return self._endpoint.counters

    # addresses

    async def listen(self, transport: str, host: str, port: int, *, advertised_host: str | None = None) -> int:
        """Bind an address; the bound port (0 asks for any). UDP and TCP may share a port number.

        advertised_host  what Via and Contact show instead of the bound address, e.g. behind a NAT
        """
        return await self._listeners.listen(transport, host, port, advertised_host=advertised_host)

    async def listen_on_one_number(
        self, transports: Sequence[str], host: str, port: int, *, advertised_host: str | None = None
    ) -> int:
        """Bind each of `transports` to one and the same port number, which is returned; 0 finds one free for all."""
        return await self._listeners.listen_on_one_number(transports, host, port, advertised_host=advertised_host)

    async def resolve(self, transport: str, host: str, port: int) -> Peer:
        """A peer given by name: its first address. TransportFailed when the name has none."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise TransportFailed(host, "name not known", peer=host) from error
        return Peer(transport, str(found[0][4][0]), port)

    def local_address(self, to: Peer) -> tuple[str, int]:
        """Our address as that peer sees it, for Via and Contact; TransportFailed when there is no way to it."""
        return self._listeners.local_address(to)

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
        to, sent_by, local = self._listeners.hop(to)
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
        await self._listeners.close()
        for transaction in self._endpoint.under_way():
            fail(transaction, "stack closed")

    # what the sockets bring

    def datagram_arrived(self, data: bytes, source: Peer, local: Local) -> None:
        """From a UDP socket. The boundary of one message: our own mistake in handling it must not cost the ones behind
        it."""
        if self._on_wire is not None:
            self._delivery.guarded(self._on_wire, WireEvent("<", source, local, data, time.time()))
        try:
            self._endpoint.receive(data, source, local, self.now())
            self._deliver()
        except Exception:
            self.counters.handler_failures += 1
            log.exception("message not processed", peer=str(source))

    def message_arrived(self, message: bytes | ParseError, connection: TcpConnection) -> None:
        """From a TCP connection."""
        if isinstance(message, ParseError):
            self._endpoint.refuse_malformed(message, connection.peer, connection.local, self.now())
            return
        self.datagram_arrived(message, connection.peer, connection.local)

    def batch_ended(self) -> None:
        """After the messages of one read: send what they led to."""
        self._pump()

    def connection_ended(self, connection: TcpConnection, reason: str) -> None:
        """From a TCP connection: it is gone."""
        if connection.peer.connection is not None:
            self._endpoint.connection_lost(connection.peer.connection, reason, self.now())
        if connection.stood and self.on_connection_lost is not None and not self._closed:
            self._delivery.guarded(self.on_connection_lost, connection.peer, reason)
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
                self._delivery.deliver(event)
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
            self._delivery.guarded(self._on_wire, WireEvent(">", peer, outgoing.local, outgoing.data, time.time()))
        self._listeners.send(outgoing.data, peer, outgoing.local, partial(self._sending_failed, outgoing))

    def _sending_failed(self, outgoing: Outgoing, reason: str) -> None:
        self._endpoint.sending_failed(outgoing, reason, self.now())
        self._pump()
