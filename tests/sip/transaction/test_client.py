"""Client transactions: retransmission instants, answers, and the ACK and CANCEL they imply."""

from __future__ import annotations

from typing import Any

import pytest

from sip.message import Request, Response, parse_message
from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.client import ClientTransaction, InviteClient, NonInviteClient, ack_of_refusal, cancel_of
from sip.transaction.events import ResponseReceived, SendingFailed, TimedOut
from sip.transaction.machine import Machine
from sip.transaction.tables import State
from sip.transaction.timers import TimerLanes

INVITE = (
    b"INVITE sip:34020000001320000001@198.51.100.20:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKi1\r\n"
    b"Route: <sip:192.0.2.77;lr>\r\n"
    b"From: <sip:34020000002000000001@3402000000>;tag=i1\r\n"
    b"To: <sip:34020000001320000001@3402000000>\r\n"
    b"Call-ID: live-1@192.0.2.10\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Contact: <sip:34020000002000000001@192.0.2.10:5060>\r\n"
    b"Max-Forwards: 70\r\n"
    b"User-Agent: kit\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 5\r\n\r\nv=0\r\n"
)
MESSAGE = INVITE.replace(b"INVITE", b"MESSAGE")


class World:
    def __init__(self) -> None:
        self.timings = Timings()
        self.timers = TimerLanes()
        self.now = 0.0
        self.sent: list[tuple[float, bytes]] = []
        self.events: list[Any] = []
        self.gone: list[Machine] = []

    def token(self) -> str:
        return "token"

    def transmit(self, data: bytes, transaction: Machine) -> None:
        self.sent.append((self.now, data))

    def emit(self, event: Any) -> None:
        self.events.append(event)

    def ended(self, transaction: Machine) -> None:
        self.timers.disarm_all(transaction)
        self.gone.append(transaction)

    def run(self, until: float) -> None:
        while (deadline := self.timers.deadline()) is not None and deadline <= until:
            self.now = deadline
            for owner, timer in self.timers.due(deadline):
                owner.happen(timer, deadline)
        self.now = until

    def instants(self, start: bytes) -> list[float]:
        return [at for at, data in self.sent if data.startswith(start)]


def request(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def response(status: int, method: str = "INVITE", tag: str = "dev7") -> Response:
    message = parse_message(
        f"SIP/2.0 {status} Whatever\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;rport=5060;branch=z9hG4bKi1\r\n"
        f"From: <sip:34020000002000000001@3402000000>;tag=i1\r\nTo: <sip:34020000001320000001@3402000000>;tag={tag}\r\n"
        f"Call-ID: live-1@192.0.2.10\r\nCSeq: 7 {method}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Response)
    return message


def begun(data: bytes, transport: str = "UDP") -> tuple[ClientTransaction, World]:
    world = World()
    kind = InviteClient if data.startswith(b"INVITE") else NonInviteClient
    peer = Peer(transport, "198.51.100.20", 5060)
    transaction = kind(request(data), "z9hG4bKi1", peer, ("192.0.2.10", 5060), world, 0.0)
    transaction.begin(0.0)
    return transaction, world


def test_an_invite_is_repeated_doubling_without_a_cap_and_given_up_after_32_s() -> None:
    _, world = begun(INVITE)
    world.run(100.0)
    assert world.instants(b"INVITE") == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert [(type(event), event.waited_s) for event in world.events] == [(TimedOut, 32.0)]
    assert world.gone


def test_a_message_is_repeated_doubling_up_to_4_s_and_given_up_after_32_s() -> None:
    _, world = begun(MESSAGE)
    world.run(100.0)
    assert world.instants(b"MESSAGE") == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [(type(event), event.waited_s) for event in world.events] == [(TimedOut, 32.0)]


def test_a_provisional_answer_slows_a_message_down_to_4_s_from_its_next_repetition_on() -> None:
    transaction, world = begun(MESSAGE)
    world.run(1.0)
    transaction.receive(response(100, "MESSAGE"), 1.0)
    world.run(100.0)
    assert world.instants(b"MESSAGE") == [0.0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert transaction.provisional
    assert type(world.events[-1]) is TimedOut


@pytest.mark.parametrize("data", [INVITE, MESSAGE])
def test_nothing_is_repeated_over_tcp_but_the_limit_is_the_same(data: bytes) -> None:
    _, world = begun(data, "TCP")
    world.run(31.9)
    assert len(world.sent) == 1
    world.run(32.0)
    assert type(world.events[-1]) is TimedOut


def test_a_final_answer_to_a_message_is_passed_up_once() -> None:
    transaction, world = begun(MESSAGE)
    for _ in range(3):
        transaction.receive(response(200, "MESSAGE"), 0.1)
    assert [event.response.status for event in world.events if isinstance(event, ResponseReceived)] == [200]
    world.run(5.0)
    assert world.gone == []
    world.run(5.1)
    assert world.gone == [transaction]
    assert len(world.sent) == 1


def test_over_tcp_an_answered_message_is_forgotten_at_once() -> None:
    transaction, world = begun(MESSAGE, "TCP")
    transaction.receive(response(404, "MESSAGE"), 0.1)
    assert world.gone == [transaction]


def test_a_refused_invite_is_acknowledged_for_every_repetition_until_timer_d() -> None:
    transaction, world = begun(INVITE)
    transaction.receive(response(100), 0.1)
    transaction.receive(response(486), 0.2)
    transaction.receive(response(486), 0.7)
    assert len(world.instants(b"ACK")) == 2
    assert [event.response.status for event in world.events] == [100, 486]
    world.run(32.0)
    assert world.gone == []
    world.run(32.3)
    assert world.gone == [transaction]
    assert world.instants(b"INVITE") == [0.0]


def test_over_tcp_a_refused_invite_is_acknowledged_and_forgotten() -> None:
    transaction, world = begun(INVITE, "TCP")
    transaction.receive(response(603), 0.1)
    assert len(world.instants(b"ACK")) == 1
    assert world.gone == [transaction]


def test_an_accepted_invite_stays_for_repeated_answers_until_timer_m() -> None:
    transaction, world = begun(INVITE)
    transaction.receive(response(200), 1.0)
    transaction.receive(response(200), 1.5)
    assert [event.response.status for event in world.events] == [200, 200]
    assert world.instants(b"ACK") == []
    assert transaction.state is State.ACCEPTED
    world.run(33.0)
    assert world.gone == [transaction]


def test_an_invite_that_only_gets_a_100_ends_by_timer_c() -> None:
    transaction, world = begun(INVITE)
    transaction.receive(response(100), 1.0)
    world.run(180.9)
    assert world.gone == []
    world.run(181.0)
    assert [(type(event), event.waited_s) for event in world.events[1:]] == [(TimedOut, 181.0)]


def test_a_cancelled_invite_is_waited_for_32_s_whatever_provisional_answers_come() -> None:
    transaction, world = begun(INVITE)
    assert isinstance(transaction, InviteClient)
    transaction.receive(response(180), 1.0)
    transaction.abandon()
    transaction.limit_cancelled(2.0)
    transaction.receive(response(180), 20.0)
    world.run(34.0)
    assert type(world.events[-1]) is TimedOut


def test_an_invite_given_up_is_not_repeated() -> None:
    transaction, world = begun(INVITE)
    assert isinstance(transaction, InviteClient)
    transaction.abandon()
    world.run(31.0)
    assert world.instants(b"INVITE") == [0.0]


@pytest.mark.parametrize("data", [INVITE, MESSAGE])
def test_a_failing_transport_ends_the_transaction_with_its_reason(data: bytes) -> None:
    transaction, world = begun(data)
    transaction.fail("network unreachable", 0.0)
    assert [(type(event), event.reason) for event in world.events] == [(SendingFailed, "network unreachable")]
    assert world.gone == [transaction]


def test_the_ack_of_a_refusal_has_the_invites_branch_route_and_number_and_the_answers_to() -> None:
    assert ack_of_refusal(request(INVITE), response(486)).to_bytes() == (
        b"ACK sip:34020000001320000001@198.51.100.20:5060 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKi1\r\n"
        b"Route: <sip:192.0.2.77;lr>\r\n"
        b"From: <sip:34020000002000000001@3402000000>;tag=i1\r\n"
        b"To: <sip:34020000001320000001@3402000000>;tag=dev7\r\n"
        b"Call-ID: live-1@192.0.2.10\r\n"
        b"CSeq: 7 ACK\r\n"
        b"Max-Forwards: 70\r\n"
        b"User-Agent: kit\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_the_cancel_of_an_invite_has_its_branch_and_an_untagged_to() -> None:
    assert cancel_of(request(INVITE)).to_bytes() == (
        b"CANCEL sip:34020000001320000001@198.51.100.20:5060 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKi1\r\n"
        b"Route: <sip:192.0.2.77;lr>\r\n"
        b"From: <sip:34020000002000000001@3402000000>;tag=i1\r\n"
        b"To: <sip:34020000001320000001@3402000000>\r\n"
        b"Call-ID: live-1@192.0.2.10\r\n"
        b"CSeq: 7 CANCEL\r\n"
        b"Max-Forwards: 70\r\n"
        b"User-Agent: kit\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
