"""Which sources are heard."""

from __future__ import annotations

import pytest

from sip.core.admission import Admission
from sip.limits import Limits
from sip.message import Request, parse_message
from sip.peer import Peer

HONEST, NEIGHBOUR = Peer("UDP", "198.51.100.20", 5060), Peer("UDP", "198.51.100.20", 5061)
TIGHT = Limits(
    refusals_per_second=1.0, refusals_burst=2.0, malformed_per_second=1.0, malformed_burst=1.0, max_pending_per_source=2
)


def request(method: str = "REGISTER", *extra: str) -> Request:
    rows = [f"{method} sip:b SIP/2.0", "Via: SIP/2.0/UDP h;branch=z9hG4bK1", "From: <sip:a@b>;tag=1", "To: <sip:a@b>"]
    message = parse_message("\r\n".join([*rows, "Call-ID: c", f"CSeq: 1 {method}", *extra, "", ""]).encode())
    assert isinstance(message, Request)
    return message


def refused(admission: Admission, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        admission.begun(HONEST.host)
        admission.answered("MESSAGE", 403, HONEST, now)


@pytest.mark.parametrize("status", [401, 403, 407])
def test_a_host_that_only_draws_refusals_is_heard_in_a_trickle(status: int) -> None:
    admission = Admission(TIGHT)
    for _ in range(2):
        assert not admission.floods(HONEST, 0.0)
        admission.answered("MESSAGE", status, HONEST, 0.0)
    assert [admission.floods(NEIGHBOUR, 0.0) for _ in range(3)] == [False, True, True]
    assert not admission.floods(Peer("UDP", "203.0.113.9", 5060), 0.0)
    assert not admission.floods(NEIGHBOUR, 5.0)


@pytest.mark.parametrize("status", [200, 404, 486, 500])
def test_other_answers_do_not_count_against_a_host(status: int) -> None:
    admission = Admission(TIGHT)
    for _ in range(9):
        admission.answered("MESSAGE", status, HONEST, 0.0)
    assert not admission.floods(HONEST, 0.0)


def test_the_address_of_a_registration_is_heard_whatever_its_neighbours_do() -> None:
    admission = Admission(TIGHT)
    admission.answered("REGISTER", 200, HONEST, 0.0)
    refused(admission, 9)
    assert not any(admission.floods(HONEST, 0.0) for _ in range(5))
    assert [admission.floods(NEIGHBOUR, 0.0) for _ in range(2)] == [False, True]


def test_only_so_many_addresses_are_remembered() -> None:
    admission = Admission(Limits(refusals_burst=1.0, refusals_per_second=0.0, malformed_burst=0.0, max_proven=1))
    admission.prove(HONEST)
    admission.prove(NEIGHBOUR)
    refused(admission, 1)
    assert admission.floods(HONEST, 0.0) and not admission.floods(NEIGHBOUR, 0.0)


def test_a_registration_gives_a_host_one_refusal_back() -> None:
    admission = Admission(TIGHT)
    refused(admission, 2)
    assert admission.storms(request(), HONEST, 0.0)
    admission.answered("REGISTER", 200, HONEST, 0.0)
    assert not admission.storms(request(), HONEST, 0.0)


def test_a_storm_is_of_registers_without_credentials() -> None:
    admission = Admission(TIGHT)
    assert not admission.storms(request(), HONEST, 0.0)
    refused(admission, 2)
    assert admission.storms(request(), HONEST, 0.0)
    assert not admission.storms(request("REGISTER", "Authorization: Digest x"), HONEST, 0.0)
    assert not admission.storms(request("MESSAGE"), HONEST, 0.0)


def test_mishaps_are_reported_within_the_rate_of_their_host() -> None:
    admission = Admission(TIGHT)
    assert [admission.may_report(one, 0.0) for one in (HONEST, NEIGHBOUR)] == [True, False]
    assert admission.may_report(NEIGHBOUR, 1.0)


def test_a_host_is_full_until_its_requests_are_settled() -> None:
    admission = Admission(TIGHT)
    for _ in range(2):
        assert not admission.is_full(HONEST.host)
        admission.begun(HONEST.host)
    assert admission.is_full(HONEST.host) and not admission.is_full("203.0.113.9")
    assert admission.pending == 2
    admission.settled(HONEST.host)
    assert not admission.is_full(HONEST.host)
    admission.answered("MESSAGE", 200, HONEST, 0.0)
    assert admission.pending == 0
    admission.settled(HONEST.host)
    assert admission.pending == 0
