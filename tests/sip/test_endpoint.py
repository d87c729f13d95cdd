"""The endpoint as a whole: bytes in, bytes out, and the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.limits import Limits
from sip.peer import Peer
from sip.timings import Timings
from sip.tolerance import STRICT
from sip.transaction.events import (
    RequestReceived,
    ResponseReceived,
    SendingFailed,
    TimedOut,
)
from tests.sip.endpoint_bench import DEVICE, INVITE, KEEPALIVE, LOCAL, Bench, our, reply


def test_line_ends_and_nuls_are_keepalives() -> None:
    bench = Bench()
    for data in (b"\r\n\r\n", b"\0\0\0\0", b""):
        assert bench.receive(data) == []
    assert bench.endpoint.counters.keepalives == 3
    assert bench.endpoint.counters.malformed == 0


def test_a_datagram_over_the_limit_is_dropped() -> None:
    bench = Bench(limits=Limits(max_datagram=100))
    assert bench.receive(KEEPALIVE) == []
    assert bench.endpoint.counters.oversize == 1


def test_strict_tolerance_reaches_the_parser() -> None:
    assert len(Bench().receive(KEEPALIVE.replace(b"Max-Forwards: 70", b"junk"))) == 0
    bench = Bench(tolerance=STRICT)
    bench.receive(KEEPALIVE.replace(b"Max-Forwards: 70", b"junk"))
    assert bench.endpoint.counters.malformed == 1


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


def test_shorter_timings_shorten_everything() -> None:
    bench = Bench(timings=Timings(t1=0.01, t2=0.04, t4=0.05))
    bench.ask()
    bench.run(0.64)
    assert len(bench.of(TimedOut)) == 1


@pytest.mark.parametrize(
    ("before", "after"), [(b"z9hG4bKt1", b"z9hG4bKother"), (b"CSeq: 1 MESSAGE", b"CSeq: 1 NOTIFY")]
)
def test_an_answer_to_nothing_is_counted(before: bytes, after: bytes) -> None:
    bench = Bench()
    bench.ask()
    bench.receive(reply(bench.sent[0][2], 200).replace(before, after))
    assert bench.of(ResponseReceived) == []
    assert bench.endpoint.counters.stray_responses == 1


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


def test_a_forgotten_request_is_not_repeated_any_more() -> None:
    bench = Bench()
    bench.endpoint.forget(bench.ask())
    bench.run(33.0)
    assert len(bench.starting("MESSAGE")) == 1


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
    assert bench.endpoint.unanswered == 0
    assert len(bench.endpoint._server._invites) == 0
