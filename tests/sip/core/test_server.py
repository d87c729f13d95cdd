"""Requests of peers: matched, answered, repeated, refused."""

from __future__ import annotations

import pytest

from sip.limits import Limits
from sip.message import response_to
from sip.peer import Peer
from sip.transaction.events import (
    AckMissing,
    AckReceived,
    Cancelled,
    ForeignReceived,
    MalformedReceived,
    NotAnswered,
    RequestReceived,
)
from tests.sip.endpoint_bench import DEVICE, INVITE, KEEPALIVE, Bench, acknowledging


def test_a_message_is_answered_to_its_source_with_received_and_rport() -> None:
    bench = Bench()
    assert bench.receive(KEEPALIVE) == []
    (data,) = bench.answer(200)
    assert data == (
        b"SIP/2.0 200 OK\r\n"
        b"Via: SIP/2.0/UDP 10.0.0.5:5060;rport=40001;branch=z9hG4bKk1;received=198.51.100.20\r\n"
        b"From: <sip:34020000001180000001@3402000000>;tag=k1\r\n"
        b"To: <sip:34020000002000000001@3402000000>;tag=t1\r\n"
        b"Call-ID: keep-1@10.0.0.5\r\n"
        b"CSeq: 20 MESSAGE\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert bench.sent[0][1] == DEVICE


def test_a_repeated_message_reaches_the_application_once_and_gets_the_same_bytes() -> None:
    bench = Bench()
    bench.receive(KEEPALIVE)
    assert bench.receive(KEEPALIVE) == []
    (first,) = bench.answer(200)
    assert bench.receive(KEEPALIVE) == [first]
    assert len(bench.of(RequestReceived)) == 1
    assert bench.endpoint.counters.requests_absorbed == 2


def test_a_repetition_from_another_port_is_answered_there_and_does_not_move_the_exchange() -> None:
    bench = Bench()
    rebound = Peer("UDP", DEVICE.host, 40777)
    bench.receive(KEEPALIVE)
    assert bench.receive(KEEPALIVE, rebound) == []
    bench.answer(200)
    assert bench.sent[-1][1] == DEVICE
    bench.receive(KEEPALIVE, rebound)
    assert bench.sent[-1][1] == rebound
    bench.receive(KEEPALIVE)
    assert bench.sent[-1][1] == DEVICE
    assert len(bench.of(RequestReceived)) == 1


def test_over_tcp_a_repetition_on_a_new_connection_moves_the_exchange_to_it() -> None:
    bench = Bench()
    bench.receive(INVITE, Peer("TCP", DEVICE.host, 50001, 1))
    again = Peer("TCP", DEVICE.host, 50002, 2)
    bench.receive(INVITE, again)
    bench.answer(200)
    assert bench.sent[-1][1] == again


def test_a_branch_used_again_for_another_request_is_another_request() -> None:
    bench = Bench()
    bench.receive(KEEPALIVE)
    bench.receive(KEEPALIVE.replace(b"keep-1", b"keep-2"))
    bench.receive(KEEPALIVE.replace(b"CSeq: 20", b"CSeq: 21"))
    assert len(bench.of(RequestReceived)) == 3


def test_requests_without_the_magic_cookie_are_matched_the_old_way() -> None:
    bench = Bench()
    old = KEEPALIVE.replace(b"z9hG4bKk1", b"4711")
    bench.receive(old)
    bench.receive(old)
    bench.receive(old.replace(b"tag=k1", b"tag=k2"))
    assert len(bench.of(RequestReceived)) == 2


def test_a_request_with_a_broken_header_is_refused_with_a_reason_that_names_it() -> None:
    bench = Bench()
    (data,) = bench.receive(KEEPALIVE.replace(b"CSeq: 20 MESSAGE", b"CSeq: twenty MESSAGE"))
    assert data.startswith(b"SIP/2.0 400 Bad Request (CSeq: ")
    (event,) = bench.of(MalformedReceived)
    assert (event.source, event.error.where, event.answered) == (DEVICE, "CSeq", True)


@pytest.mark.parametrize("name", [b"From", b"To", b"Call-ID", b"CSeq", b"Via"])
def test_a_request_without_a_header_that_identifies_it_is_dropped_and_reported(name: bytes) -> None:
    bench = Bench()
    lines = [line for line in KEEPALIVE.split(b"\r\n") if not line.startswith(name + b":")]
    assert bench.receive(b"\r\n".join(lines)) == []
    assert [event.answered for event in bench.of(MalformedReceived)] == [False]
    assert len(bench.endpoint) == 0


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02", b"SIP/2.0 999 No\r\n\r\n"])
def test_what_is_no_sip_is_dropped_and_reported(data: bytes) -> None:
    bench = Bench()
    assert bench.receive(data) == []
    assert bench.endpoint.counters.malformed == 1
    assert [event.answered for event in bench.of(MalformedReceived)] == [False]


def test_a_malformed_ack_is_never_answered() -> None:
    bench = Bench()
    assert bench.receive(INVITE.replace(b"INVITE", b"ACK").replace(b"CSeq: 3", b"CSeq: x")) == []
    assert bench.endpoint.counters.malformed == 1


def test_a_source_of_much_junk_is_only_counted_after_its_burst() -> None:
    bench = Bench(limits=Limits(malformed_per_second=1.0, malformed_burst=3.0))
    broken = KEEPALIVE.replace(b"CSeq: 20 MESSAGE", b"CSeq: x")
    answers = [bench.receive(broken) for _ in range(10)]
    assert sum(map(len, answers)) == 3
    assert len(bench.of(MalformedReceived)) == 3
    assert bench.endpoint.counters.malformed == 10
    assert bench.endpoint.counters.malformed_unanswered == 7
    bench.now = 1.0
    assert len(bench.receive(broken)) == 1


def test_an_unanswered_message_is_answered_500_by_the_stack() -> None:
    bench = Bench()
    bench.receive(KEEPALIVE)
    bench.run(32.0)
    assert len(bench.starting("SIP/2.0 500 ")) == 1
    assert len(bench.of(NotAnswered)) == 1
    assert bench.endpoint.counters.not_answered == 1
    bench.run(64.0)
    assert len(bench.endpoint) == 0
    assert bench.endpoint.deadline() is None


def test_an_invite_is_answered_100_then_its_200_is_repeated_until_the_ack() -> None:
    bench = Bench()
    (trying,) = bench.receive(INVITE)
    assert trying.startswith(b"SIP/2.0 100 Trying\r\n")
    bench.answer(200)
    bench.run(4.0)
    assert len(bench.starting("SIP/2.0 200 ")) == 4
    ack = acknowledging(bench).replace(b"z9hG4bKi1", b"z9hG4bKa1")
    bench.receive(ack)
    bench.receive(ack)
    bench.run(40.0)
    assert len(bench.starting("SIP/2.0 200 ")) == 4
    assert [event.ack.method for event in bench.of(AckReceived)] == ["ACK"]
    assert bench.endpoint.counters.retransmissions_sent == 3
    assert len(bench.endpoint) == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"z9hG4bKi1", b"z9hG4bKi1"), (b"tag=i1", b"tag=odd"), (b"z9hG4bKi1", b"old-style"), (b"CSeq: 3", b"CSeq: 9")],
    ids=["the INVITE's branch", "another From tag", "a branch without cookie", "another number"],
)
def test_the_ack_of_a_200_is_known_however_odd(before: bytes, after: bytes) -> None:
    bench = Bench()
    bench.receive(INVITE)
    bench.answer(200)
    bench.receive(acknowledging(bench).replace(before, after))
    assert len(bench.of(AckReceived)) == 1


@pytest.mark.parametrize("tag", [b"", b";tag=guessed"], ids=["no To tag", "a guessed To tag"])
def test_an_ack_of_somebody_who_never_saw_the_200_changes_nothing(tag: bytes) -> None:
    bench = Bench()
    bench.receive(INVITE)
    bench.answer(200)
    to = b"To: <sip:34020000001320000001@3402000000>"
    bench.receive(INVITE.replace(b"INVITE", b"ACK").replace(to, to + tag))
    assert bench.of(AckReceived) == []
    assert bench.endpoint.counters.stray_acks == 1
    bench.receive(acknowledging(bench))
    assert len(bench.of(AckReceived)) == 1


def test_a_missing_ack_is_reported_after_32_s() -> None:
    bench = Bench()
    bench.receive(INVITE)
    bench.answer(200)
    bench.run(32.0)
    assert [event.waited_s for event in bench.of(AckMissing)] == [32.0]
    assert bench.endpoint.counters.ack_missing == 1


def test_an_ack_of_a_provisional_answer_changes_nothing() -> None:
    bench = Bench()
    bench.receive(INVITE)
    bench.receive(INVITE.replace(b"INVITE", b"ACK"))
    assert bench.of(AckReceived) == []
    bench.answer(200)
    bench.run(0.5)
    assert len(bench.starting("SIP/2.0 200 ")) == 2
    bench.receive(acknowledging(bench))
    assert len(bench.of(AckReceived)) == 1


def test_an_ack_of_nothing_is_counted() -> None:
    bench = Bench()
    assert bench.receive(INVITE.replace(b"INVITE", b"ACK")) == []
    assert bench.endpoint.counters.stray_acks == 1


def test_a_refused_invite_is_repeated_until_an_ack_with_any_branch() -> None:
    bench = Bench()
    bench.receive(INVITE)
    bench.answer(486)
    bench.run(1.0)
    assert len(bench.starting("SIP/2.0 486 ")) == 2
    bench.receive(INVITE.replace(b"INVITE", b"ACK").replace(b"z9hG4bKi1", b"z9hG4bKnew"))
    bench.run(40.0)
    assert len(bench.starting("SIP/2.0 486 ")) == 2
    assert len(bench.endpoint) == 0


@pytest.mark.parametrize("branch", [b"z9hG4bKi1", b"z9hG4bKown"], ids=["the INVITE's branch", "a branch of its own"])
def test_a_cancel_is_answered_200_and_its_invite_487(branch: bytes) -> None:
    bench = Bench()
    bench.receive(INVITE)
    ok, terminated = bench.receive(INVITE.replace(b"INVITE", b"CANCEL").replace(b"z9hG4bKi1", branch))
    assert ok.startswith(b"SIP/2.0 200 OK\r\n")
    assert b"CSeq: 3 CANCEL\r\n" in ok
    assert terminated.startswith(b"SIP/2.0 487 ")
    assert b"CSeq: 3 INVITE\r\n" in terminated
    assert len(bench.of(Cancelled)) == 1
    assert bench.answer(200) == []


def test_a_repeated_cancel_is_answered_200_and_changes_nothing() -> None:
    bench = Bench()
    bench.receive(INVITE)
    cancel = INVITE.replace(b"INVITE", b"CANCEL")
    bench.receive(cancel)
    (again,) = bench.receive(cancel)
    assert again.startswith(b"SIP/2.0 200 OK\r\n")
    assert len(bench.of(Cancelled)) == 1


def test_a_cancel_after_the_200_changes_nothing() -> None:
    bench = Bench()
    bench.receive(INVITE)
    bench.answer(200)
    (ok,) = bench.receive(INVITE.replace(b"INVITE", b"CANCEL"))
    assert b"CSeq: 3 CANCEL\r\n" in ok
    assert bench.of(Cancelled) == []


def test_a_cancel_of_nothing_is_answered_481() -> None:
    (data,) = Bench().receive(INVITE.replace(b"INVITE", b"CANCEL"))
    assert data.startswith(b"SIP/2.0 481 ")


def test_an_invite_by_a_second_way_is_answered_482_and_a_message_is_not() -> None:
    bench = Bench()
    bench.receive(INVITE)
    (data,) = bench.receive(INVITE.replace(b"z9hG4bKi1", b"z9hG4bKother"))
    assert data.startswith(b"SIP/2.0 482 ")
    assert bench.endpoint.counters.requests_merged == 1
    bench.receive(KEEPALIVE)
    assert bench.receive(KEEPALIVE.replace(b"z9hG4bKk1", b"z9hG4bKother")) == []
    assert len(bench.of(RequestReceived)) == 3


STRANGERS = [Peer("UDP", "203.0.113.77", 40001), Peer("UDP", DEVICE.host, 40777)]


@pytest.mark.parametrize("stranger", STRANGERS, ids=["another host", "another port"])
@pytest.mark.parametrize("branch", [b"z9hG4bKi1", b"z9hG4bKown"], ids=["the INVITE's branch", "a branch of its own"])
def test_an_ack_from_another_address_is_dropped_and_told(stranger: Peer, branch: bytes) -> None:
    bench = Bench()
    bench.receive(INVITE)
    bench.answer(200)
    ack = acknowledging(bench).replace(b"z9hG4bKi1", branch)
    assert bench.receive(ack, stranger) == []
    assert bench.of(AckReceived) == []
    assert bench.endpoint.counters.foreign_requests == 1
    assert [event.what for event in bench.of(ForeignReceived)] == ["ACK"]
    bench.receive(ack)
    assert len(bench.of(AckReceived)) == 1


@pytest.mark.parametrize("stranger", STRANGERS, ids=["another host", "another port"])
@pytest.mark.parametrize("branch", [b"z9hG4bKi1", b"z9hG4bKown"], ids=["the INVITE's branch", "a branch of its own"])
def test_a_cancel_from_another_address_is_answered_481_and_changes_nothing(stranger: Peer, branch: bytes) -> None:
    bench = Bench()
    bench.receive(INVITE)
    (data,) = bench.receive(INVITE.replace(b"INVITE", b"CANCEL").replace(b"z9hG4bKi1", branch), stranger)
    assert data.startswith(b"SIP/2.0 481 ")
    assert bench.of(Cancelled) == []
    assert bench.endpoint.counters.foreign_requests == 1
    assert len(bench.answer(200)) == 1


def test_a_full_table_gives_up_the_oldest_answered_request() -> None:
    bench = Bench(limits=Limits(max_transactions=2))
    for number in range(3):
        bench.receive(KEEPALIVE.replace(b"keep-1", f"keep-{number}".encode()))
        bench.answer(200)
    assert bench.endpoint.counters.evicted == 1
    assert len(bench.endpoint) == 2
    assert bench.receive(KEEPALIVE.replace(b"keep-1", b"keep-2")) != []
    assert len(bench.of(RequestReceived)) == 3


def test_a_table_full_of_unanswered_requests_refuses_with_503_and_retry_after() -> None:
    bench = Bench(limits=Limits(max_transactions=1, retry_after_s=7))
    bench.receive(KEEPALIVE)
    (data,) = bench.receive(KEEPALIVE.replace(b"keep-1", b"keep-2"))
    assert data.startswith(b"SIP/2.0 503 ")
    assert b"Retry-After: 7\r\n" in data
    assert bench.endpoint.counters.overloaded == 1


def test_one_source_cannot_take_all_the_room() -> None:
    bench = Bench(limits=Limits(max_pending_per_source=1))
    bench.receive(KEEPALIVE)
    (refused,) = bench.receive(KEEPALIVE.replace(b"keep-1", b"keep-2"))
    assert refused.startswith(b"SIP/2.0 503 ")
    assert bench.receive(KEEPALIVE, Peer("UDP", "198.51.100.99", 5060)) == []
    assert len(bench.of(RequestReceived)) == 2


def test_room_comes_back_with_every_kind_of_end() -> None:
    bench = Bench(limits=Limits(max_pending_per_source=1))
    bench.receive(KEEPALIVE)
    bench.answer(200)
    bench.receive(INVITE)
    bench.receive(INVITE.replace(b"INVITE", b"CANCEL"))
    bench.receive(KEEPALIVE.replace(b"keep-1", b"keep-2"))
    bench.run(40.0)
    assert len(bench.starting("SIP/2.0 500 ")) == 1
    bench.receive(KEEPALIVE.replace(b"keep-1", b"keep-3"))
    assert len(bench.of(RequestReceived)) == 4
    assert bench.endpoint.counters.overloaded == 0


def test_a_storm_of_registers_that_never_succeeds_is_refused_until_it_slows_down() -> None:
    bench = Bench(limits=Limits(refusals_per_second=1.0, refusals_burst=2.0))
    register = KEEPALIVE.replace(b"MESSAGE", b"REGISTER")
    for number in range(2):
        bench.receive(register.replace(b"keep-1", f"r-{number}".encode()))
        bench.answer(401)
    (refused,) = bench.receive(register.replace(b"keep-1", b"r-3"))
    assert refused.startswith(b"SIP/2.0 503 ")
    assert bench.endpoint.counters.storms == 1
    credentials = b"Authorization: Digest x\r\nMax-Forwards"
    bench.receive(register.replace(b"keep-1", b"r-4").replace(b"Max-Forwards", credentials))
    bench.answer(200)
    bench.receive(register.replace(b"keep-1", b"r-5"))
    assert len(bench.of(RequestReceived)) == 4
    bench.answer(401)
    assert bench.receive(register.replace(b"keep-1", b"r-6"))[0].startswith(b"SIP/2.0 503 ")
    bench.now = 1.0
    assert bench.receive(register.replace(b"keep-1", b"r-7")) == []


REGISTER = KEEPALIVE.replace(b"MESSAGE", b"REGISTER")
SAID = {"REGISTER": [("X-GB-Ver", "3.0")]}


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500, 503])
def test_what_every_answer_to_a_method_says_is_added_once_and_to_no_other_method(status: int) -> None:
    bench = Bench(answer_headers=SAID)
    bench.receive(REGISTER)
    (data,) = bench.answer(status)
    assert data.count(b"X-GB-Ver: 3.0\r\n") == 1
    assert bench.receive(REGISTER) == [data]
    bench.receive(KEEPALIVE)
    assert b"X-GB-Ver" not in bench.answer(status)[0]


def test_an_answer_that_says_it_already_keeps_its_own_words() -> None:
    bench = Bench(answer_headers=SAID)
    bench.receive(REGISTER)
    transaction = next(event for event in bench.events if isinstance(event, RequestReceived)).transaction
    assert transaction.request is not None
    own = response_to(transaction.request, 200, to_tag="a", headers=[("x-gb-ver", "2.0")])
    bench.endpoint.respond(transaction, own, 0.0)
    (data,) = bench.drain()
    assert data.lower().count(b"x-gb-ver") == 1 and b"2.0" in data


def test_answers_the_stack_makes_itself_say_it_too() -> None:
    bench = Bench(answer_headers=SAID, limits=Limits(max_pending_per_source=1))
    (malformed,) = bench.receive(REGISTER.replace(b"CSeq: 20 ", b"CSeq: twenty "))
    assert malformed.startswith(b"SIP/2.0 400") and b"X-GB-Ver: 3.0\r\n" in malformed
    bench.receive(REGISTER)
    (overloaded,) = bench.receive(REGISTER.replace(b"z9hG4bKk1", b"z9hG4bKk2"))
    assert overloaded.startswith(b"SIP/2.0 503") and b"X-GB-Ver: 3.0\r\n" in overloaded
