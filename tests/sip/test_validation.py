"""The answers to requests that are well-formed but cannot be worked with, and to those that are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip.errors import ParseError
from sip.message import LENIENT, STRICT, Request, Response, parse_message
from sip.validation import Rejection, discard_reason, refusal, validate_request

METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "MESSAGE", "REGISTER", "SUBSCRIBE")
MESSAGE = (
    b"MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 198.51.100.20:5060;rport;branch=z9hG4bKk1\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=a\r\n"
    b"To: <sip:34020000002000000001@3402000000>\r\n"
    b"Call-ID: 1@198.51.100.20\r\n"
    b"CSeq: 20 MESSAGE\r\n"
    b"Content-Type: Application/MANSCDP+xml\r\n"
    b"Content-Length: 4\r\n\r\n<a/>"
)
OK = MESSAGE.replace(b"MESSAGE sip:34020000002000000001@3402000000 SIP/2.0", b"SIP/2.0 200 OK")


def request(*changes: tuple[bytes, bytes]) -> Request:
    data = MESSAGE
    for old, new in changes:
        assert old in data
        data = data.replace(old, new)
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def response(*changes: tuple[bytes, bytes]) -> Response:
    data = OK
    for old, new in changes:
        data = data.replace(old, new)
    message = parse_message(data)
    assert isinstance(message, Response)
    return message


def rejection(*changes: tuple[bytes, bytes], **options: object) -> Rejection:
    found = validate_request(request(*changes), methods=METHODS, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_keepalive_message_may_be_processed() -> None:
    assert validate_request(request(), methods=METHODS, content_types={"application/manscdp+xml"}) is None
    assert validate_request(request(), methods=METHODS, tolerance=STRICT) is None


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_a_missing_header_is_named_in_the_reason(name: bytes) -> None:
    found = rejection((b"\r\n" + name + b":", b"\r\nX:"))
    assert (found.status, found.reason) == (400, f"Bad Request ({name.decode()}: missing)")


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards"])
def test_a_repeated_single_header_is_refused(name: str) -> None:
    message = request()
    for _ in range(2):
        message.headers.add(name, message.headers.get(name) or "70")
    found = validate_request(message, methods=METHODS)
    assert found == Rejection(400, f"Bad Request ({name}: given more than once)")


def test_a_method_not_served_and_one_nobody_knows() -> None:
    allow = ("Allow", "ACK, BYE, CANCEL, INVITE, MESSAGE, OPTIONS, REGISTER, SUBSCRIBE")
    assert rejection((b"MESSAGE", b"PUBLISH")) == Rejection(405, "Method Not Allowed", (allow,))
    assert rejection((b"MESSAGE", b"FOO")) == Rejection(501, "Not Implemented", (allow,))


def test_the_method_of_cseq_must_agree() -> None:
    assert rejection((b"20 MESSAGE", b"20 INVITE")).reason == "Bad Request (CSeq: not the method of the request)"


def test_uris_that_cannot_be_served() -> None:
    assert rejection((b"MESSAGE sip:34020000002000000001@3402000000", b"MESSAGE tel:110")).status == 416
    assert rejection((b"3402000000 SIP", b"3402000000?a=b SIP")).status == 400
    assert rejection((b"MESSAGE", b"REGISTER"), (b"To: <sip:", b"To: <isbn:")).status == 400


def test_hops_are_counted_by_those_who_forward() -> None:
    spent = (b"CSeq", b"Max-Forwards: 0\r\nCSeq")
    assert rejection(spent, forwards=True) == Rejection(483, "Too Many Hops")
    assert validate_request(request(spent), methods=METHODS) is None


def test_extensions_that_are_not_supported_are_named() -> None:
    asked = (b"CSeq", b"Require: timer, 100rel\r\nRequire:\r\nCSeq")
    assert rejection(asked, extensions={"timer"}) == Rejection(420, "Bad Extension", (("Unsupported", "100rel"),))
    assert validate_request(request(asked), methods=METHODS, extensions={"timer", "100rel"}) is None
    assert validate_request(request(asked, (b"MESSAGE", b"ACK")), methods=METHODS) is None
    assert rejection((b"CSeq", b"Require: a,,b\r\nCSeq")).status == 420


def test_bodies_that_are_not_understood() -> None:
    types = {"application/sdp"}
    assert rejection(content_types=types) == Rejection(415, "Unsupported Media Type", (("Accept", "application/sdp"),))
    untyped = (b"Content-Type: Application/MANSCDP+xml\r\n", b"")
    assert validate_request(request(untyped), methods=METHODS, content_types=types) is None
    packed = rejection(untyped, (b"CSeq", b"Content-Encoding: gzip\r\nCSeq"), content_types=types)
    assert packed.headers == (("Accept-Encoding", "identity"),)


def test_an_invite_that_accepts_no_sdp() -> None:
    invite = (b"MESSAGE", b"INVITE")
    assert rejection(invite, (b"CSeq", b"Accept: text/x\r\nCSeq")).status == 406
    assert rejection(invite, (b"CSeq", b"Accept:\r\nCSeq")).status == 406
    for accepted in (b"text/x, application/SDP;q=1", b"*/*", b"application/*"):
        message = request(invite, (b"CSeq", b"Accept: " + accepted + b"\r\nCSeq"))
        assert validate_request(message, methods=METHODS) is None


def test_a_contact_is_read_where_it_matters() -> None:
    broken = (b"CSeq", b"Contact: <broken>\r\nCSeq")
    assert validate_request(request(broken), methods=METHODS) is None
    assert rejection(broken, (b"MESSAGE", b"SUBSCRIBE")).reason == "Bad Request (Contact: malformed URI)"


def test_dates_of_the_standard_are_dates_and_others_a_named_tolerance() -> None:
    strict = replace(LENIENT, any_date=False)
    good = request((b"CSeq", b"Date: 2024-05-06T14:03:12.345\r\nCSeq"))
    assert validate_request(good, methods=METHODS, tolerance=strict) is None
    odd = (b"CSeq", b"Date: yesterday\r\nCSeq")
    assert validate_request(request(odd), methods=METHODS) is None
    assert rejection(odd, tolerance=strict).reason == "Bad Request (Date: not a date)"


def test_an_empty_branch_is_a_named_tolerance() -> None:
    empty = (b"z9hG4bKk1", b"z9hG4bK")
    assert validate_request(request(empty), methods=METHODS) is None
    assert rejection(empty, tolerance=replace(LENIENT, empty_branch=False)).status == 400


def refused(data: bytes) -> Response | None:
    with pytest.raises(ParseError) as caught:
        parse_message(data)
    return refusal(caught.value)


def test_an_unparsable_request_is_answered_from_its_headers() -> None:
    answer = refused(MESSAGE.replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"))
    assert answer is not None
    assert bytes(answer) == (
        b"SIP/2.0 505 Version Not Supported (start line: SIP version not supported)\r\n"
        b"Via: SIP/2.0/UDP 198.51.100.20:5060;rport;branch=z9hG4bKk1\r\n"
        b"From: <sip:34020000001180000001@3402000000>;tag=a\r\n"
        b"To: <sip:34020000002000000001@3402000000>\r\n"
        b"Call-ID: 1@198.51.100.20\r\n"
        b"CSeq: 20 MESSAGE\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_what_cannot_or_must_not_be_answered_is_not() -> None:
    bad = MESSAGE.replace(b"Content-Length: 4", b"Content-Length: x")
    assert refused(bad) is not None
    assert refused(bad.replace(b"MESSAGE", b"ACK")) is None
    assert refused(bad.replace(b"Call-ID", b"X")) is None
    assert refused(bad.replace(b"SIP/2.0/UDP", b"what")) is None
    assert refused(OK.replace(b"Content-Length: 4", b"Content-Length: x")) is None


def test_responses_that_must_be_dropped() -> None:
    assert discard_reason(response()) is None
    assert discard_reason(response((b"20 MESSAGE", b"9292394834772304023312 MESSAGE"))) is not None
    twice = (b"CSeq: 20 MESSAGE", b"CSeq: 20 MESSAGE\r\nCSeq: 20 MESSAGE")
    assert discard_reason(response(twice)) == "CSeq: given more than once"
    for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq"):
        assert discard_reason(response((b"\r\n" + name + b":", b"\r\nX:"))) == f"{name.decode()}: missing"


def test_more_than_one_via_in_a_response_is_a_named_tolerance() -> None:
    grown = response((b"From:", b"Via: SIP/2.0/UDP other\r\nFrom:"))
    assert discard_reason(grown) is None
    assert discard_reason(grown, tolerance=STRICT) == "more than one Via"
