"""INVITEs of ours, on an endpoint without sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sip.aio.outgoing import OutgoingInvite
from sip.dialog import Dialog
from sip.endpoint import Endpoint
from sip.errors import TransactionTimeout, TransportFailed
from sip.message import Request, Response, parse_message, response_to
from sip.peer import Peer
from sip.transaction.client import InviteClient

PEER = Peer("UDP", "192.0.2.1", 5060)
LOCAL = ("192.0.2.9", 5060)


class Stack:
    """The part of a stack that OutgoingInvite uses."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(user_agent="x")

    def now(self) -> float:
        return 3.0

    def acknowledge(self, transaction: InviteClient, ack: Request) -> None:
        self.endpoint.acknowledge(transaction, ack)

    def give_up(self, transaction: InviteClient) -> None:
        self.endpoint.cancel(transaction, 0.0)


def begun() -> tuple[OutgoingInvite, InviteClient, Any]:
    invite = parse_message(
        b"INVITE sip:cam@192.0.2.1 SIP/2.0\r\nFrom: <sip:us@b>;tag=1\r\nTo: <sip:cam@b>\r\nCall-ID: c\r\n"
        b"CSeq: 5 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(invite, Request)
    stack: Any = Stack()
    transaction = stack.endpoint.request(invite, PEER, LOCAL, LOCAL, 1.0)
    stack.endpoint.to_send()
    return OutgoingInvite(stack, transaction), transaction, stack


def answer(transaction: InviteClient, status: int) -> Response:
    return response_to(transaction.request, status, to_tag="dev")


async def test_provisional_answers_are_reported_before_and_while_waiting() -> None:
    outgoing, transaction, _ = begun()
    outgoing.response_arrived(answer(transaction, 100))
    heard: list[int] = []
    waiting = asyncio.create_task(outgoing.final(5.0, lambda found: heard.append(found.status)))
    await asyncio.sleep(0)
    outgoing.response_arrived(answer(transaction, 180))
    outgoing.response_arrived(answer(transaction, 200))
    outgoing.response_arrived(answer(transaction, 200))
    assert (await waiting).status == 200
    assert heard == [100, 180]


async def test_only_the_latest_provisional_answers_are_kept_for_later() -> None:
    outgoing, transaction, _ = begun()
    for status in [*range(101, 130), 486]:
        outgoing.response_arrived(answer(transaction, status))
    heard: list[int] = []
    assert (await outgoing.final(1.0, lambda found: heard.append(found.status))).status == 486
    assert heard == list(range(122, 130))


async def test_a_failure_is_raised_to_everybody_who_asks() -> None:
    outgoing, _, _ = begun()
    outgoing.failed(TransportFailed("tcp:192.0.2.1:5060"))
    outgoing.failed(TransactionTimeout("later"))
    for _ in range(2):
        with pytest.raises(TransportFailed):
            await outgoing.final(1.0)


async def test_waiting_too_long_gives_the_invite_up() -> None:
    outgoing, transaction, _ = begun()
    with pytest.raises(TransactionTimeout) as caught:
        await outgoing.final(0.001)
    assert (caught.value.waited_s, caught.value.method, caught.value.call_id) == (2.0, "INVITE", "c")
    assert transaction.abandoned


async def test_a_waiting_task_that_is_cancelled_gives_the_invite_up() -> None:
    outgoing, transaction, _ = begun()
    waiting = asyncio.create_task(outgoing.final(5.0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert transaction.abandoned


async def test_a_2xx_after_giving_up_is_a_487_to_the_caller() -> None:
    outgoing, transaction, _ = begun()
    outgoing.cancel()
    outgoing.response_arrived(answer(transaction, 200))
    assert (await outgoing.final(1.0)).status == 487


def test_the_ack_carries_the_invites_number_and_a_body_only_with_its_type() -> None:
    outgoing, transaction, stack = begun()
    dialog = Dialog.from_client(transaction.request, answer(transaction, 200))
    outgoing.ack(dialog)
    outgoing.ack(dialog, b"v=0")
    plain, with_body = (outgoing.data for outgoing in stack.endpoint.to_send())
    assert b"CSeq: 5 ACK\r\n" in plain
    assert b"Content-Type" not in plain
    assert b"Content-Type: application/sdp\r\n" in with_body
    assert with_body.endswith(b"\r\n\r\nv=0")
