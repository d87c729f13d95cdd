"""Dialogs, from the bytes of both sides."""

from __future__ import annotations

import json

import pytest

from sip.dialog import Dialog
from sip.errors import LocalError
from sip.message import Request, Response, parse_message, response_to

INVITE = (
    b"INVITE sip:34020000001320000001@198.51.100.20:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKi1\r\n"
    b"From: <sip:34020000002000000001@3402000000>;tag=i1\r\n"
    b"To: <sip:34020000001320000001@3402000000>\r\n"
    b"Call-ID: live-1@192.0.2.10\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:34020000002000000001@192.0.2.10:5060>\r\n"
    b"Max-Forwards: 70\r\n"
    b"Content-Length: 0\r\n\r\n"
)
OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport=5060;received=192.0.2.10;branch=z9hG4bKi1\r\n"
    b"From: <sip:34020000002000000001@3402000000>;tag=i1\r\n"
    b"To: <sip:34020000001320000001@3402000000>;tag=dev7\r\n"
    b"Call-ID: live-1@192.0.2.10\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:34020000001320000001@198.51.100.20:5061>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def request(data: bytes = INVITE) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def response(data: bytes = OK) -> Response:
    message = parse_message(data)
    assert isinstance(message, Response)
    return message


def in_dialog(method: str, cseq: int, *, from_tag: str = "dev7", to_tag: str = "i1") -> Request:
    data = (
        f"{method} sip:34020000002000000001@192.0.2.10:5060 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 198.51.100.20;branch=z9hG4bKd\r\n"
        f"From: <sip:34020000001320000001@3402000000>;tag={from_tag}\r\n"
        f"To: <sip:34020000002000000001@3402000000>;tag={to_tag}\r\n"
        f"Call-ID: live-1@192.0.2.10\r\nCSeq: {cseq} {method}\r\n"
        "Contact: <sip:cam@203.0.113.5>\r\nContent-Length: 0\r\n\r\n"
    )
    return request(data.encode().replace(b";tag=\r\n", b"\r\n"))


def test_the_ack_and_bye_of_a_live_play_are_those_of_the_standard() -> None:
    dialog = Dialog.from_client(request(), response())
    assert dialog.id == ("live-1@192.0.2.10", "i1", "dev7")
    assert dialog.request("ACK", cseq=1).to_bytes() == (
        b"ACK sip:34020000001320000001@198.51.100.20:5061 SIP/2.0\r\n"
        b"From: <sip:34020000002000000001@3402000000>;tag=i1\r\n"
        b"To: <sip:34020000001320000001@3402000000>;tag=dev7\r\n"
        b"Call-ID: live-1@192.0.2.10\r\n"
        b"CSeq: 1 ACK\r\n"
        b"Max-Forwards: 70\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    info = dialog.request("INFO", contact="<sip:me@192.0.2.10>", headers=[("Content-Type", "x/y")], body=b"PLAY")
    assert info.to_bytes() == (
        b"INFO sip:34020000001320000001@198.51.100.20:5061 SIP/2.0\r\n"
        b"From: <sip:34020000002000000001@3402000000>;tag=i1\r\n"
        b"To: <sip:34020000001320000001@3402000000>;tag=dev7\r\n"
        b"Call-ID: live-1@192.0.2.10\r\n"
        b"CSeq: 2 INFO\r\n"
        b"Contact: <sip:me@192.0.2.10>\r\n"
        b"Max-Forwards: 70\r\n"
        b"Content-Type: x/y\r\n"
        b"Content-Length: 4\r\n\r\nPLAY"
    )
    assert dialog.request("BYE").cseq == (3, "BYE")


def test_the_tag_of_the_200_counts_and_not_that_of_a_provisional_answer() -> None:
    ringing = response(OK.replace(b"200 OK", b"180 Ringing").replace(b"dev7", b"other"))
    assert Dialog.from_client(request(), ringing).remote_tag == "other"
    assert Dialog.from_client(request(), response()).remote_tag == "dev7"


def test_a_200_without_to_tag_still_makes_a_dialog() -> None:
    dialog = Dialog.from_client(request(), response(OK.replace(b";tag=dev7", b"")))
    assert dialog.remote_tag == ""
    assert dialog.request("BYE").headers.get("To") == "<sip:34020000001320000001@3402000000>"
    assert dialog.matches(in_dialog("BYE", 1, from_tag="whatever"))


def test_without_contact_the_target_is_the_uri_that_was_asked() -> None:
    without = OK.replace(b"Contact: <sip:34020000001320000001@198.51.100.20:5061>\r\n", b"")
    dialog = Dialog.from_client(request(), response(without))
    assert str(dialog.remote_target) == "sip:34020000001320000001@198.51.100.20:5060"


def test_a_dialog_we_accepted_answers_with_our_tag_and_counts_from_one() -> None:
    asked = request()
    dialog = Dialog.from_server(asked, response_to(asked, 200, to_tag="ours"))
    assert dialog.id == ("live-1@192.0.2.10", "ours", "i1")
    assert dialog.remote_cseq == 1
    bye = dialog.request("BYE")
    assert bye.start_line == "BYE sip:34020000002000000001@192.0.2.10:5060 SIP/2.0"
    assert bye.headers.get("From") == "<sip:34020000001320000001@3402000000>;tag=ours"
    assert bye.headers.get("To") == "<sip:34020000002000000001@3402000000>;tag=i1"
    assert bye.cseq == (1, "BYE")


def test_a_dialog_of_a_peer_without_contact_goes_to_its_from_address() -> None:
    asked = request(INVITE.replace(b"Contact: <sip:34020000002000000001@192.0.2.10:5060>\r\n", b""))
    dialog = Dialog.from_server(asked, response_to(asked, 200, to_tag="ours"))
    assert str(dialog.remote_target) == "sip:34020000002000000001@3402000000"


def test_our_answer_needs_a_tag_to_make_a_dialog() -> None:
    with pytest.raises(LocalError):
        Dialog.from_server(request(), response_to(request(), 200))


def test_routes_are_reversed_for_the_caller_and_kept_for_the_called() -> None:
    routes = b"Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nRecord-Route: <sip:p0;lr>\r\nContent-Length"
    caller = Dialog.from_client(request(), response(OK.replace(b"Content-Length", routes)))
    assert caller.request("BYE").headers.get_all("Route") == ["<sip:p0;lr>", "<sip:p1;lr>", "<sip:p2;lr>"]
    assert str(caller.request("BYE").uri) == "sip:34020000001320000001@198.51.100.20:5061"
    asked = request(INVITE.replace(b"Content-Length", routes))
    called = Dialog.from_server(asked, response_to(asked, 200, to_tag="ours"))
    assert called.request("BYE").headers.get_all("Route") == ["<sip:p2;lr>", "<sip:p1;lr>", "<sip:p0;lr>"]


def test_a_strict_router_gets_the_request_uri_and_the_target_goes_last() -> None:
    routes = b"Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:strict>\r\nContent-Length"
    bye = Dialog.from_client(request(), response(OK.replace(b"Content-Length", routes))).request("BYE")
    assert str(bye.uri) == "sip:strict"
    assert bye.headers.get_all("Route") == ["<sip:p1;lr>", "<sip:34020000001320000001@198.51.100.20:5061>"]


def test_requests_of_the_peer_must_count_upwards() -> None:
    dialog = Dialog.from_client(request(), response())
    assert dialog.accepts(in_dialog("INFO", 5))
    assert dialog.accepts(in_dialog("BYE", 7))
    assert not dialog.accepts(in_dialog("BYE", 7))
    assert not dialog.accepts(in_dialog("INFO", 6))
    assert dialog.accepts(in_dialog("ACK", 1))
    assert dialog.remote_cseq == 7


def test_a_subscribe_may_repeat_its_number_where_that_is_tolerated() -> None:
    dialog = Dialog.from_client(request(), response())
    assert dialog.accepts(in_dialog("SUBSCRIBE", 2))
    assert dialog.accepts(in_dialog("SUBSCRIBE", 2))
    assert dialog.accepts(in_dialog("SUBSCRIBE", 1))
    assert not dialog.accepts(in_dialog("SUBSCRIBE", 1), repeated_subscribe=False)
    assert dialog.remote_cseq == 2


def test_a_bye_with_swapped_tags_belongs_to_the_dialog_where_that_is_tolerated() -> None:
    dialog = Dialog.from_client(request(), response())
    assert dialog.matches(in_dialog("BYE", 2), swapped_tags=False)
    swapped = in_dialog("BYE", 2, from_tag="i1", to_tag="dev7")
    assert dialog.matches(swapped)
    assert not dialog.matches(swapped, swapped_tags=False)
    assert not dialog.matches(in_dialog("BYE", 2, from_tag="x"))
    foreign = in_dialog("BYE", 2)
    foreign.headers.set("Call-ID", "other")
    assert not dialog.matches(foreign)


def test_a_contact_moves_the_target() -> None:
    dialog = Dialog.from_client(request(), response())
    dialog.refresh_target(in_dialog("NOTIFY", 3))
    assert str(dialog.remote_target) == "sip:cam@203.0.113.5"
    without = in_dialog("NOTIFY", 4)
    without.headers.remove("Contact")
    dialog.refresh_target(without)
    assert str(dialog.remote_target) == "sip:cam@203.0.113.5"


def test_a_dialog_survives_being_stored_as_json() -> None:
    dialog = Dialog.from_client(request(), response(OK.replace(b"Content-Length", b"Record-Route: <sip:p;lr>\r\nl")))
    dialog.accepts(in_dialog("INFO", 9))
    stored = json.loads(json.dumps(dialog.to_dict()))
    again = Dialog.from_dict(stored)
    assert again == dialog
    assert again.request("BYE").to_bytes() == dialog.request("BYE").to_bytes()
