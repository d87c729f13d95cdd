"""The way of a request through the platforms."""

from __future__ import annotations

import pytest

from gateway.relay.trail import MAX_HOPS, MAX_IDENTITY, Trail, route_path
from sip import ParseError, Request, parse_message

A, B, CAMERA = "34020000002000000001", "34020000002000000002", "34020000001320000001"


def invite(*lines: str) -> Request:
    head = ["INVITE sip:34020000001320000001@10.0.0.1:5060 SIP/2.0", "Call-ID: 1", "CSeq: 1 INVITE", *lines]
    message = parse_message("\r\n".join([*head, "", ""]).encode())
    assert isinstance(message, Request)
    return message


def test_a_trail_is_read_from_the_invite() -> None:
    trail = Trail.of(invite(f"Monitor-User-Identity: {A}-{B}-zhang;rank=3", "Max-Forwards: 68"))
    assert trail == Trail(f"{A}-{B}-zhang;rank=3", 68)
    assert trail.passed(A) and trail.passed(B) and not trail.passed("34020000002000000003")


def test_a_platform_puts_its_id_in_front() -> None:
    assert Trail("wang").onward(B) == f"{B}-wang"
    assert Trail(f"{A}-wang").onward(B) == f"{B}-{A}-wang"
    assert Trail().onward(A) == A


def test_the_preferred_path_goes_on_only_where_it_leads() -> None:
    trail = Trail(preferred=f"{A}-{B}")
    assert trail.preferred_through(A) == f"{A}-{B}" and trail.preferred_through(B) == ""
    assert Trail().preferred_through(A) == ""


def test_without_headers_the_trail_begins_here() -> None:
    assert Trail.of(invite()) == Trail("", MAX_HOPS)


def test_a_request_that_went_too_far_goes_no_further() -> None:
    assert Trail(hops=0).exhausted
    assert Trail("1" * (MAX_IDENTITY + 1)).exhausted
    assert not Trail(hops=1).exhausted


def test_max_forwards_that_is_no_number_is_the_peers_fault() -> None:
    with pytest.raises(ParseError):
        Trail.of(invite("Max-Forwards: many"))


@pytest.mark.parametrize(
    ("below", "lower", "path"),
    [
        (f"{B}-34020000002000000003", B, f"{A}-{B}-34020000002000000003"),
        ("", B, f"{A}-{B}"),
        ("", CAMERA, A),
        ("", "", A),
    ],
)
def test_the_route_path_lists_the_platforms_from_here_down(below: str, lower: str, path: str) -> None:
    assert route_path(A, below, lower) == path
