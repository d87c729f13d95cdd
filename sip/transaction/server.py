"""Server transactions (RFC 3261 17.2), and the core's duty to repeat a 2xx to INVITE until its ACK (13.3.1.4)."""

from __future__ import annotations

from typing import Any

from sip.message import Request, Response, response_to
from sip.peer import Peer
from sip.transaction.events import AckMissing, AckReceived, NotAnswered, RequestReceived, SendingFailed
from sip.transaction.machine import Local, Machine, Surroundings
from sip.transaction.matching import ServerKey
from sip.transaction.tables import (
    ANSWER_KEEPER,
    INVITE_SERVER,
    NON_INVITE_SERVER,
    Action,
    Input,
    State,
    input_of_answer,
)


class ServerTransaction(Machine):
    """A request of a peer and our answer. `owner` is free for whoever drives the endpoint."""

    __slots__ = ("answer", "key", "owner", "reason", "request", "status", "tag")

    def __init__(self, request: Request, key: ServerKey, peer: Peer, local: Local, surroundings: Surroundings) -> None:
        super().__init__(peer, local, surroundings)
        self.request: Request | None = request
        self.key = key
        self.answer = b""
        self.status = 0
        self.reason = ""
        self.tag = ""
        self.owner: Any = None

    @property
    def local_tag(self) -> str:
        """The To tag of our answers: the request's own, else one of ours, the same in every answer."""
        if not self.tag and self.request is not None:
            self.tag = self.request.to.tag or self.surroundings.token()
        return self.tag

    @property
    def pending(self) -> bool:
        """No final answer yet."""
        return self.status < 200

    def begin(self, now: float) -> None:
        """The request came for the first time."""
        self.happen(Input.REQUEST, now)

    def repeated(self, now: float) -> None:
        """The request came again: absorbed, with the stored answer when there is one."""
        self.happen(Input.REQUEST, now)

    def respond(self, response: Response, now: float) -> bool:
        """Answer; False when the request has had its final answer already."""
        happened = input_of_answer(response.status)
        if (self.state, happened) not in self.table:
            return False
        self.answer = response.to_bytes()
        self.status = response.status
        return self.happen(happened, now)

    def fail(self, reason: str, now: float) -> None:
        """The transport could not deliver our answer."""
        self.reason = reason
        self.happen(Input.TRANSPORT_ERROR, now)

    def _pass(self, now: float) -> None:
        assert self.request is not None
        self.surroundings.emit(RequestReceived(self, self.request))

    def _send(self, now: float) -> None:
        self.surroundings.transmit(self.answer, self)

    def _send_no_answer(self, now: float) -> None:
        assert self.request is not None
        self.answer = response_to(self.request, 500, "No Answer From Application", to_tag=self.local_tag).to_bytes()
        self.status = 500
        self.surroundings.transmit(self.answer, self)
        self.surroundings.emit(NotAnswered(self))

    def _inform_failure(self, now: float) -> None:
        self.surroundings.emit(SendingFailed(self, self.reason))

    def _limit(self) -> float:
        return self.surroundings.timings.transaction_limit


class NonInviteServer(ServerTransaction):
    """RFC 3261 figure 8. The request itself is let go once answered: only the answer is needed from then on."""

    __slots__ = ()

    table = NON_INVITE_SERVER

    def _start_answer(self, now: float) -> None:
        self.start(Input.TIMER_ANSWER, self._limit(), now)

    def _start_j(self, now: float) -> None:
        self.request = None
        self.start(Input.TIMER_J, 0.0 if self.peer.reliable else self._limit(), now)

    performs = {
        Action.PASS_REQUEST: ServerTransaction._pass,
        Action.SEND_RESPONSE: ServerTransaction._send,
        Action.SEND_NO_ANSWER: ServerTransaction._send_no_answer,
        Action.INFORM_TRANSPORT_ERROR: ServerTransaction._inform_failure,
        Action.START_ANSWER: _start_answer,
        Action.START_J: _start_j,
    }


class InviteServer(ServerTransaction):
    """RFC 3261 figure 7 with RFC 6026."""

    __slots__ = ("ack", "call", "keeper")

    table = INVITE_SERVER

    def __init__(self, request: Request, key: ServerKey, peer: Peer, local: Local, surroundings: Surroundings) -> None:
        super().__init__(request, key, peer, local, surroundings)
        self.call = request.call_id
        self.ack: Request | None = None
        self.keeper: AnswerKeeper | None = None

    @property
    def cseq(self) -> int:
        """The INVITE's CSeq number."""
        assert self.request is not None
        return self.request.cseq[0]

    def respond(self, response: Response, now: float) -> bool:
        """Answer; a first 2xx is repeated from then on until its ACK."""
        first = self.pending and 200 <= response.status < 300
        taken = super().respond(response, now)
        if taken and first:
            self.keeper = AnswerKeeper(self, now)
        return taken

    def acknowledge(self, ack: Request, now: float) -> None:
        """Take an ACK that was matched to this INVITE, by branch or by call."""
        self.ack = ack
        self.happen(Input.ACK, now)

    def _send_100(self, now: float) -> None:
        assert self.request is not None
        self.answer = response_to(self.request, 100).to_bytes()
        self.status = 100
        self.surroundings.transmit(self.answer, self)

    def _pass_ack(self, now: float) -> None:
        # The user hears of the first ACK only; the later ones answer our repeated 2xx.
        assert self.ack is not None
        if self.keeper is not None and self.keeper.happen(Input.ACK, now):
            self.surroundings.emit(AckReceived(self, self.ack))

    def _start_answer(self, now: float) -> None:
        self.start(Input.TIMER_ANSWER, self.surroundings.timings.invite_answer, now)

    def _start_g(self, now: float) -> None:
        self.repeat(Input.TIMER_G, self.surroundings.timings.t1, now)

    def _double_g(self, now: float) -> None:
        self.repeat(Input.TIMER_G, min(2 * self.interval, self.surroundings.timings.t2), now)

    def _start_h(self, now: float) -> None:
        self.start(Input.TIMER_H, self._limit(), now)

    def _start_i(self, now: float) -> None:
        self.start(Input.TIMER_I, 0.0 if self.peer.reliable else self.surroundings.timings.t4, now)

    def _start_l(self, now: float) -> None:
        self.start(Input.TIMER_L, self._limit(), now)

    def _inform_no_ack(self, now: float) -> None:
        self.surroundings.emit(AckMissing(self, self._limit()))

    performs = {
        Action.SEND_100: _send_100,
        Action.PASS_REQUEST: ServerTransaction._pass,
        Action.PASS_ACK: _pass_ack,
        Action.SEND_RESPONSE: ServerTransaction._send,
        Action.SEND_NO_ANSWER: ServerTransaction._send_no_answer,
        Action.INFORM_TRANSPORT_ERROR: ServerTransaction._inform_failure,
        Action.INFORM_NO_ACK: _inform_no_ack,
        Action.START_ANSWER: _start_answer,
        Action.START_G: _start_g,
        Action.DOUBLE_G: _double_g,
        Action.START_H: _start_h,
        Action.START_I: _start_i,
        Action.START_L: _start_l,
    }


class AnswerKeeper(Machine):
    """Repeats a 2xx to INVITE at T1, doubling to T2, over any transport, until the ACK or 64*T1."""

    __slots__ = ("invite",)

    table = ANSWER_KEEPER

    def __init__(self, invite: InviteServer, now: float) -> None:
        super().__init__(invite.peer, invite.local, invite.surroundings)
        self.invite = invite
        self.happen(Input.TU_2XX, now)

    @property
    def waiting(self) -> bool:
        """No ACK yet."""
        return self.state is State.ACCEPTED

    def _send(self, now: float) -> None:
        self.surroundings.transmit(self.invite.answer, self.invite)

    def _start_2xx(self, now: float) -> None:
        self._again(self.surroundings.timings.t1, now)

    def _double_2xx(self, now: float) -> None:
        self._again(min(2 * self.interval, self.surroundings.timings.t2), now)

    def _again(self, interval: float, now: float) -> None:
        self.interval = interval
        self.start(Input.TIMER_2XX, interval, now)

    def _start_ack(self, now: float) -> None:
        self.start(Input.TIMER_ACK, self.surroundings.timings.transaction_limit, now)

    def _inform_no_ack(self, now: float) -> None:
        self.surroundings.emit(AckMissing(self.invite, self.surroundings.timings.transaction_limit))

    performs = {
        Action.SEND_RESPONSE: _send,
        Action.START_2XX: _start_2xx,
        Action.DOUBLE_2XX: _double_2xx,
        Action.START_ACK: _start_ack,
        Action.INFORM_NO_ACK: _inform_no_ack,
    }
