"""Server transactions: stored answers, absorbed repetitions, and the 2xx that is repeated until its ACK."""

from __future__ import annotations

from typing import Any

import pytest

from sip.message import Request, parse_message, response_to
from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.events import AckMissing, AckReceived, NotAnswered, RequestReceived, SendingFailed
from sip.transaction.machine import Machine
from sip.transaction.matching import server_key
from sip.transaction.server import InviteServer, NonInviteServer, ServerTransaction
from sip.transaction.tables import State
from sip.transaction.timers import TimerLanes


class World:
    def __init__(self) -> None:
        self.timings = Timings()
        self.timers = TimerLanes()
        self.now = 0.0
        self.sent: list[tuple[float, bytes]] = []
        self.events: list[Any] = []
        self.gone: list[Machine] = []

    def token(self) -> str:
        return "our-tag"

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

    def instants(self, status: int) -> list[float]:
        return [at for at, data in self.sent if data.startswith(f"SIP/2.0 {status} ".encode())]


def request(method: str) -> Request:
    message = parse_message(
        f"{method} sip:34020000002000000001@3402000000 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\n"
        f"From: <sip:34020000001180000001@3402000000>;tag=a\r\nTo: <sip:34020000002000000001@3402000000>\r\n"
        f"Call-ID: c1\r\nCSeq: 20 {method}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def begun(method: str, transport: str = "UDP") -> tuple[ServerTransaction, World]:
    world = World()
    kind = InviteServer if method == "INVITE" else NonInviteServer
    asked = request(method)
    peer = Peer(transport, "192.0.2.1", 5060)
    transaction = kind(asked, server_key(asked, "192.0.2.1"), peer, ("192.0.2.10", 5060), world)
    transaction.begin(0.0)
    return transaction, world


def answer(transaction: ServerTransaction, status: int, now: float, method: str = "MESSAGE") -> bool:
    return transaction.respond(response_to(request(method), status, to_tag=transaction.local_tag), now)


def test_a_message_is_delivered_once_and_its_repetitions_get_the_stored_answer() -> None:
    transaction, world = begun("MESSAGE")
    transaction.repeated(0.5)
    assert world.sent == []
    assert answer(transaction, 200, 0.6)
    transaction.repeated(1.5)
    assert [type(event) for event in world.events] == [RequestReceived]
    assert len(world.instants(200)) == 2
    assert world.sent[0][1] == world.sent[1][1]


def test_an_answered_message_is_kept_for_32_s_without_its_request() -> None:
    transaction, world = begun("MESSAGE")
    answer(transaction, 200, 1.0)
    assert transaction.request is None
    world.run(32.9)
    assert world.gone == []
    world.run(33.0)
    assert world.gone == [transaction]


def test_over_tcp_an_answered_message_is_forgotten_at_once() -> None:
    transaction, world = begun("MESSAGE", "TCP")
    answer(transaction, 404, 1.0)
    assert world.gone == [transaction]


def test_a_second_final_answer_is_refused() -> None:
    transaction, world = begun("MESSAGE")
    assert answer(transaction, 200, 0.0)
    assert not answer(transaction, 500, 0.1)
    assert not answer(transaction, 180, 0.1)
    assert len(world.sent) == 1


def test_a_provisional_answer_is_repeated_to_a_repeated_message() -> None:
    transaction, world = begun("MESSAGE")
    answer(transaction, 183, 0.1)
    transaction.repeated(0.5)
    assert len(world.instants(183)) == 2
    assert transaction.pending


def test_a_message_our_application_forgets_is_answered_500_after_32_s() -> None:
    transaction, world = begun("MESSAGE")
    world.run(32.0)
    assert world.instants(500) == [32.0]
    assert [type(event) for event in world.events] == [RequestReceived, NotAnswered]
    world.run(64.0)
    assert world.gone == [transaction]


def test_an_invite_our_application_forgets_is_answered_500_after_three_minutes() -> None:
    _, world = begun("INVITE")
    world.run(180.0)
    assert world.instants(500)[0] == 180.0
    assert b"To: <sip:34020000002000000001@3402000000>;tag=our-tag\r\n" in world.sent[-1][1]


def test_a_transport_that_fails_is_reported_with_its_reason() -> None:
    transaction, world = begun("MESSAGE")
    answer(transaction, 200, 0.0)
    transaction.fail("connection closed", 0.0)
    assert [event.reason for event in world.events if isinstance(event, SendingFailed)] == ["connection closed"]


def test_an_invite_gets_100_at_once_and_again_for_each_repetition() -> None:
    transaction, world = begun("INVITE")
    transaction.repeated(0.5)
    assert world.instants(100) == [0.0, 0.0]
    assert b"tag=our-tag" not in world.sent[0][1]


def test_a_refused_invite_is_repeated_up_to_4_s_apart_until_the_ack() -> None:
    transaction, world = begun("INVITE")
    assert isinstance(transaction, InviteServer)
    answer(transaction, 486, 0.0, "INVITE")
    world.run(12.0)
    assert world.instants(486) == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5]
    transaction.acknowledge(request("ACK"), 12.0)
    transaction.acknowledge(request("ACK"), 12.1)
    world.run(16.9)
    assert world.instants(486)[-1] == 11.5
    assert world.gone == []
    world.run(17.0)
    assert world.gone == [transaction]


def test_a_refused_invite_that_is_never_acknowledged_is_reported_after_32_s() -> None:
    transaction, world = begun("INVITE")
    answer(transaction, 404, 0.0, "INVITE")
    world.run(32.0)
    assert type(world.events[-1]) is AckMissing
    assert world.gone == [transaction]


def test_over_tcp_a_refused_invite_is_not_repeated() -> None:
    transaction, world = begun("INVITE", "TCP")
    assert isinstance(transaction, InviteServer)
    answer(transaction, 486, 0.0, "INVITE")
    world.run(20.0)
    assert world.instants(486) == [0.0]
    transaction.acknowledge(request("ACK"), 20.0)
    assert world.gone == [transaction]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_a_2xx_to_invite_is_repeated_over_any_transport_until_its_ack(transport: str) -> None:
    transaction, world = begun("INVITE", transport)
    assert isinstance(transaction, InviteServer)
    answer(transaction, 180, 0.0, "INVITE")
    answer(transaction, 200, 0.0, "INVITE")
    world.run(8.0)
    assert world.instants(200) == [0.0, 0.5, 1.5, 3.5, 7.5]
    assert transaction.keeper is not None
    assert transaction.keeper.waiting
    transaction.acknowledge(request("ACK"), 8.0)
    transaction.acknowledge(request("ACK"), 8.1)
    assert not transaction.keeper.waiting
    world.run(40.0)
    assert world.instants(200)[-1] == 7.5
    assert [type(event) for event in world.events] == [RequestReceived, AckReceived]
    assert transaction in world.gone


def test_a_2xx_without_ack_is_reported_after_32_s() -> None:
    transaction, world = begun("INVITE")
    answer(transaction, 200, 0.0, "INVITE")
    world.run(40.0)
    assert world.instants(200) == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [(type(event), event.waited_s) for event in world.events[1:]] == [(AckMissing, 32.0)]
    assert transaction.state is State.TERMINATED


def test_an_accepted_invite_absorbs_the_repeated_request() -> None:
    transaction, world = begun("INVITE")
    answer(transaction, 200, 0.0, "INVITE")
    sent = len(world.sent)
    transaction.repeated(0.1)
    assert len(world.sent) == sent


def test_the_to_tag_is_the_same_in_all_answers_and_the_requests_own_when_it_has_one() -> None:
    transaction, _ = begun("MESSAGE")
    assert transaction.local_tag == transaction.local_tag == "our-tag"
    asked = request("BYE")
    asked.headers.set("To", "<sip:a@b>;tag=theirs")
    peer = Peer("UDP", "192.0.2.1", 5060)
    inside = NonInviteServer(asked, server_key(asked, "192.0.2.1"), peer, ("192.0.2.10", 5060), World())
    assert inside.local_tag == "theirs"
