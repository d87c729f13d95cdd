"""The calling side: requests of ours and what comes back (RFC 3261 8.1, 9.1, 13.2, 17.1)."""

from __future__ import annotations

from sip.core.admission import Admission
from sip.core.answer_source import AnswerSources
from sip.core.outlet import Outgoing, Outlet
from sip.dialog import Dialog
from sip.errors import ParseError, TransportFailed
from sip.headers import Headers
from sip.message import Request, Response
from sip.peer import Peer
from sip.transaction.client import ClientKey, ClientTransaction, InviteClient, NonInviteClient, cancel_of
from sip.transaction.events import AnsweredFromElsewhere, Event, ForeignReceived, LateAnswer, TimedOut
from sip.transaction.machine import Local, Machine
from sip.transaction.matching import client_key
from sip.transaction.tables import Input, State
from sip.validation import discard_reason


class ClientCore:
    """Client transactions and their surroundings: which response belongs to which, the ACK of a repeated 2xx, and the
    end of calls nobody waits for any more."""

    def __init__(self, outlet: Outlet, admission: Admission, sources: AnswerSources, user_agent: str) -> None:
        self.timings = outlet.timings
        self.timers = outlet.timers
        self.token = outlet.token
        self._counters = outlet.counters
        self._outlet = outlet
        self._admission = admission
        self._sources = sources
        self._user_agent = user_agent
        self._clients: dict[ClientKey, ClientTransaction] = {}

    # what goes out

    def request(self, request: Request, to: Peer, sent_by: Local, local: Local, now: float) -> ClientTransaction:
        """Send a request in a client transaction of its own. The request itself is not changed.

        sent_by   our address as the peer sees it, for the Via
        local     the address it leaves from
        """
        if len(self._clients) >= self._outlet.limits.max_client_transactions:
            raise TransportFailed(str(to), "too many requests under way", peer=str(to), method=request.method)
        branch = f"z9hG4bK{self.token()}"
        stamped = self._stamped(request, branch, to, sent_by)
        kind = InviteClient if request.method == "INVITE" else NonInviteClient
        transaction = kind(stamped, branch, to, local, self, now)
        transaction.sent_by = sent_by
        return self._begin(transaction, now)

    def _begin(self, transaction: ClientTransaction, now: float) -> ClientTransaction:
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
            headers.add("User-Agent", self._user_agent)
        return Request(request.method, request.uri, headers, request.body)

    def acknowledge(self, invite: InviteClient, ack: Request) -> None:
        """Send the ACK of a 2xx; it is sent again by itself for every repetition of that 2xx."""
        data = self._stamped(ack, f"z9hG4bK{self.token()}", invite.peer, invite.sent_by).to_bytes()
        contact = invite.response.headers.get("Contact") if invite.response is not None else None
        invite.acks[ack.to.tag or ""] = (contact, data)
        self._outlet.send(Outgoing(data, invite.peer, invite.local, invite))

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
        self._begin(NonInviteClient(cancel, invite.key[0], invite.peer, invite.local, self, now), now)

    def _hang_up(self, invite: InviteClient, response: Response, now: float) -> None:
        """Acknowledge and end a call nobody waits for (RFC 3261 13.2.2.4, 15)."""
        self._counters.late_answers += 1
        invite.response = response
        dialog = Dialog.from_client(invite.request, response)
        self.acknowledge(invite, dialog.request("ACK", cseq=dialog.local_cseq))
        self.request(dialog.request("BYE"), invite.peer, invite.sent_by, invite.local, now)
        self._outlet.tell(LateAnswer(invite, response))

    # what comes back

    def receive(self, response: Response, source: Peer, now: float) -> None:
        """Take a response."""
        self._counters.responses_received += 1
        reason = discard_reason(response)
        if reason is not None:
            raise ParseError("response", reason)
        transaction = self._clients.get(client_key(response))
        if transaction is None:
            self._counters.stray_responses += 1
            return
        if self._sources.is_address_asked(transaction.peer, source):
            if response.status < 300 and transaction.key[1] == "REGISTER":
                self._admission.prove(source)
        elif not self._take_from_elsewhere(transaction, response, source, now):
            return
        if isinstance(transaction, InviteClient):
            self._receive_of_invite(transaction, response, now)
        else:
            transaction.receive(response, now)

    def _take_from_elsewhere(
        self, transaction: ClientTransaction, response: Response, source: Peer, now: float
    ) -> bool:
        """Whether to take an answer although it comes from another address than was asked; either way it is told."""
        asked = transaction.peer
        if self._sources.may_answer_for(asked, source, transaction.request, response):
            self._counters.answers_from_elsewhere += 1
            if self._sources.is_news(asked, source):
                self._outlet.tell(AnsweredFromElsewhere(source, asked, response.call_id))
            return True
        self._counters.foreign_responses += 1
        if self._admission.may_report(source, now):
            self._outlet.tell(ForeignReceived(source, str(response.status), response.call_id, asked))
        return False

    def _receive_of_invite(self, invite: InviteClient, response: Response, now: float) -> None:
        if not 200 <= response.status < 300:
            invite.receive(response, now)
            if invite.abandoned and response.status < 200:
                self._send_cancel(invite, now)
            return
        acknowledged = self._acknowledgement(invite, response)
        if acknowledged is not None:
            self._outlet.send(Outgoing(acknowledged, invite.peer, invite.local, invite))
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
                self._counters.changed_tags += 1
                return ack
        return None

    def connection_lost(self, connection: int, reason: str, now: float) -> None:
        """A TCP connection is gone: no answer can come back on it, so its requests fail now (RFC 3261 18.4)."""
        for transaction in [found for found in self._clients.values() if found.peer.connection == connection]:
            transaction.fail(reason, now)

    # what client transactions ask for (Surroundings)

    def transmit(self, data: bytes, transaction: Machine) -> None:
        """Queue bytes for the transaction's peer."""
        assert isinstance(transaction, ClientTransaction)
        self._outlet.send(Outgoing(data, transaction.peer, transaction.local, transaction))

    def emit(self, event: Event) -> None:
        """Queue an event."""
        self._outlet.tell(event)
        if type(event) is TimedOut:
            self._counters.timeouts += 1

    def ended(self, transaction: Machine) -> None:
        """Forget a transaction."""
        self.timers.disarm_all(transaction)
        if isinstance(transaction, ClientTransaction):
            self._clients.pop(transaction.key, None)

    def under_way(self) -> list[ClientTransaction]:
        """Requests of ours that have not ended."""
        return list(self._clients.values())

    def __len__(self) -> int:
        return len(self._clients)
