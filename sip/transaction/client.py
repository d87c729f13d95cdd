"""Client transactions (RFC 3261 17.1) and the requests a client core makes by itself: ACK and CANCEL."""

from __future__ import annotations

from typing import Any

from sip.headers import Headers
from sip.message import Request, Response
from sip.peer import Peer
from sip.transaction.events import ResponseReceived, SendingFailed, TimedOut
from sip.transaction.machine import Local, Machine, Surroundings
from sip.transaction.tables import INVITE_CLIENT, NON_INVITE_CLIENT, Action, Input, input_of_response

ClientKey = tuple[str, str]
"""Branch and CSeq method (RFC 3261 17.1.3)."""


class ClientTransaction(Machine):
    """A request of ours and what came back.

    sent_by   our address as the peer sees it
    owner     free for whoever drives the endpoint
    """

    __slots__ = ("data", "key", "owner", "provisional", "reason", "request", "response", "sent_by", "started_at")

    def __init__(
        self, request: Request, branch: str, peer: Peer, local: Local, surroundings: Surroundings, now: float
    ) -> None:
        super().__init__(peer, local, surroundings)
        self.request = request
        self.data = request.to_bytes()
        self.key: ClientKey = (branch, request.method)
        self.provisional = False
        self.response: Response | None = None
        self.reason = ""
        self.started_at = now
        self.sent_by = local
        self.owner: Any = None

    def begin(self, now: float) -> None:
        """Send the request for the first time."""
        self.happen(Input.REQUEST, now)

    def receive(self, response: Response, now: float) -> None:
        """Take a response that was matched to this transaction."""
        self.response = response
        if response.status < 200:
            self.provisional = True
        self.happen(input_of_response(response.status), now)

    def fail(self, reason: str, now: float) -> None:
        """The transport could not deliver, or the connection is gone."""
        self.reason = reason
        self.happen(Input.TRANSPORT_ERROR, now)

    def _send(self, now: float) -> None:
        self.surroundings.transmit(self.data, self)

    def _pass(self, now: float) -> None:
        assert self.response is not None
        self.surroundings.emit(ResponseReceived(self, self.response))

    def _inform_timeout(self, now: float) -> None:
        self.surroundings.emit(TimedOut(self, now - self.started_at))

    def _inform_failure(self, now: float) -> None:
        self.surroundings.emit(SendingFailed(self, self.reason))

    def _limit(self) -> float:
        return self.surroundings.timings.transaction_limit


class NonInviteClient(ClientTransaction):
    """RFC 3261 figure 6."""

    __slots__ = ()

    table = NON_INVITE_CLIENT

    def _start_e(self, now: float) -> None:
        self.repeat(Input.TIMER_E, self.surroundings.timings.t1, now)

    def _double_e(self, now: float) -> None:
        self.repeat(Input.TIMER_E, min(2 * self.interval, self.surroundings.timings.t2), now)

    def _slow_e(self, now: float) -> None:
        self.repeat(Input.TIMER_E, self.surroundings.timings.t2, now)

    def _start_f(self, now: float) -> None:
        self.start(Input.TIMER_F, self._limit(), now)

    def _start_k(self, now: float) -> None:
        self.data = b""  # never sent again
        self.start(Input.TIMER_K, 0.0 if self.peer.reliable else self.surroundings.timings.t4, now)

    performs = {
        Action.SEND_REQUEST: ClientTransaction._send,
        Action.PASS_RESPONSE: ClientTransaction._pass,
        Action.INFORM_TIMEOUT: ClientTransaction._inform_timeout,
        Action.INFORM_TRANSPORT_ERROR: ClientTransaction._inform_failure,
        Action.START_E: _start_e,
        Action.DOUBLE_E: _double_e,
        Action.SLOW_E: _slow_e,
        Action.START_F: _start_f,
        Action.START_K: _start_k,
    }


class InviteClient(ClientTransaction):
    """RFC 3261 figure 5 with RFC 6026, and what the core keeps about the call it asks for.

    abandoned   the user gave the call up: CANCEL follows the first provisional answer, a 2xx is ended with BYE
    cancelling  the CANCEL has left
    acks        To tag of a 2xx -> (Contact of that 2xx, the ACK as sent)
    """

    __slots__ = ("abandoned", "acks", "cancelling", "refusal_ack")

    table = INVITE_CLIENT

    def __init__(
        self, request: Request, branch: str, peer: Peer, local: Local, surroundings: Surroundings, now: float
    ) -> None:
        super().__init__(request, branch, peer, local, surroundings, now)
        self.abandoned = False
        self.cancelling = False
        self.acks: dict[str, tuple[str | None, bytes]] = {}
        self.refusal_ack = b""

    def abandon(self) -> None:
        """Stop repeating an INVITE nobody wants any more; an answer is still waited for."""
        self.abandoned = True
        self.surroundings.timers.disarm(self, Input.TIMER_A)

    def _send_ack(self, now: float) -> None:
        assert self.response is not None
        if not self.refusal_ack:
            self.refusal_ack = ack_of_refusal(self.request, self.response).to_bytes()
        self.surroundings.transmit(self.refusal_ack, self)

    def _start_a(self, now: float) -> None:
        self.repeat(Input.TIMER_A, self.surroundings.timings.t1, now)

    def _double_a(self, now: float) -> None:
        self.repeat(Input.TIMER_A, 2 * self.interval, now)

    def _start_b(self, now: float) -> None:
        self.start(Input.TIMER_B, self._limit(), now)

    def _start_c(self, now: float) -> None:
        # A cancelled INVITE is waited for no longer than 64*T1 (RFC 3261 9.1).
        if not self.cancelling:
            self.start(Input.TIMER_C, self.surroundings.timings.timer_c, now)

    def limit_cancelled(self, now: float) -> None:
        """After CANCEL the INVITE has 64*T1 left."""
        self.cancelling = True
        self.start(Input.TIMER_C, self._limit(), now)

    def _start_d(self, now: float) -> None:
        self.start(Input.TIMER_D, 0.0 if self.peer.reliable else self.surroundings.timings.timer_d, now)

    def _start_m(self, now: float) -> None:
        self.start(Input.TIMER_M, self._limit(), now)

    performs = {
        Action.SEND_REQUEST: ClientTransaction._send,
        Action.SEND_ACK: _send_ack,
        Action.PASS_RESPONSE: ClientTransaction._pass,
        Action.INFORM_TIMEOUT: ClientTransaction._inform_timeout,
        Action.INFORM_TRANSPORT_ERROR: ClientTransaction._inform_failure,
        Action.START_A: _start_a,
        Action.DOUBLE_A: _double_a,
        Action.START_B: _start_b,
        Action.START_C: _start_c,
        Action.START_D: _start_d,
        Action.START_M: _start_m,
    }


def ack_of_refusal(invite: Request, response: Response) -> Request:
    """The ACK of a 3xx-6xx: part of the INVITE's own transaction, same branch (RFC 3261 17.1.1.3)."""
    return _within(invite, "ACK", response.headers.get("To") or invite.headers.get("To") or "")


def cancel_of(invite: Request) -> Request:
    """The CANCEL of an INVITE: same branch, same tags, same CSeq number (RFC 3261 9.1)."""
    return _within(invite, "CANCEL", invite.headers.get("To") or "")


def _within(invite: Request, method: str, to: str) -> Request:
    headers = Headers([("Via", invite.headers.get("Via") or "")])
    for route in invite.headers.get_all("Route"):
        headers.add("Route", route)
    headers.add("From", invite.headers.get("From") or "")
    headers.add("To", to)
    headers.add("Call-ID", invite.call_id)
    headers.add("CSeq", f"{invite.cseq[0]} {method}")
    headers.add("Max-Forwards", "70")
    agent = invite.headers.get("User-Agent")
    if agent is not None:
        headers.add("User-Agent", agent)
    return Request(method, invite.uri, headers)
