"""The endpoint without sockets: bytes in, bytes out, under a hand-turned clock."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.dialog import Dialog
from sip.endpoint import Endpoint
from sip.errors import TransportFailed
from sip.limits import Limits
from sip.message import Request, parse_message, response_to
from sip.peer import Peer
from sip.timings import Timings
from sip.tolerance import STRICT
from sip.transaction.client import InviteClient
from sip.transaction.events import (
    AckMissing,
    AckReceived,
    Cancelled,
    ForeignReceived,
    LateAnswer,
    MalformedReceived,
    NotAnswered,
    RequestReceived,
    ResponseReceived,
    SendingFailed,
    TimedOut,
)

LOCAL = ("192.0.2.10", 5060)
DEVICE = Peer("UDP", "198.51.100.20", 40001)

KEEPALIVE = (
    b"MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKk1\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=k1\r\n"
    b"To: <sip:34020000002000000001@3402000000>\r\n"
    b"Call-ID: keep-1@10.0.0.5\r\n"
    b"CSeq: 20 MESSAGE\r\n"
    b"Max-Forwards: 70\r\n"
    b"Content-Length: 0\r\n\r\n"
)
INVITE = (
    b"INVITE sip:34020000001320000001@192.0.2.10 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 198.51.100.20:40001;rport;branch=z9hG4bKi1\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=i1\r\n"
    b"To: <sip:34020000001320000001@3402000000>\r\n"
    b"Call-ID: call-1\r\n"
    b"CSeq: 3 INVITE\r\n"
    b"Contact: <sip:34020000001180000001@198.51.100.20:40001>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Bench:
    """An endpoint with its clock and everything that came out of it."""

    def __init__(self, **settings: Any) -> None:
        tokens = iter(range(1, 100_000))
        self.endpoint = Endpoint(user_agent="node/1", token=lambda: f"t{next(tokens)}", **settings)
        self.now = 0.0
        self.sent: list[tuple[float, Peer, bytes]] = []
        self.events: list[Any] = []

    def receive(self, data: bytes, source: Peer = DEVICE) -> list[bytes]:
        self.endpoint.receive(data, source, LOCAL, self.now)
        return self.drain()

    def drain(self) -> list[bytes]:
        while (event := self.endpoint.next_event()) is not None:
            self.events.append(event)
        fresh = self.endpoint.to_send()
        self.sent += [(self.now, outgoing.peer, outgoing.data) for outgoing in fresh]
        return [outgoing.data for outgoing in fresh]

    def run(self, until: float) -> None:
        while (deadline := self.endpoint.deadline()) is not None and deadline <= until:
            self.now = deadline
            self.endpoint.expire(deadline)
            self.drain()
        self.now = until

    def answer(self, status: int, **more: Any) -> list[bytes]:
        received = [event for event in self.events if isinstance(event, RequestReceived)][-1]
        transaction = received.transaction
        response = response_to(received.request, status, to_tag=transaction.local_tag, **more)
        self.endpoint.respond(transaction, response, self.now)
        return self.drain()

    def ask(self, method: str = "MESSAGE", to: Peer = DEVICE) -> Any:
        transaction = self.endpoint.request(our(method), to, LOCAL, LOCAL, self.now)
        self.drain()
        return transaction

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def starting(self, text: str) -> list[bytes]:
        return [data for _, _, data in self.sent if data.startswith(text.encode())]


def acknowledging(bench: Bench) -> bytes:
    """The ACK of the 200 that was sent, with the INVITE's branch: whoever got the 200 knows the tag in it."""
    tag = re.search(rb"\r\nTo: [^\r]*;tag=([^;\r]+)", bench.starting("SIP/2.0 200 ")[-1])
    assert tag is not None
    to = b"To: <sip:34020000001320000001@3402000000>"
    return INVITE.replace(b"INVITE", b"ACK").replace(to, to + b";tag=" + tag[1])


def our(method: str) -> Request:
    data = (
        f"{method} sip:34020000001320000001@198.51.100.20:40001 SIP/2.0\r\n"
        "From: <sip:34020000002000000001@3402000000>;tag=us\r\nTo: <sip:34020000001320000001@3402000000>\r\n"
        f"Call-ID: ours-1\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    message = parse_message(data.encode())
    assert isinstance(message, Request)
    return message


def reply(sent: bytes, status: int, *, tag: str = "dev", contact: str = "<sip:cam@198.51.100.20:40001>") -> bytes:
    """The far end's answer, made from the bytes of our request alone."""
    lines = sent.split(b"\r\n")
    kept = [line for line in lines if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")]
    kept = [line + f";tag={tag}".encode() if line.startswith(b"To") and tag and status > 100 else line for line in kept]
    status_line = f"SIP/2.0 {status} Whatever".encode()
    return b"\r\n".join([status_line, *kept, b"Contact: " + contact.encode(), b"Content-Length: 0", b"", b""])


# what comes in


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


@pytest.mark.parametrize(
    ("via", "stamped"),
    [
        (b"SIP/2.0/UDP 198.51.100.20:40001;branch=z9hG4bKk1", b"SIP/2.0/UDP 198.51.100.20:40001;branch=z9hG4bKk1"),
        (
            b"SIP/2.0/UDP cam.lan;branch=z9hG4bKk1",
            b"SIP/2.0/UDP cam.lan;branch=z9hG4bKk1;received=198.51.100.20",
        ),
        (
            b"SIP/2.0/UDP 10.0.0.5;rport=9;received=1.2.3.4;branch=z9hG4bKk1",
            b"SIP/2.0/UDP 10.0.0.5;rport=40001;received=198.51.100.20;branch=z9hG4bKk1",
        ),
        (
            b"SIP/2.0/UDP 10.0.0.5;rport;branch=z9hG4bKk1, SIP/2.0/TCP 10.0.0.6;branch=z9hG4bKk0",
            b"SIP/2.0/UDP 10.0.0.5;rport=40001;branch=z9hG4bKk1;received=198.51.100.20, "
            b"SIP/2.0/TCP 10.0.0.6;branch=z9hG4bKk0",
        ),
    ],
    ids=["right address, no rport", "host name", "a lie", "comma-joined"],
)
def test_the_top_via_says_where_the_request_really_came_from(via: bytes, stamped: bytes) -> None:
    bench = Bench()
    bench.receive(KEEPALIVE.replace(b"SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKk1", via))
    (data,) = bench.answer(200)
    assert b"\r\nVia: " + stamped + b"\r\n" in data


def test_further_vias_come_back_as_they_were() -> None:
    bench = Bench()
    bench.receive(KEEPALIVE.replace(b"From:", b"Via: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKbelow\r\nFrom:"))
    (data,) = bench.answer(200)
    assert data.count(b"Via: ") == 2
    assert b"received=198.51.100.20\r\nVia: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKbelow\r\n" in data


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


def test_line_ends_and_nuls_are_keepalives() -> None:
    bench = Bench()
    for data in (b"\r\n\r\n", b"\0\0\0\0", b""):
        assert bench.receive(data) == []
    assert bench.endpoint.counters.keepalives == 3
    assert bench.endpoint.counters.malformed == 0


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


def test_a_datagram_over_the_limit_is_dropped() -> None:
    bench = Bench(limits=Limits(max_datagram=100))
    assert bench.receive(KEEPALIVE) == []
    assert bench.endpoint.counters.oversize == 1


def test_strict_tolerance_reaches_the_parser() -> None:
    assert len(Bench().receive(KEEPALIVE.replace(b"Max-Forwards: 70", b"junk"))) == 0
    bench = Bench(tolerance=STRICT)
    bench.receive(KEEPALIVE.replace(b"Max-Forwards: 70", b"junk"))
    assert bench.endpoint.counters.malformed == 1


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


# INVITE as server


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


def test_an_answer_whose_identity_is_given_twice_is_dropped() -> None:
    bench = Bench()
    bench.ask()
    bench.receive(reply(bench.sent[0][2], 200).replace(b"From:", b"Call-ID: other\r\nFrom:"))
    assert bench.of(ResponseReceived) == []
    assert bench.endpoint.counters.malformed == 1


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


# what goes out


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


def test_a_forgotten_request_is_not_repeated_any_more() -> None:
    bench = Bench()
    bench.endpoint.forget(bench.ask())
    bench.run(33.0)
    assert len(bench.starting("MESSAGE")) == 1


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


def test_messages_from_other_addresses_are_told_within_the_rate_of_their_source_only() -> None:
    bench = Bench(limits=Limits(malformed_burst=2, malformed_per_second=0))
    bench.ask()
    for _ in range(5):
        bench.receive(reply(bench.sent[0][2], 200), STRANGERS[0])
    assert len(bench.of(ForeignReceived)) == 2
    assert bench.endpoint.counters.foreign_responses == 5


@pytest.mark.parametrize(
    ("before", "after"), [(b"z9hG4bKt1", b"z9hG4bKother"), (b"CSeq: 1 MESSAGE", b"CSeq: 1 NOTIFY")]
)
def test_an_answer_to_nothing_is_counted(before: bytes, after: bytes) -> None:
    bench = Bench()
    bench.ask()
    bench.receive(reply(bench.sent[0][2], 200).replace(before, after))
    assert bench.of(ResponseReceived) == []
    assert bench.endpoint.counters.stray_responses == 1


def test_requests_beyond_the_limit_are_not_sent() -> None:
    bench = Bench(limits=Limits(max_client_transactions=1))
    bench.ask()
    with pytest.raises(TransportFailed):
        bench.ask()


def test_a_transport_that_fails_ends_the_request() -> None:
    bench = Bench()
    transaction = bench.endpoint.request(our("MESSAGE"), DEVICE, LOCAL, LOCAL, 0.0)
    (outgoing,) = bench.endpoint.to_send()
    bench.endpoint.sending_failed(outgoing, "no route", 0.0)
    bench.drain()
    assert [(event.transaction, event.reason) for event in bench.of(SendingFailed)] == [(transaction, "no route")]
    assert bench.endpoint.counters.transport_failures == 1


def test_a_stateless_answer_that_cannot_be_sent_is_only_counted() -> None:
    bench = Bench()
    bench.endpoint.receive(INVITE.replace(b"INVITE", b"CANCEL"), DEVICE, LOCAL, 0.0)
    (outgoing,) = bench.endpoint.to_send()
    bench.endpoint.sending_failed(outgoing, "no route", 0.0)
    assert bench.endpoint.next_event() is None


def test_a_lost_connection_fails_the_requests_that_went_over_it_and_no_others() -> None:
    bench = Bench()
    lost = bench.ask(to=Peer("TCP", "198.51.100.20", 5060, 7))
    bench.ask(to=Peer("TCP", "198.51.100.21", 5060, 8))
    bench.endpoint.connection_lost(7, "closed by the peer", 1.0)
    bench.drain()
    assert [(event.transaction, event.reason) for event in bench.of(SendingFailed)] == [(lost, "closed by the peer")]
    assert len(bench.endpoint.under_way()) == 1


# INVITE as client


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


# limits


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


def test_a_flood_of_refused_requests_is_dropped_unread_but_for_a_trickle_and_for_who_has_registered() -> None:
    limits = Limits(refusals_per_second=1.0, refusals_burst=3.0, malformed_per_second=1.0, malformed_burst=2.0)
    bench = Bench(limits=limits)
    register = KEEPALIVE.replace(b"MESSAGE", b"REGISTER")
    honest, flooder = Peer("UDP", DEVICE.host, 40002), Peer("UDP", DEVICE.host, 40003)
    bench.receive(register, honest)
    bench.answer(200)
    for number in range(3):
        bench.receive(KEEPALIVE.replace(b"keep-1", f"f-{number}".encode()), flooder)
        bench.answer(403)
    for number in range(10):
        bench.receive(KEEPALIVE.replace(b"keep-1", f"g-{number}".encode()), flooder)
    assert len(bench.of(RequestReceived)) == 4 + 2
    assert bench.endpoint.counters.flooded == 8
    bench.receive(KEEPALIVE.replace(b"keep-1", b"h-1"), honest)
    assert len(bench.of(RequestReceived)) == 7
    bench.receive(KEEPALIVE.replace(b"keep-1", b"i-1"), Peer("UDP", "203.0.113.9", 5060))
    assert len(bench.of(RequestReceived)) == 8
    bench.now = 2.0
    bench.receive(KEEPALIVE.replace(b"keep-1", b"j-1"), flooder)
    assert len(bench.of(RequestReceived)) == 9


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


def test_shorter_timings_shorten_everything() -> None:
    bench = Bench(timings=Timings(t1=0.01, t2=0.04, t4=0.05))
    bench.ask()
    bench.run(0.64)
    assert len(bench.of(TimedOut)) == 1


SEEDS = [KEEPALIVE, INVITE, INVITE.replace(b"INVITE", b"ACK"), INVITE.replace(b"INVITE", b"CANCEL")]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SEEDS),
            st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=6), st.integers(0, 8)), max_size=4),
            st.sampled_from([0, 100, 200, 486]),
        ),
        max_size=6,
    )
)
def test_no_bytes_whatever_raise_and_the_table_empties_again(
    messages: list[tuple[bytes, list[tuple[int, bytes, int]], int]],
) -> None:
    bench = Bench()
    bench.ask("INVITE")
    bench.ask("MESSAGE")
    sent = [data for _, _, data in bench.sent]
    for seed, edits, status in messages:
        data = reply(sent[status % 2], status) if status else seed
        for place, inserted, removed in edits:
            data = data[:place] + inserted + data[place + removed :]
        bench.receive(data)
        if bench.of(RequestReceived):
            bench.answer(status or 200)
    bench.run(1000.0)
    assert len(bench.endpoint) == 0
    assert bench.endpoint.deadline() is None
    assert bench.endpoint._pending == {}
    assert len(bench.endpoint._invites) == 0


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
