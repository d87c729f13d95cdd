"""Events of the endpoint, handed to handlers, futures and the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from sip.aio.delivery import Delivery, fail
from sip.aio.incoming import Incoming
from sip.aio.outgoing import OutgoingInvite
from sip.counters import Counters
from sip.endpoint import Endpoint
from sip.errors import ParseError, TransactionTimeout, TransportFailed
from sip.message import Request, Response, parse_message, response_to
from sip.peer import Peer
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
from sip.transaction.server import ServerTransaction

PEER, OTHER, LOCAL = Peer("UDP", "192.0.2.1", 5060), Peer("UDP", "192.0.2.2", 5060), ("192.0.2.9", 5060)


class Bench:
    """A delivery on an endpoint without sockets."""

    def __init__(self, on_request: Callable[[Incoming], None] = lambda incoming: None) -> None:
        self.endpoint = Endpoint(user_agent="x")
        self.responses: list[tuple[Peer, str, int]] = []
        stack: Any = self
        self.delivery = Delivery(stack, on_request, Counters())

    @property
    def failures(self) -> int:
        return self.delivery._counters.handler_failures

    def on_response(self, peer: Peer, request: Request, response: Response) -> None:
        self.responses.append((peer, request.method, response.status))

    def now(self) -> float:
        return 7.0

    def answer(self, transaction: ServerTransaction, response: Response) -> None:
        self.endpoint.respond(transaction, response, 7.0)

    def asked(self, method: str) -> Any:
        """A transaction of ours."""
        request = message(method)
        transaction = self.endpoint.request(request, PEER, LOCAL, LOCAL, 1.0)
        self.endpoint.to_send()
        return transaction

    def heard(self, method: str) -> RequestReceived:
        """A request of the peer, as the endpoint tells it."""
        via = b"\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        self.endpoint.receive(message(method).to_bytes().replace(b"\r\n", via, 1), PEER, LOCAL, 0.0)
        event = self.endpoint.next_event()
        assert isinstance(event, RequestReceived)
        self.endpoint.to_send()
        return event


def message(method: str) -> Request:
    parsed = parse_message(
        f"{method} sip:x@b SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@b>\r\nCall-ID: c\r\n"
        f"CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(parsed, Request)
    return parsed


def test_a_request_reaches_the_handler_with_its_time() -> None:
    seen: list[Incoming] = []
    bench = Bench(seen.append)
    event = bench.heard("INVITE")
    bench.delivery.deliver(event)
    assert (seen[0].source, seen[0].received_at) == (PEER, 7.0)
    assert event.transaction.owner is seen[0]


@pytest.mark.parametrize(
    ("fault", "status", "failures"),
    [(ParseError("Subject", "unreadable"), b"SIP/2.0 400 Subject unreadable", 0), (KeyError("x"), b"SIP/2.0 500 ", 1)],
    ids=["the peer's", "ours"],
)
def test_a_fault_in_the_handler_is_answered(fault: Exception, status: bytes, failures: int) -> None:
    def handler(incoming: Incoming) -> None:
        raise fault

    bench = Bench(handler)
    bench.delivery.deliver(bench.heard("MESSAGE"))
    assert bench.endpoint.to_send()[-1].data.startswith(status)
    assert bench.failures == failures


async def test_cancel_and_ack_reach_the_incoming_invite() -> None:
    bench = Bench()
    event = bench.heard("INVITE")
    for unowned in (Cancelled(event.transaction), AckReceived(event.transaction, message("ACK"))):  # type: ignore[arg-type]
        bench.delivery.deliver(unowned)
    bench.delivery.deliver(event)
    incoming = event.transaction.owner
    bench.delivery.deliver(Cancelled(event.transaction))  # type: ignore[arg-type]
    assert incoming.cancelled.is_set()
    ack = message("ACK")
    bench.delivery.deliver(AckReceived(event.transaction, ack))  # type: ignore[arg-type]
    assert await incoming.acked(1.0) is ack


async def test_a_missing_ack_is_logged_and_told() -> None:
    bench = Bench()
    event = bench.heard("INVITE")
    bench.delivery.deliver(event)
    with structlog.testing.capture_logs() as logs:
        bench.delivery.deliver(AckMissing(event.transaction, 32.0))  # type: ignore[arg-type]
    assert logs[0]["event"] == "no ACK"
    with pytest.raises(Exception, match="did not come"):
        await event.transaction.owner.acked(1.0)


async def test_the_final_answer_ends_the_wait_and_a_provisional_one_does_not() -> None:
    bench = Bench()
    transaction = bench.asked("MESSAGE")
    waiting: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    bench.delivery.deliver(ResponseReceived(transaction, response_to(transaction.request, 200)))
    transaction.owner = waiting
    bench.delivery.deliver(ResponseReceived(transaction, response_to(transaction.request, 100)))
    assert not waiting.done()
    for status in (200, 404):
        bench.delivery.deliver(ResponseReceived(transaction, response_to(transaction.request, status)))
    assert (await waiting).status == 200
    assert bench.responses == [(PEER, "MESSAGE", status) for status in (200, 100, 200, 404)]
    fail(transaction, "too late")


async def test_no_answer_fails_the_wait_in_the_words_of_the_cause() -> None:
    bench = Bench()
    transaction = bench.asked("MESSAGE")
    told: dict[type[Exception], TimedOut | SendingFailed] = {
        TransactionTimeout: TimedOut(transaction, 32.0),
        TransportFailed: SendingFailed(transaction, "no route"),
    }
    for failure, event in told.items():
        transaction.owner = None
        bench.delivery.deliver(event)
        transaction.owner = asyncio.get_running_loop().create_future()
        bench.delivery.deliver(event)
        with pytest.raises(failure):
            await transaction.owner


async def test_an_outgoing_invite_hears_its_answers_its_failure_and_a_late_answer() -> None:
    bench = Bench()
    transaction = bench.asked("INVITE")
    stack: Any = bench
    transaction.owner = outgoing = OutgoingInvite(stack, transaction)
    bench.delivery.deliver(ResponseReceived(transaction, response_to(transaction.request, 100)))
    bench.delivery.deliver(TimedOut(transaction, 32.0))
    with pytest.raises(TransactionTimeout, match="provisional|no answer"):
        await outgoing.final(1.0)
    late = response_to(transaction.request, 200)
    bench.delivery.deliver(LateAnswer(transaction, late))
    assert outgoing.late_answer is late


def test_what_concerns_nobody_else_is_logged() -> None:
    bench = Bench()
    event = bench.heard("MESSAGE")
    told: list[tuple[Event, str]] = [
        (NotAnswered(event.transaction), "request left unanswered"),
        (SendingFailed(event.transaction, "no route"), "answer not deliverable"),
        (MalformedReceived(PEER, ParseError("Via", "malformed", "x"), True), "malformed message"),
        (ForeignReceived(OTHER, "200", "c", PEER), "message from another address dropped"),
        (AnsweredFromElsewhere(OTHER, PEER, "c"), "answered from another address"),
    ]
    with structlog.testing.capture_logs() as logs:
        for one, _ in told:
            bench.delivery.deliver(one)
    assert [line["event"] for line in logs] == [text for _, text in told]
    assert logs[-1] == {
        "event": "answered from another address", "peer": "udp:192.0.2.2:5060", "asked": "udp:192.0.2.1:5060",
        "call_id": "c", "log_level": "warning",
    }  # fmt: skip


def test_a_callback_that_fails_is_counted_and_survived() -> None:
    bench = Bench()

    def callback(argument: object) -> None:
        raise ValueError(argument)

    bench.delivery.guarded(callback, 1)
    assert bench.failures == 1
