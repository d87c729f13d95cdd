"""Requests of ours and what comes back."""

from __future__ import annotations

import re

import pytest

from sip.dialog import Dialog
from sip.endpoint import Endpoint
from sip.errors import TransportFailed
from sip.limits import Limits
from sip.peer import Peer
from sip.transaction.client import InviteClient
from sip.transaction.events import (
    AnsweredFromElsewhere,
    ForeignReceived,
    LateAnswer,
    RequestReceived,
    ResponseReceived,
    TimedOut,
)
from tests.sip.endpoint_bench import DEVICE, KEEPALIVE, LOCAL, Bench, our, reply

STRANGERS = [Peer("UDP", "203.0.113.77", 40001), Peer("UDP", DEVICE.host, 40777)]


def test_a_request_gets_our_via_max_forwards_and_user_agent_and_stays_itself_unchanged() -> None:
    bench = Bench()
    request = our("MESSAGE")
    bench.endpoint.request(request, DEVICE, ("203.0.113.9", 15060), LOCAL, 0.0)
    (data,) = bench.drain()
    assert data == (
        b"MESSAGE sip:34020000001320000001@198.51.100.20:40001 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 203.0.113.9:15060;rport;branch=z9hG4bKt1\r\n"
        b"From: <sip:34020000002000000001@3402000000>;tag=us\r\n"
        b"To: <sip:34020000001320000001@3402000000>\r\n"
        b"Call-ID: ours-1\r\n"
        b"CSeq: 1 MESSAGE\r\n"
        b"Content-Length: 0\r\n"
        b"Max-Forwards: 70\r\n"
        b"User-Agent: node/1\r\n\r\n"
    )
    assert "Via" not in request.headers


def test_an_ipv6_address_stands_in_brackets_in_the_via() -> None:
    bench = Bench()
    bench.endpoint.request(our("MESSAGE"), DEVICE, ("2001:db8::1", 5060), LOCAL, 0.0)
    assert b"Via: SIP/2.0/UDP [2001:db8::1]:5060;rport;" in bench.drain()[0]


def test_a_request_is_repeated_until_its_answer_which_is_reported_once() -> None:
    bench = Bench()
    transaction = bench.ask()
    bench.run(1.0)
    assert len(bench.starting("MESSAGE")) == 2
    for _ in range(2):
        bench.receive(reply(bench.sent[0][2], 200))
    assert [(event.transaction, event.response.status) for event in bench.of(ResponseReceived)] == [(transaction, 200)]
    bench.run(10.0)
    assert len(bench.starting("MESSAGE")) == 2
    assert len(bench.endpoint) == 0


def test_an_unanswered_request_is_reported_after_32_s() -> None:
    bench = Bench()
    transaction = bench.ask()
    bench.run(33.0)
    assert [(event.transaction, event.waited_s) for event in bench.of(TimedOut)] == [(transaction, 32.0)]
    assert bench.endpoint.counters.timeouts == 1
    assert bench.endpoint.counters.retransmissions_sent == 10


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE"])
@pytest.mark.parametrize("status", [100, 200, 403])
@pytest.mark.parametrize(
    "stranger",
    [Peer("UDP", "203.0.113.77", 40001), Peer("UDP", DEVICE.host, 9), Peer("TCP", DEVICE.host, DEVICE.port, 1)],
    ids=["another host", "another port", "another transport"],
)
def test_an_answer_from_another_address_is_dropped_and_told(method: str, status: int, stranger: Peer) -> None:
    bench = Bench()
    bench.ask(method)
    before = len(bench.sent)
    bench.receive(reply(bench.sent[0][2], status), stranger)
    assert bench.of(ResponseReceived) == []
    assert len(bench.sent) == before
    assert bench.endpoint.counters.foreign_responses == 1
    (told,) = bench.of(ForeignReceived)
    assert (told.source, told.what, told.call_id, told.expected) == (stranger, str(status), "ours-1", DEVICE)
    bench.receive(reply(bench.sent[0][2], 200))
    assert [event.response.status for event in bench.of(ResponseReceived)] == [200]


def test_over_tcp_an_answer_has_to_come_on_the_connection_of_its_request() -> None:
    bench = Bench()
    bench.ask(to=Peer("TCP", DEVICE.host, 5060, 7))
    bench.receive(reply(bench.sent[0][2], 200), Peer("TCP", DEVICE.host, 5060, 8))
    assert bench.of(ResponseReceived) == []
    bench.receive(reply(bench.sent[0][2], 200), Peer("TCP", DEVICE.host, 5060, 7))
    assert len(bench.of(ResponseReceived)) == 1


def test_messages_from_other_addresses_are_told_within_the_rate_of_their_source_only() -> None:
    bench = Bench(limits=Limits(malformed_burst=2, malformed_per_second=0))
    bench.ask()
    for _ in range(5):
        bench.receive(reply(bench.sent[0][2], 200), STRANGERS[0])
    assert len(bench.of(ForeignReceived)) == 2
    assert bench.endpoint.counters.foreign_responses == 5


def test_requests_beyond_the_limit_are_not_sent() -> None:
    bench = Bench(limits=Limits(max_client_transactions=1))
    bench.ask()
    with pytest.raises(TransportFailed):
        bench.ask()


def accepted(bench: Bench) -> InviteClient:
    invite = bench.ask("INVITE")
    assert isinstance(invite, InviteClient)
    bench.receive(reply(bench.sent[0][2], 200))
    dialog = Dialog.from_client(invite.request, bench.of(ResponseReceived)[-1].response)
    bench.endpoint.acknowledge(invite, dialog.request("ACK", cseq=1))
    bench.drain()
    return invite


def test_the_ack_of_a_200_is_repeated_for_each_repeated_200() -> None:
    bench = Bench()
    accepted(bench)
    (ack,) = bench.starting("ACK")
    assert ack.startswith(b"ACK sip:cam@198.51.100.20:40001 SIP/2.0\r\n")
    assert b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKt2\r\n" in ack
    assert b"CSeq: 1 ACK\r\n" in ack
    assert b"To: <sip:34020000001320000001@3402000000>;tag=dev\r\n" in ack
    bench.now = 0.5
    assert bench.receive(reply(bench.sent[0][2], 200)) == [ack]
    assert len(bench.of(ResponseReceived)) == 1


def test_a_repeated_200_under_a_new_tag_of_the_same_contact_is_the_same_answer() -> None:
    bench = Bench()
    accepted(bench)
    assert bench.receive(reply(bench.sent[0][2], 200, tag="another")) == bench.starting("ACK")[:1]
    assert bench.endpoint.counters.changed_tags == 1
    assert bench.starting("BYE") == []


def test_a_second_200_of_another_contact_is_acknowledged_and_ended() -> None:
    bench = Bench()
    accepted(bench)
    ack, bye = bench.receive(reply(bench.sent[0][2], 200, tag="fork", contact="<sip:other@203.0.113.1>"))
    assert ack.startswith(b"ACK sip:other@203.0.113.1 SIP/2.0\r\n")
    assert bye.startswith(b"BYE sip:other@203.0.113.1 SIP/2.0\r\n")
    assert b";tag=fork\r\n" in bye
    assert len(bench.of(LateAnswer)) == 1


def test_a_refusal_is_acknowledged_within_the_transaction() -> None:
    bench = Bench()
    bench.ask("INVITE")
    (ack,) = bench.receive(reply(bench.sent[0][2], 486))
    assert b";branch=z9hG4bKt1\r\n" in ack
    assert b";tag=dev\r\n" in ack
    assert [event.response.status for event in bench.of(ResponseReceived)] == [486]


def test_cancel_waits_for_a_provisional_answer() -> None:
    bench = Bench()
    invite = bench.ask("INVITE")
    bench.endpoint.cancel(invite, 0.0)
    bench.endpoint.cancel(invite, 0.0)
    assert bench.drain() == []
    bench.run(3.0)
    assert len(bench.sent) == 1
    (cancel,) = bench.receive(reply(bench.sent[0][2], 100))
    assert cancel.startswith(b"CANCEL sip:34020000001320000001@198.51.100.20:40001 SIP/2.0\r\n")
    assert b";branch=z9hG4bKt1\r\n" in cancel
    assert b"CSeq: 1 CANCEL\r\n" in cancel
    assert bench.receive(reply(bench.sent[0][2], 180)) == []


def test_cancel_leaves_at_once_after_a_provisional_answer_and_ends_with_487() -> None:
    bench = Bench()
    invite = bench.ask("INVITE")
    bench.receive(reply(bench.sent[0][2], 100))
    bench.endpoint.cancel(invite, 0.0)
    (cancel,) = bench.drain()
    bench.receive(reply(cancel, 200))
    (ack,) = bench.receive(reply(bench.sent[0][2], 487))
    assert ack.startswith(b"ACK ")
    bench.run(40.0)
    assert len(bench.endpoint) == 0


def test_a_200_that_crosses_the_cancel_is_acknowledged_and_ended_with_bye() -> None:
    bench = Bench()
    invite = bench.ask("INVITE")
    bench.receive(reply(bench.sent[0][2], 100))
    bench.endpoint.cancel(invite, 0.0)
    bench.drain()
    ack, bye = bench.receive(reply(bench.sent[0][2], 200))
    assert ack.startswith(b"ACK sip:cam@198.51.100.20:40001 ")
    assert bye.startswith(b"BYE sip:cam@198.51.100.20:40001 ")
    assert b"CSeq: 2 BYE\r\n" in bye
    assert [event.transaction for event in bench.of(LateAnswer)] == [invite]
    assert bench.endpoint.counters.late_answers == 1
    assert bench.receive(reply(bench.sent[0][2], 200)) == [ack]


def test_cancel_after_the_final_answer_does_nothing() -> None:
    bench = Bench()
    invite = accepted(bench)
    bench.endpoint.cancel(invite, 1.0)
    assert bench.drain() == []
    assert not invite.abandoned


def test_an_answer_whose_identity_is_given_twice_is_dropped() -> None:
    bench = Bench()
    bench.ask()
    bench.receive(reply(bench.sent[0][2], 200).replace(b"From:", b"Call-ID: other\r\nFrom:"))
    assert bench.of(ResponseReceived) == []
    assert bench.endpoint.counters.malformed == 1


def test_whoever_took_our_registration_last_is_heard_although_its_host_floods() -> None:
    bench = Bench(limits=Limits(refusals_burst=1.0, refusals_per_second=0.0, malformed_burst=0.0, max_proven=1))
    older, upper = Peer("UDP", DEVICE.host, 5060), Peer("UDP", DEVICE.host, 5061)
    for peer in (older, upper):
        bench.ask("REGISTER", peer)
        bench.receive(reply(bench.sent[-1][2], 200), peer)
    bench.receive(KEEPALIVE)
    bench.answer(403)
    bench.receive(KEEPALIVE.replace(b"keep-1", b"k-2"))
    bench.receive(KEEPALIVE.replace(b"keep-1", b"k-3"), older)
    assert len(bench.of(RequestReceived)) == 1
    bench.receive(KEEPALIVE.replace(b"keep-1", b"k-4"), upper)
    assert len(bench.of(RequestReceived)) == 2


# a peer that answers from another network card

CARD = Peer("UDP", "203.0.113.2", 5060)


def tolerant() -> Bench:
    return Bench(answer_from_elsewhere=lambda asked, source: asked == DEVICE)


@pytest.mark.parametrize("method", ["MESSAGE", "REGISTER", "INVITE"])
@pytest.mark.parametrize("status", [100, 200, 403])
def test_by_tolerance_an_answer_from_another_address_is_taken_counted_and_told_once(method: str, status: int) -> None:
    bench = tolerant()
    bench.ask(method)
    for _ in range(2):
        bench.receive(reply(bench.sent[0][2], status), CARD)
    assert {event.response.status for event in bench.of(ResponseReceived)} == {status}
    assert bench.endpoint.counters.answers_from_elsewhere == 2
    assert bench.endpoint.counters.foreign_responses == 0
    (told,) = bench.of(AnsweredFromElsewhere)
    assert (told.source, told.expected, told.call_id) == (CARD, DEVICE, "ours-1")
    assert {peer for _, peer, _ in bench.sent} == {DEVICE}, "what follows goes to the address that was asked"


def test_the_tolerance_of_one_peer_is_not_that_of_another() -> None:
    bench = tolerant()
    bench.ask(to=Peer("UDP", "198.51.100.21", 5060))
    bench.receive(reply(bench.sent[0][2], 200), CARD)
    assert bench.of(ResponseReceived) == []
    assert bench.endpoint.counters.foreign_responses == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"192.0.2.10:5060", b"192.0.2.11:5060"), (b"CSeq: 1 ", b"CSeq: 2 "), (b"ours-1", b"ours-2"), (b"=us", b"=it")],
    ids=["another sent-by", "another number", "another call", "another From tag"],
)
def test_even_by_tolerance_the_branch_alone_is_not_enough(before: bytes, after: bytes) -> None:
    bench = tolerant()
    bench.ask()
    bench.receive(reply(bench.sent[0][2], 200).replace(before, after), CARD)
    assert bench.of(ResponseReceived) == []
    assert bench.endpoint.counters.foreign_responses == 1
    bench.receive(reply(bench.sent[0][2], 200))
    assert len(bench.of(ResponseReceived)) == 1


def test_a_stranger_who_guesses_branches_ends_nothing() -> None:
    bench = tolerant()
    bench.ask()
    for number in range(300):
        guess = reply(bench.sent[0][2], 200).replace(b"z9hG4bKt1", f"z9hG4bK{number:016x}".encode())
        bench.receive(guess, CARD)
    assert bench.of(ResponseReceived) == []
    assert bench.endpoint.counters.stray_responses == 300
    assert bench.endpoint.counters.answers_from_elsewhere == 0


def test_a_branch_nobody_can_guess_has_64_random_bits() -> None:
    branches = set()
    for _ in range(64):
        endpoint = Endpoint(user_agent="node/1")
        endpoint.request(our("MESSAGE"), DEVICE, LOCAL, LOCAL, 0.0)
        found = re.search(rb"branch=z9hG4bK([0-9a-f]{16})\r\n", endpoint.to_send()[0].data)
        assert found is not None
        branches.add(found[1])
    assert len(branches) == 64


def test_the_other_address_gains_no_standing_by_answering_a_registration() -> None:
    limits = Limits(refusals_burst=1.0, refusals_per_second=0.0, malformed_burst=0.0)
    bench = Bench(limits=limits, answer_from_elsewhere=lambda asked, source: True)
    bench.ask("REGISTER")
    bench.receive(reply(bench.sent[0][2], 200), CARD)
    assert [event.response.status for event in bench.of(ResponseReceived)] == [200]
    bench.receive(KEEPALIVE, CARD)
    bench.answer(403)
    bench.receive(KEEPALIVE.replace(b"keep-1", b"keep-2"), CARD)
    assert len(bench.of(RequestReceived)) == 1
    assert bench.endpoint.counters.flooded == 1
