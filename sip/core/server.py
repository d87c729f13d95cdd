"""The called side: requests of peers and our answers (RFC 3261 8.2, 9.2, 17.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sip.core.admission import Admission
from sip.core.outlet import Outgoing, Outlet
from sip.core.stamping import stamp_source
from sip.errors import ParseError
from sip.message import Request, Response, response_to
from sip.peer import Peer
from sip.transaction.events import (
    AckMissing,
    Cancelled,
    Event,
    ForeignReceived,
    MalformedReceived,
    NotAnswered,
    RequestReceived,
)
from sip.transaction.machine import Local, Machine
from sip.transaction.matching import InvitesByCall, ServerKey, server_key
from sip.transaction.server import InviteServer, NonInviteServer, ServerTransaction
from sip.transaction.tables import Input
from sip.validation import refusal

AnswerHeaders = Mapping[str, Sequence[tuple[str, str]]]


class ServerCore:
    """Server transactions and their surroundings: which request belongs to which, and what is answered without one.

    answer_headers  by method, what every answer to it carries, unless the answer has it already
    """

    def __init__(self, outlet: Outlet, admission: Admission, answer_headers: AnswerHeaders) -> None:
        self.timings = outlet.timings
        self.timers = outlet.timers
        self.token = outlet.token
        self._counters = outlet.counters
        self._limits = outlet.limits
        self._outlet = outlet
        self._admission = admission
        self._answer_headers = answer_headers
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._invites = InvitesByCall()

    # what comes in

    def receive(self, request: Request, source: Peer, local: Local, now: float) -> None:
        """Take a request."""
        self._counters.requests_received += 1
        if request.method == "ACK":
            self._receive_ack(request, source, now)
            return
        try:
            key = server_key(request, source.host)
            _ = request.from_, request.to
        except ParseError as error:
            error.headers = request.headers
            raise
        known = self._servers.get(key)
        if known is not None:
            self._counters.requests_absorbed += 1
            self._repeat(known, source, local, now)
        elif request.method == "CANCEL":
            self._receive_cancel(request, source, local, now)
        elif self._has_room(request, source, local, now):
            self._begin(request, key, source, local, now)

    def _repeat(self, known: ServerTransaction, source: Peer, local: Local, now: float) -> None:
        """A repetition is answered to where it came from, but never moves the exchange to another address."""
        if known.peer.is_sender_of(source):
            known.peer, known.local = source, local
            known.repeated(now)
        elif known.answer:
            self._outlet.send(Outgoing(known.answer, source, local))

    def _begin(self, request: Request, key: ServerKey, source: Peer, local: Local, now: float) -> None:
        if request.method == "INVITE" and self._invites.merged(request):
            self._counters.requests_merged += 1
            self._answer_statelessly(request, 482, source, local)
            return
        stamp_source(request, source)
        transaction: ServerTransaction
        if request.method == "INVITE":
            transaction = invite = InviteServer(request, key, source, local, self)
            self._invites.add(invite)
        else:
            transaction = NonInviteServer(request, key, source, local, self)
        self._servers[key] = transaction
        self._admission.begun(source.host)
        transaction.begin(now)

    def _receive_ack(self, ack: Request, source: Peer, now: float) -> None:
        invite = self._servers.get(server_key(ack, source.host, "INVITE")) or self._invites.of_ack(ack)
        if not isinstance(invite, InviteServer):
            self._counters.stray_acks += 1
        elif not invite.peer.is_sender_of(source):
            self._tell_foreign("ACK", source, ack.call_id, invite.peer, now)
        elif invite.status < 300 and (ack.to.tag or "") != invite.local_tag:
            # Only who received our 2xx knows its tag: an ACK without it may come from a forged address.
            self._counters.stray_acks += 1
        else:
            invite.acknowledge(ack, now)

    def _receive_cancel(self, cancel: Request, source: Peer, local: Local, now: float) -> None:
        # Answered without a transaction of its own: the INVITE's state makes every repetition's answer the same.
        invite = self._servers.get(server_key(cancel, source.host, "INVITE"))
        if not isinstance(invite, InviteServer):
            invite = self._invites.of_cancel(cancel)
        if invite is not None and not invite.peer.is_sender_of(source):
            self._tell_foreign("CANCEL", source, cancel.call_id, invite.peer, now)
            invite = None
        if invite is None:
            self._answer_statelessly(cancel, 481, source, local)
            return
        self._answer_statelessly(cancel, 200, source, local, invite.local_tag)
        if invite.pending and invite.request is not None:
            self.respond(invite, response_to(invite.request, 487, to_tag=invite.local_tag), now)
            self._outlet.tell(Cancelled(invite))

    def _tell_foreign(self, method: str, source: Peer, call_id: str, expected: Peer, now: float) -> None:
        self._counters.foreign_requests += 1
        if self._admission.may_report(source, now):
            self._outlet.tell(ForeignReceived(source, method, call_id, expected))

    def refuse_malformed(self, error: ParseError, source: Peer, local: Local, now: float) -> None:
        """Count something unreadable; within the source's rate also report it, and answer if there is whom to."""
        self._counters.malformed += 1
        if not self._admission.may_report(source, now):
            self._counters.malformed_unanswered += 1
            return
        answer = refusal(error)
        if answer is not None:
            method = (answer.headers.get("CSeq") or "").upper().split()[-1:]
            self._complete(method[0] if method else "", answer)
            self._outlet.send(Outgoing(answer.to_bytes(), source, local))
        self._outlet.tell(MalformedReceived(source, error, answer is not None))

    # what goes out

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> bool:
        """Answer a request; False when it has had its final answer already."""
        pending = transaction.pending
        self._complete(transaction.key[1], response)
        taken = transaction.respond(response, now)
        if taken and pending and response.status >= 200:
            self._admission.answered(transaction.key[1], response.status, transaction.peer, now)
        return taken

    def _answer_statelessly(
        self, request: Request, status: int, source: Peer, local: Local, tag: str = "", retry_after: int | None = None
    ) -> None:
        stamp_source(request, source)
        headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
        answer = response_to(request, status, to_tag=tag or self.token(), headers=headers)
        self._complete(request.method, answer)
        self._outlet.send(Outgoing(answer.to_bytes(), source, local))

    def _complete(self, method: str, answer: Response) -> None:
        for name, value in self._answer_headers.get(method, ()):
            if answer.status > 100 and name not in answer.headers:
                answer.headers.add(name, value)

    # room

    def _has_room(self, request: Request, source: Peer, local: Local, now: float) -> bool:
        if self._admission.is_full(source.host):
            return self._refuse_overload(request, source, local)
        if len(self._servers) >= self._limits.max_transactions and not self._evict(now):
            return self._refuse_overload(request, source, local)
        if self._admission.storms(request, source, now):
            self._counters.storms += 1
            return self._refuse_overload(request, source, local)
        return True

    def _evict(self, now: float) -> bool:
        oldest = self.timers.oldest(Input.TIMER_J, self.timings.transaction_limit)
        if oldest is None:
            return False
        self._counters.evicted += 1
        return oldest.happen(Input.TIMER_J, now)

    def _refuse_overload(self, request: Request, source: Peer, local: Local) -> bool:
        self._counters.overloaded += 1
        self._answer_statelessly(request, 503, source, local, retry_after=self._limits.retry_after_s)
        return False

    # what server transactions ask for (Surroundings)

    def transmit(self, data: bytes, transaction: Machine) -> None:
        """Queue bytes for the transaction's peer."""
        assert isinstance(transaction, ServerTransaction)
        self._outlet.send(Outgoing(data, transaction.peer, transaction.local, transaction))

    def emit(self, event: Event) -> None:
        """Queue an event."""
        self._outlet.tell(event)
        kind = type(event)
        if kind is RequestReceived:
            return
        if kind is AckMissing:
            self._counters.ack_missing += 1
        elif isinstance(event, NotAnswered):
            self._counters.not_answered += 1
            self._admission.settled(event.transaction.peer.host)

    def ended(self, transaction: Machine) -> None:
        """Forget a transaction."""
        self.timers.disarm_all(transaction)
        if isinstance(transaction, ServerTransaction):
            if self._servers.pop(transaction.key, None) is not None and transaction.pending:
                self._admission.settled(transaction.peer.host)
            if isinstance(transaction, InviteServer):
                self._invites.remove(transaction)

    def __len__(self) -> int:
        return len(self._servers)
