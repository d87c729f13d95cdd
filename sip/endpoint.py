"""The SIP stack without sockets and without a clock.

Feed it bytes and `now`; drain `to_send()` and `next_event()`; call `expire(now)` at `deadline()`. It owns the
transaction table, the matching, the limits, and the two duties of a core that need no policy: acknowledging repeated
2xx, and ending calls nobody waits for any more.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sip.counters import Counters
from sip.dialog import Dialog
from sip.errors import ParseError, TransportFailed
from sip.headers import Headers
from sip.limits import Limits, SourceRates
from sip.message import LENIENT, Request, Response, Tolerance, parse_message, response_to
from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.client import ClientKey, ClientTransaction, InviteClient, NonInviteClient, cancel_of
from sip.transaction.events import (
    AckMissing,
    Cancelled,
    Event,
    ForeignReceived,
    LateAnswer,
    MalformedReceived,
    NotAnswered,
    RequestReceived,
    ResponseReceived,
    TimedOut,
)
from sip.transaction.machine import Local, Machine
from sip.transaction.matching import InvitesByCall, ServerKey, client_key, server_key
from sip.transaction.server import InviteServer, NonInviteServer, ServerTransaction
from sip.transaction.tables import Input, State
from sip.transaction.timers import TimerLanes
from sip.validation import discard_reason, refusal
from sip.via import Via

_RETRANSMISSIONS = frozenset({Input.TIMER_A, Input.TIMER_E, Input.TIMER_G, Input.TIMER_2XX})
_CHALLENGES = frozenset({401, 403, 407})
_BARE_RPORT = re.compile(r";[ \t]*rport(?=[ \t]*(?:;|$))", re.IGNORECASE)


@dataclass(slots=True)
class Outgoing:
    """Bytes for the wire. `local` is the address they leave from, `transaction` who wants to know when they cannot."""

    data: bytes
    peer: Peer
    local: Local
    transaction: ClientTransaction | ServerTransaction | None = None


def random_token() -> str:
    """64 random bits as text."""
    return secrets.token_hex(8)


class Endpoint:
    """One user agent's transactions over any number of hops.

    token           source of tags and branches; replace it to make a run repeatable
    answer_headers  by method, what every answer to it carries whoever makes it, unless the answer has it already
    """

    def __init__(
        self,
        *,
        user_agent: str,
        timings: Timings | None = None,
        tolerance: Tolerance = LENIENT,
        limits: Limits | None = None,
        token: Callable[[], str] = random_token,
        answer_headers: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    ) -> None:
        self.user_agent = user_agent
        self._answer_headers = answer_headers or {}
        self.timings = timings or Timings()
        self.tolerance = tolerance
        self.limits = limits or Limits()
        self.token = token
        self.timers = TimerLanes()
        self.counters = Counters()
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._clients: dict[ClientKey, ClientTransaction] = {}
        self._invites = InvitesByCall()
        self._pending: dict[str, int] = {}
        self._outbox: list[Outgoing] = []
        self._events: deque[Event] = deque()
        self._proven: OrderedDict[tuple[str, int], None] = OrderedDict()
        bounds = self.limits
        self._malformed = SourceRates(bounds.malformed_per_second, bounds.malformed_burst, bounds.max_sources)
        self._refusals = SourceRates(bounds.refusals_per_second, bounds.refusals_burst, bounds.max_sources)

    # what comes in

    def receive(self, data: bytes, source: Peer, local: Local, now: float) -> None:
        """Take one datagram, or one message cut from a stream."""
        if not source.reliable and len(data) > self.limits.max_datagram:
            self.counters.oversize += 1
            return
        if not data.strip(b"\r\n\0 \t"):
            self.counters.keepalives += 1
            return
        if self._floods(source, now):
            self.counters.flooded += 1
            return
        try:
            message = parse_message(data, datagram=not source.reliable, tolerance=self.tolerance)
            if isinstance(message, Request):
                self._receive_request(message, source, local, now)
            else:
                self._receive_response(message, source, now)
        except ParseError as error:
            self.refuse_malformed(error, source, local, now)

    def _floods(self, source: Peer, now: float) -> bool:
        """Whether to drop unread what comes from here: the host has drawn too many refusals, and no registration was
        ever accepted from this address or from us to it. A trickle is let through, to be told why it is refused."""
        if not self._refusals.exhausted(source.host, now) or (source.host, source.port) in self._proven:
            return False
        return not self._malformed.take(source.host, now)

    def refuse_malformed(self, error: ParseError, source: Peer, local: Local, now: float) -> None:
        """Count something unreadable; within the source's rate also report it, and answer if there is whom to."""
        self.counters.malformed += 1
        if not self._malformed.take(source.host, now):
            self.counters.malformed_unanswered += 1
            return
        answer = refusal(error)
        if answer is not None:
            method = (answer.headers.get("CSeq") or "").upper().split()[-1:]
            self._complete(method[0] if method else "", answer)
            self._outbox.append(Outgoing(answer.to_bytes(), source, local))
        self._events.append(MalformedReceived(source, error, answer is not None))

    def _receive_request(self, request: Request, source: Peer, local: Local, now: float) -> None:
        self.counters.requests_received += 1
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
            self.counters.requests_absorbed += 1
            self._repeat(known, source, local, now)
        elif request.method == "CANCEL":
            self._receive_cancel(request, source, local, now)
        elif self._has_room(request, source, local, now):
            self._begin_server(request, key, source, local, now)

    def _repeat(self, known: ServerTransaction, source: Peer, local: Local, now: float) -> None:
        """A repetition is answered to where it came from, but never moves the exchange to another address."""
        if known.peer.is_sender_of(source):
            known.peer, known.local = source, local
            known.repeated(now)
        elif known.answer:
            self._outbox.append(Outgoing(known.answer, source, local))

    def _begin_server(self, request: Request, key: ServerKey, source: Peer, local: Local, now: float) -> None:
        if request.method == "INVITE" and self._invites.merged(request):
            self.counters.requests_merged += 1
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
        self._pending[source.host] = self._pending.get(source.host, 0) + 1
        transaction.begin(now)

    def _receive_ack(self, ack: Request, source: Peer, now: float) -> None:
        invite = self._servers.get(server_key(ack, source.host, "INVITE")) or self._invites.of_ack(ack)
        if not isinstance(invite, InviteServer):
            self.counters.stray_acks += 1
        elif not invite.peer.is_sender_of(source):
            self.counters.foreign_requests += 1
            self._tell_foreign("ACK", source, ack.call_id, invite.peer, now)
        elif invite.status < 300 and (ack.to.tag or "") != invite.local_tag:
            # Only who received our 2xx knows its tag: an ACK without it may come from a forged address.
            self.counters.stray_acks += 1
        else:
            invite.acknowledge(ack, now)

    def _receive_cancel(self, cancel: Request, source: Peer, local: Local, now: float) -> None:
        # Answered without a transaction of its own: the INVITE's state makes every repetition's answer the same.
        invite = self._servers.get(server_key(cancel, source.host, "INVITE"))
        if not isinstance(invite, InviteServer):
            invite = self._invites.of_cancel(cancel)
        if invite is not None and not invite.peer.is_sender_of(source):
            self.counters.foreign_requests += 1
            self._tell_foreign("CANCEL", source, cancel.call_id, invite.peer, now)
            invite = None
        if invite is None:
            self._answer_statelessly(cancel, 481, source, local)
            return
        self._answer_statelessly(cancel, 200, source, local, invite.local_tag)
        if invite.pending and invite.request is not None:
            self.respond(invite, response_to(invite.request, 487, to_tag=invite.local_tag), now)
            self._events.append(Cancelled(invite))

    def _receive_response(self, response: Response, source: Peer, now: float) -> None:
        self.counters.responses_received += 1
        reason = discard_reason(response)
        if reason is not None:
            raise ParseError("response", reason)
        transaction = self._clients.get(client_key(response))
        if transaction is None:
            self.counters.stray_responses += 1
            return
        if not _answers_for(transaction.peer, source):
            self.counters.foreign_responses += 1
            self._tell_foreign(str(response.status), source, response.call_id, transaction.peer, now)
            return
        if response.status < 300 and transaction.key[1] == "REGISTER":
            self._prove(source)
        if isinstance(transaction, InviteClient):
            self._receive_invite_response(transaction, response, now)
        else:
            transaction.receive(response, now)

    def _tell_foreign(self, what: str, source: Peer, call_id: str, expected: Peer, now: float) -> None:
        if self._malformed.take(source.host, now):
            self._events.append(ForeignReceived(source, what, call_id, expected))

    def _receive_invite_response(self, invite: InviteClient, response: Response, now: float) -> None:
        if not 200 <= response.status < 300:
            invite.receive(response, now)
            if invite.abandoned and response.status < 200:
                self._send_cancel(invite, now)
            return
        acknowledged = self._acknowledgement(invite, response)
        if acknowledged is not None:
            self._outbox.append(Outgoing(acknowledged, invite.peer, invite.local, invite))
            return
        if invite.abandoned or invite.acks:
            self._hang_up(invite, response, now)
        invite.receive(response, now)

    def _acknowledgement(self, invite: InviteClient, response: Response) -> bytes | None:
        """The ACK this 2xx has had already. The same Contact under a new To tag is the same answer: some devices make a
        new tag for every repetition, and a BYE for it would end the call."""
        found = invite.acks.get(response.to.tag or "")
        if found is not None:
            return found[1]
        contact = response.headers.get("Contact")
        for known, ack in invite.acks.values():
            if known == contact:
                self.counters.changed_tags += 1
                return ack
        return None

    # what goes out

    def request(self, request: Request, to: Peer, sent_by: Local, local: Local, now: float) -> ClientTransaction:
        """Send a request in a client transaction of its own. The request itself is not changed.

        sent_by   our address as the peer sees it, for the Via
        local     the address it leaves from
        """
        if len(self._clients) >= self.limits.max_client_transactions:
            raise TransportFailed(str(to), "too many requests under way", peer=str(to), method=request.method)
        branch = f"z9hG4bK{self.token()}"
        stamped = self._stamped(request, branch, to, sent_by)
        kind = InviteClient if request.method == "INVITE" else NonInviteClient
        transaction = kind(stamped, branch, to, local, self, now)
        transaction.sent_by = sent_by
        return self._begin_client(transaction, now)

    def _begin_client(self, transaction: ClientTransaction, now: float) -> ClientTransaction:
        self._clients[transaction.key] = transaction
        transaction.begin(now)
        return transaction

    def _stamped(self, request: Request, branch: str, to: Peer, sent_by: Local) -> Request:
        host = f"[{sent_by[0]}]" if ":" in sent_by[0] else sent_by[0]
        via = f"SIP/2.0/{to.transport} {host}:{sent_by[1]};rport;branch={branch}"
        headers = Headers([("Via", via), *request.headers.items()])
        if "Max-Forwards" not in headers:
            headers.add("Max-Forwards", "70")
        if "User-Agent" not in headers:
            headers.add("User-Agent", self.user_agent)
        return Request(request.method, request.uri, headers, request.body)

    def acknowledge(self, invite: InviteClient, ack: Request) -> None:
        """Send the ACK of a 2xx; it is sent again by itself for every repetition of that 2xx."""
        data = self._stamped(ack, f"z9hG4bK{self.token()}", invite.peer, invite.sent_by).to_bytes()
        contact = invite.response.headers.get("Contact") if invite.response is not None else None
        invite.acks[ack.to.tag or ""] = (contact, data)
        self._outbox.append(Outgoing(data, invite.peer, invite.local, invite))

    def forget(self, transaction: ClientTransaction) -> None:
        """Nobody waits for the answer of a non-INVITE request any more: stop repeating it."""
        self.timers.disarm(transaction, Input.TIMER_E)

    def cancel(self, invite: InviteClient, now: float) -> None:
        """Give an INVITE up: CANCEL once a provisional answer is there, BYE for a 2xx that comes nevertheless."""
        if invite.abandoned or invite.state not in (State.CALLING, State.PROCEEDING):
            return
        invite.abandon()
        if invite.state is State.PROCEEDING:
            self._send_cancel(invite, now)

    def _send_cancel(self, invite: InviteClient, now: float) -> None:
        if invite.cancelling or invite.state is not State.PROCEEDING:
            return
        invite.limit_cancelled(now)
        cancel = cancel_of(invite.request)
        self._begin_client(NonInviteClient(cancel, invite.key[0], invite.peer, invite.local, self, now), now)

    def _hang_up(self, invite: InviteClient, response: Response, now: float) -> None:
        """Acknowledge and end a call nobody waits for (RFC 3261 13.2.2.4, 15)."""
        self.counters.late_answers += 1
        invite.response = response
        dialog = Dialog.from_client(invite.request, response)
        self.acknowledge(invite, dialog.request("ACK", cseq=dialog.local_cseq))
        self.request(dialog.request("BYE"), invite.peer, invite.sent_by, invite.local, now)
        self._events.append(LateAnswer(invite, response))

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> bool:
        """Answer a request; False when it has had its final answer already."""
        pending = transaction.pending
        self._complete(transaction.key[1], response)
        taken = transaction.respond(response, now)
        if taken and pending and response.status >= 200:
            self._settled(transaction)
            self._weigh(transaction, response.status, now)
        return taken

    def to_send(self) -> list[Outgoing]:
        """What is to be sent, in order; the list is handed over."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def next_event(self) -> Event | None:
        """The next thing to tell the user, None when there is none."""
        return self._events.popleft() if self._events else None

    # time and failure

    def deadline(self) -> float | None:
        """When `expire` is to be called next; None: not until something else happens."""
        return self.timers.deadline()

    def expire(self, now: float) -> None:
        """Run the timers that have ended."""
        for owner, timer in self.timers.due(now):
            if timer in _RETRANSMISSIONS:
                self.counters.retransmissions_sent += 1
            owner.happen(timer, now)

    def sending_failed(self, outgoing: Outgoing, reason: str, now: float) -> None:
        """The transport could not deliver this."""
        self.counters.transport_failures += 1
        if outgoing.transaction is not None:
            outgoing.transaction.fail(reason, now)

    def connection_lost(self, connection: int, reason: str, now: float) -> None:
        """A TCP connection is gone: no answer can come back on it, so its requests fail now (RFC 3261 18.4)."""
        for transaction in [found for found in self._clients.values() if found.peer.connection == connection]:
            transaction.fail(reason, now)

    # what transactions ask for (Surroundings)

    def transmit(self, data: bytes, transaction: Machine) -> None:
        """Queue bytes for the transaction's peer."""
        assert isinstance(transaction, (ClientTransaction, ServerTransaction))
        self._outbox.append(Outgoing(data, transaction.peer, transaction.local, transaction))

    def emit(self, event: Event) -> None:
        """Queue an event."""
        self._events.append(event)
        kind = type(event)
        if kind is RequestReceived or kind is ResponseReceived:
            return
        if isinstance(event, TimedOut):
            self.counters.timeouts += 1
        elif isinstance(event, AckMissing):
            self.counters.ack_missing += 1
        elif isinstance(event, NotAnswered):
            self.counters.not_answered += 1
            self._settled(event.transaction)

    def ended(self, transaction: Machine) -> None:
        """Forget a transaction."""
        self.timers.disarm_all(transaction)
        if isinstance(transaction, ServerTransaction):
            if self._servers.pop(transaction.key, None) is not None and transaction.pending:
                self._settled(transaction)
            if isinstance(transaction, InviteServer):
                self._invites.remove(transaction)
        elif isinstance(transaction, ClientTransaction):
            self._clients.pop(transaction.key, None)

    # limits

    def _has_room(self, request: Request, source: Peer, local: Local, now: float) -> bool:
        if self._pending.get(source.host, 0) >= self.limits.max_pending_per_source:
            return self._refuse_overload(request, source, local)
        if len(self._servers) >= self.limits.max_transactions and not self._evict(now):
            return self._refuse_overload(request, source, local)
        if (
            request.method == "REGISTER"
            and self._refusals.exhausted(source.host, now)
            and "Authorization" not in request.headers
        ):
            self.counters.storms += 1
            return self._refuse_overload(request, source, local)
        return True

    def _evict(self, now: float) -> bool:
        oldest = self.timers.oldest(Input.TIMER_J, self.timings.transaction_limit)
        if oldest is None:
            return False
        self.counters.evicted += 1
        return oldest.happen(Input.TIMER_J, now)

    def _refuse_overload(self, request: Request, source: Peer, local: Local) -> bool:
        self.counters.overloaded += 1
        self._answer_statelessly(request, 503, source, local, retry_after=self.limits.retry_after_s)
        return False

    def _answer_statelessly(
        self, request: Request, status: int, source: Peer, local: Local, tag: str = "", retry_after: int | None = None
    ) -> None:
        stamp_source(request, source)
        headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
        answer = response_to(request, status, to_tag=tag or self.token(), headers=headers)
        self._complete(request.method, answer)
        self._outbox.append(Outgoing(answer.to_bytes(), source, local))

    def _complete(self, method: str, answer: Response) -> None:
        for name, value in self._answer_headers.get(method, ()):
            if answer.status > 100 and name not in answer.headers:
                answer.headers.add(name, value)

    def _settled(self, transaction: ServerTransaction) -> None:
        host = transaction.peer.host
        left = self._pending.get(host, 0) - 1
        if left > 0:
            self._pending[host] = left
        else:
            self._pending.pop(host, None)

    def _weigh(self, transaction: ServerTransaction, status: int, now: float) -> None:
        if status in _CHALLENGES:
            self._refusals.charge(transaction.peer.host, now)
        elif status < 300 and transaction.key[1] == "REGISTER":
            self._refusals.give_back(transaction.peer.host, now)
            self._prove(transaction.peer)

    def _prove(self, peer: Peer) -> None:
        """Remember an address with which a registration succeeded; of too many, the one longest without."""
        address = (peer.host, peer.port)
        self._proven[address] = None
        self._proven.move_to_end(address)
        if len(self._proven) > self.limits.max_proven:
            self._proven.popitem(last=False)

    def under_way(self) -> list[ClientTransaction]:
        """Requests of ours that have not ended."""
        return list(self._clients.values())

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)


def _answers_for(asked: Peer, source: Peer) -> bool:
    """Whether a response from `source` can be the answer of `asked`: it comes from the address, or on the connection,
    the request went to (RFC 3581 4, RFC 3261 18.2.2)."""
    if asked.connection is not None:
        return asked.connection == source.connection
    return (asked.transport, asked.host, asked.port) == (source.transport, source.host, source.port)


def stamp_source(request: Request, source: Peer) -> None:
    """Note in the top Via where the request came from (RFC 3261 18.2.1, RFC 3581 4)."""
    via = request.top_via
    params = via.params
    if "rport" not in params and "received" not in params and via.host == source.host:
        return
    text = request.headers.get("Via") or ""
    if "received" not in params and "," not in text:
        # The usual case, as the peer wrote it.
        stamped, found = _BARE_RPORT.subn(f";rport={source.port}", text, count=1)
        if found or "rport" not in params:
            request.headers.replace_first("Via", f"{stamped};received={source.host}")
            return
    params = {**params, "received": source.host}
    if "rport" in params:
        params["rport"] = str(source.port)
    hops = Via.split_many(text)
    hops[0] = str(replace(via, params=params))
    request.headers.replace_first("Via", ", ".join(hops))
