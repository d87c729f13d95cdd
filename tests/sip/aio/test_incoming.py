"""Requests as the application sees them, on a stack without sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sip.aio.incoming import Incoming
from sip.endpoint import Endpoint
from sip.errors import AckTimeout, LocalError
from sip.message import Response, parse_message
from sip.peer import Peer
from sip.transaction.events import RequestReceived
from sip.transaction.server import ServerTransaction

PEER = Peer("UDP", "192.0.2.1", 5060)


class Stack:
    """The part of a stack that Incoming uses: answers go into the endpoint."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(user_agent="x")

    def answer(self, transaction: ServerTransaction, response: Response) -> None:
        self.endpoint.respond(transaction, response, 0.0)

    def sent(self) -> list[bytes]:
        return [outgoing.data for outgoing in self.endpoint.to_send()]


def arrived(method: str = "INVITE", to_tag: str = "") -> tuple[Incoming, Any]:
    stack: Any = Stack()
    stack.endpoint.receive(
        f"{method} sip:x@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:x@b>{to_tag}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n".encode(),
        PEER,
        ("192.0.2.9", 5060),
        0.0,
    )
    event = stack.endpoint.next_event()
    assert isinstance(event, RequestReceived)
    stack.sent()
    return Incoming(stack, event.transaction, event.request, 7.0), stack


def test_provisional_and_final_answers_share_one_tag() -> None:
    incoming, stack = arrived()
    incoming.respond(180)
    incoming.respond(200, "Fine", headers=[("Contact", "<sip:me@192.0.2.9>")], body=b"v=0")
    ringing, ok = stack.sent()
    tag = f"To: <sip:x@b>;tag={incoming.local_tag}\r\n".encode()
    assert tag in ringing
    assert tag in ok
    assert ok.startswith(b"SIP/2.0 200 Fine\r\n")
    assert ok.endswith(b"Content-Length: 3\r\n\r\nv=0")
    assert incoming.answered
    assert (incoming.source, incoming.local, incoming.received_at) == (PEER, ("192.0.2.9", 5060), 7.0)


def test_a_chosen_tag_is_kept_for_all_answers() -> None:
    incoming, stack = arrived()
    incoming.respond(180, to_tag="mine")
    incoming.respond(486)
    assert all(b";tag=mine\r\n" in data for data in stack.sent())
    assert incoming.local_tag == "mine"


def test_inside_a_dialog_the_tag_is_the_requests_own() -> None:
    incoming, stack = arrived("BYE", ";tag=known")
    incoming.respond(200)
    assert incoming.local_tag == "known"
    assert b"To: <sip:x@b>;tag=known\r\n" in stack.sent()[0]


def test_answers_after_the_final_one_are_ignored() -> None:
    incoming, stack = arrived("MESSAGE")
    incoming.respond(200)
    incoming.respond(500)
    assert len(stack.sent()) == 1


@pytest.mark.parametrize("status", [0, 99, 700])
def test_a_status_outside_sip_is_our_mistake(status: int) -> None:
    with pytest.raises(LocalError):
        arrived()[0].respond(status)


async def test_the_ack_is_handed_to_whoever_waits_and_to_whoever_comes_later() -> None:
    incoming, _ = arrived()
    ack: Any = parse_message(b"ACK sip:x@b SIP/2.0\r\nCall-ID: c\r\n\r\n")
    waiting = asyncio.create_task(incoming.acked(5.0))
    await asyncio.sleep(0)
    incoming.ack_arrived(ack)
    assert await waiting is ack
    assert await incoming.acked(0.0) is ack


async def test_a_missing_ack_says_how_long_it_was_waited_for() -> None:
    incoming, _ = arrived()
    incoming.ack_missing(32.0)
    with pytest.raises(AckTimeout) as caught:
        await incoming.acked(60.0)
    assert (caught.value.waited_s, caught.value.call_id, caught.value.method) == (32.0, "c", "INVITE")


async def test_the_caller_may_be_less_patient_than_the_stack() -> None:
    incoming, _ = arrived()
    with pytest.raises(AckTimeout) as caught:
        await incoming.acked(0.001)
    assert caught.value.waited_s == 0.001


async def test_a_cancel_is_an_event_to_wait_for() -> None:
    incoming, _ = arrived()
    assert not incoming.cancelled.is_set()
    incoming.cancelled.set()
    await incoming.cancelled.wait()
