"""What the endpoint tells, handed to whoever waits for it: handlers, futures, the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from sip.aio.incoming import Incoming
from sip.aio.outgoing import OutgoingInvite, timeout_of
from sip.counters import Counters
from sip.errors import RemoteError, TransportFailed
from sip.transaction.client import ClientTransaction
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

if TYPE_CHECKING:
    from sip.aio.stack import SipStack

log = structlog.get_logger("sip")


class Delivery:
    """The boundary to the application: nothing it raises gets past here."""

    def __init__(self, stack: SipStack, on_request: Callable[[Incoming], None], counters: Counters) -> None:
        self._stack = stack
        self._on_request = on_request
        self._counters = counters

    def deliver(self, event: Event) -> None:
        """Hand one event over."""
        _DELIVER[type(event)](self, event)

    def guarded(self, callback: Callable[..., None], *arguments: object) -> None:
        """Call a callback of the application."""
        try:
            callback(*arguments)
        except Exception:
            self._counters.handler_failures += 1
            log.exception("callback failed")

    def _request_received(self, event: RequestReceived) -> None:
        incoming = Incoming(self._stack, event.transaction, event.request, self._stack.now())
        if event.request.method == "INVITE":
            event.transaction.owner = incoming
        # The boundary to the application: whatever it raises, the peer gets an answer and the stack carries on.
        try:
            self._on_request(incoming)
        except RemoteError as error:
            log.info("request refused", peer=str(incoming.source), reason=str(error))
            incoming.respond(error.status, f"{error.where} {error.what}")
        except Exception:
            self._counters.handler_failures += 1
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
        transaction, owner = event.transaction, event.transaction.owner
        if self._stack.on_response is not None:
            self.guarded(self._stack.on_response, transaction.peer, transaction.request, event.response)
        if isinstance(owner, OutgoingInvite):
            self.guarded(owner.response_arrived, event.response)
        elif owner is not None and event.response.status >= 200 and not owner.done():
            owner.set_result(event.response)

    def _timed_out(self, event: TimedOut) -> None:
        fail(event.transaction, None, event.waited_s)

    def _sending_impossible(self, event: SendingFailed) -> None:
        if isinstance(event.transaction, ClientTransaction):
            fail(event.transaction, event.reason)
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


_DELIVER: dict[type[Event], Callable[[Delivery, Any], None]] = {
    RequestReceived: Delivery._request_received,
    Cancelled: Delivery._cancelled,
    AckReceived: Delivery._ack_received,
    AckMissing: Delivery._ack_missing,
    NotAnswered: Delivery._not_answered,
    ResponseReceived: Delivery._response_received,
    TimedOut: Delivery._timed_out,
    SendingFailed: Delivery._sending_impossible,
    LateAnswer: Delivery._late_answer,
    MalformedReceived: Delivery._malformed_received,
    ForeignReceived: Delivery._foreign_received,
    AnsweredFromElsewhere: Delivery._answered_from_elsewhere,
}


def fail(transaction: ClientTransaction, reason: str | None, waited_s: float = 0.0) -> None:
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
