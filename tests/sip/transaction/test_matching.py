"""Which transaction a message belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from sip.errors import ParseError
from sip.message import Request, Response, parse_message
from sip.peer import Peer
from sip.transaction.matching import InvitesByCall, client_key, server_key
from sip.transaction.server import InviteServer


def request(
    method: str = "INVITE",
    *,
    via: str = "SIP/2.0/UDP 10.0.0.2:5060;rport;branch=z9hG4bK1",
    call_id: str = "c1",
    cseq: int = 20,
    from_tag: str = ";tag=a",
    to_tag: str = "",
) -> Request:
    message = parse_message(
        f"{method} sip:x@3402000000 SIP/2.0\r\nVia: {via}\r\nFrom: <sip:d@3402000000>{from_tag}\r\n"
        f"To: <sip:x@3402000000>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
        f"Content-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def invite(asked: Request, *, status: int = 0, host: str = "198.51.100.1") -> InviteServer:
    surroundings: Any = None
    peer = Peer("UDP", host, 5060)
    transaction = InviteServer(asked, server_key(asked, host), peer, ("192.0.2.10", 5060), surroundings)
    transaction.status = status
    return transaction


def test_a_repetition_has_the_same_key() -> None:
    assert server_key(request(), "198.51.100.1") == server_key(request(), "198.51.100.1")


@pytest.mark.parametrize(
    "other",
    [
        request(via="SIP/2.0/UDP 10.0.0.2:5060;rport;branch=z9hG4bK2"),
        request(via="SIP/2.0/UDP 10.0.0.3:5060;rport;branch=z9hG4bK1"),
        request(via="SIP/2.0/UDP 10.0.0.2:5061;rport;branch=z9hG4bK1"),
        request("MESSAGE"),
        request(call_id="c2"),
        request(cseq=21),
    ],
    ids=["branch", "sent-by host", "sent-by port", "method", "Call-ID of a reused branch", "CSeq of a reused branch"],
)
def test_another_request_has_another_key(other: Request) -> None:
    assert server_key(request(), "198.51.100.1") != server_key(other, "198.51.100.1")


def test_two_devices_behind_different_nats_do_not_share_a_transaction() -> None:
    assert server_key(request(), "198.51.100.1") != server_key(request(), "198.51.100.2")


def test_ack_and_cancel_find_their_invite_by_branch() -> None:
    expected = server_key(request(), "198.51.100.1")
    assert server_key(request("ACK", to_tag=";tag=b"), "198.51.100.1", "INVITE") == expected
    assert server_key(request("CANCEL"), "198.51.100.1", "INVITE") == expected


@pytest.mark.parametrize(
    "via",
    ["SIP/2.0/UDP 10.0.0.2:5060;branch=1839167", "SIP/2.0/UDP 10.0.0.2:5060", "SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK"],
    ids=["no magic cookie", "no branch", "nothing but the magic cookie"],
)
def test_an_old_branch_is_matched_by_top_via_call_id_cseq_and_from_tag(via: str) -> None:
    key = server_key(request(via=via), "198.51.100.1")
    assert key == server_key(request(via=via), "198.51.100.1")
    assert key != server_key(request(via=via, from_tag=";tag=b"), "198.51.100.1")
    assert key != server_key(request(via=via, cseq=21), "198.51.100.1")
    assert key != server_key(request(via=via, call_id="c2"), "198.51.100.1")
    assert key != server_key(request(via=via, from_tag=""), "198.51.100.1")
    assert server_key(request("ACK", via=via, to_tag=";tag=z"), "198.51.100.1", "INVITE") == key


def test_a_response_is_matched_by_branch_and_cseq_method() -> None:
    response = parse_message(
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKq;rport=9\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 4 Message\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(response, Response)
    assert client_key(response) == ("z9hG4bKq", "MESSAGE")


def test_a_request_without_via_has_no_key() -> None:
    asked = request()
    asked.headers.remove("Via")
    with pytest.raises(ParseError):
        server_key(asked, "198.51.100.1")


def test_an_ack_with_a_branch_of_its_own_is_matched_by_call_id_and_cseq() -> None:
    calls, first, second = InvitesByCall(), invite(request(cseq=1)), invite(request(cseq=2))
    calls.add(first)
    calls.add(second)
    assert calls.of_ack(request("ACK", via="SIP/2.0/UDP h;branch=z9hG4bKnew", cseq=2, to_tag=";tag=odd")) is second
    assert calls.of_ack(request("ACK", call_id="other")) is None


def test_an_ack_with_a_wrong_number_is_taken_when_only_one_invite_of_the_call_was_answered() -> None:
    calls, answered, pending = InvitesByCall(), invite(request(cseq=1), status=200), invite(request(cseq=2))
    calls.add(answered)
    calls.add(pending)
    assert calls.of_ack(request("ACK", cseq=77)) is answered
    pending.status = 200
    assert calls.of_ack(request("ACK", cseq=77)) is None


def test_a_cancel_with_a_branch_of_its_own_needs_call_id_and_cseq() -> None:
    calls, pending = InvitesByCall(), invite(request(cseq=1))
    calls.add(pending)
    cancel = request("CANCEL", via="SIP/2.0/UDP h;branch=z9hG4bKnew", cseq=1)
    assert calls.of_cancel(cancel) is pending
    assert calls.of_cancel(request("CANCEL", cseq=2)) is None
    pending.status = 200
    assert calls.of_cancel(cancel) is None


def test_an_invite_that_came_by_another_way_is_merged() -> None:
    calls = InvitesByCall()
    calls.add(invite(request()))
    again = request(via="SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKother")
    assert calls.merged(again)
    assert not calls.merged(request(to_tag=";tag=inside"))
    assert not calls.merged(request(from_tag=";tag=b"))
    assert not calls.merged(request(cseq=21))
    assert not calls.merged(request(call_id="c2"))


def test_forgotten_invites_leave_nothing_behind() -> None:
    calls, first, second = InvitesByCall(), invite(request(cseq=1)), invite(request(cseq=2))
    calls.add(first)
    calls.add(second)
    assert len(calls) == 2
    calls.remove(first)
    calls.remove(first)
    calls.remove(second)
    calls.remove(second)
    assert len(calls) == 0
