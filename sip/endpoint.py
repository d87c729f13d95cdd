"""The SIP stack without sockets and without a clock.

Feed it bytes and `now`; drain `to_send()` and `next_event()`; call `expire(now)` at `deadline()`. The calling and the
called side are `sip.core.client` and `sip.core.server`; this is what they look like from outside, as one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sip.core.admission import Admission
from sip.core.answer_source import AnswerPolicy, AnswerSources, nowhere_else
from sip.core.client import ClientCore
from sip.core.outlet import Outgoing, Outlet
from sip.core.server import AnswerHeaders, ServerCore
from sip.errors import ParseError
from sip.limits import Limits
from sip.message import LENIENT, Request, Response, Tolerance, parse_message
from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.client import ClientTransaction, InviteClient
from sip.transaction.events import Event
from sip.transaction.machine import Local
from sip.transaction.server import ServerTransaction
from sip.transaction.tables import Input

_RETRANSMISSIONS = frozenset({Input.TIMER_A, Input.TIMER_E, Input.TIMER_G, Input.TIMER_2XX})


def random_token() -> str:
    """64 random bits as text."""
    return secrets.token_hex(8)


class Endpoint:
    """One user agent's transactions over any number of hops.

    token                 source of tags and branches; replace it to make a run repeatable
    answer_headers        by method, what every answer to it carries whoever makes it, unless the answer has it already
    answer_from_elsewhere for which peers an answer may come from another address than was asked; see
                          `sip.core.answer_source`
    """

    def __init__(
        self,
        *,
        user_agent: str,
        timings: Timings | None = None,
        tolerance: Tolerance = LENIENT,
        limits: Limits | None = None,
        token: Callable[[], str] = random_token,
        answer_headers: AnswerHeaders | None = None,
        answer_from_elsewhere: AnswerPolicy = nowhere_else,
    ) -> None:
        self.user_agent = user_agent
        self.tolerance = tolerance
        self.limits = limits or Limits()
        self._outlet = outlet = Outlet(timings or Timings(), self.limits, token)
        self.counters = outlet.counters
        self._admission = Admission(self.limits)
        self._server = ServerCore(outlet, self._admission, answer_headers or {})
        self._client = ClientCore(outlet, self._admission, AnswerSources(answer_from_elsewhere), user_agent)

    # what comes in

    def receive(self, data: bytes, source: Peer, local: Local, now: float) -> None:
        """Take one datagram, or one message cut from a stream."""
        if not source.reliable and len(data) > self.limits.max_datagram:
            self.counters.oversize += 1
            return
        if not data.strip(b"\r\n\0 \t"):
            self.counters.keepalives += 1
            return
        if self._admission.floods(source, now):
            self.counters.flooded += 1
            return
        try:
            message = parse_message(data, datagram=not source.reliable, tolerance=self.tolerance)
            if isinstance(message, Request):
                self._server.receive(message, source, local, now)
            else:
                self._client.receive(message, source, now)
        except ParseError as error:
            self._server.refuse_malformed(error, source, local, now)

    def refuse_malformed(self, error: ParseError, source: Peer, local: Local, now: float) -> None:
        """Something unreadable came: see `ServerCore.refuse_malformed`."""
        self._server.refuse_malformed(error, source, local, now)

    # what goes out

    def request(self, request: Request, to: Peer, sent_by: Local, local: Local, now: float) -> ClientTransaction:
        """Send a request: see `ClientCore.request`."""
        return self._client.request(request, to, sent_by, local, now)

    def acknowledge(self, invite: InviteClient, ack: Request) -> None:
        """Send the ACK of a 2xx: see `ClientCore.acknowledge`."""
        self._client.acknowledge(invite, ack)

    def forget(self, transaction: ClientTransaction) -> None:
        """Nobody waits for the answer of a non-INVITE request any more: stop repeating it."""
        self._client.forget(transaction)

    def cancel(self, invite: InviteClient, now: float) -> None:
        """Give an INVITE up: see `ClientCore.cancel`."""
        self._client.cancel(invite, now)

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> bool:
        """Answer a request; False when it has had its final answer already."""
        return self._server.respond(transaction, response, now)

    def to_send(self) -> list[Outgoing]:
        """What is to be sent, in order; the list is handed over."""
        return self._outlet.to_send()

    def next_event(self) -> Event | None:
        """The next thing to tell the user, None when there is none."""
        return self._outlet.next_event()

    # time and failure

    def deadline(self) -> float | None:
        """When `expire` is to be called next; None: not until something else happens."""
        return self._outlet.timers.deadline()

    def expire(self, now: float) -> None:
        """Run the timers that have ended."""
        for owner, timer in self._outlet.timers.due(now):
            if timer in _RETRANSMISSIONS:
                self.counters.retransmissions_sent += 1
            owner.happen(timer, now)

    def sending_failed(self, outgoing: Outgoing, reason: str, now: float) -> None:
        """The transport could not deliver this."""
        self.counters.transport_failures += 1
        if outgoing.transaction is not None:
            outgoing.transaction.fail(reason, now)

    def connection_lost(self, connection: int, reason: str, now: float) -> None:
        """A TCP connection is gone: see `ClientCore.connection_lost`."""
        self._client.connection_lost(connection, reason, now)

    def under_way(self) -> list[ClientTransaction]:
        """Requests of ours that have not ended."""
        return self._client.under_way()

    @property
    def unanswered(self) -> int:
        """Requests of peers that still wait for their final answer."""
        return self._admission.pending

    def __len__(self) -> int:
        return len(self._server) + len(self._client)
