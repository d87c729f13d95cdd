"""Messages read from and written to bytes, and answers to requests."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import LocalError, ParseError
from sip.headers import Headers
from sip.message import LENIENT, REASONS, STRICT, Request, Response, parse_message, response_to
from sip.uri import Uri

REGISTER = (
    b"REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 198.51.100.20:5060;rport;branch=z9hG4bKr2\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=d1a7\r\n"
    b"To: <sip:34020000001180000001@3402000000>\r\n"
    b"Call-ID: 7f3a9c20@198.51.100.20\r\n"
    b"CSeq: 2 REGISTER\r\n"
    b"Contact: <sip:34020000001180000001@198.51.100.20:5060>\r\n"
    b"Max-Forwards: 70\r\n"
    b"Expires: 3600\r\n"
    b"X-GB-Ver: 3.0\r\n"
    b"Content-Length: 0\r\n\r\n"
)
HEAD = b"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCall-ID: 1\r\n"


def request(data: bytes, **options: object) -> Request:
    message = parse_message(data, **options)  # type: ignore[arg-type]
    assert isinstance(message, Request)
    return message


def response(data: bytes, **options: object) -> Response:
    message = parse_message(data, **options)  # type: ignore[arg-type]
    assert isinstance(message, Response)
    return message


def test_a_registration_is_read_and_written_back_byte_for_byte() -> None:
    message = request(REGISTER, tolerance=STRICT)
    assert (message.method, str(message.uri)) == ("REGISTER", "sip:34020000002000000001@3402000000")
    assert message.headers.get("x-gb-ver") == "3.0"
    assert message.repaired == ()
    assert bytes(message) == REGISTER
    assert request(bytes(message)) == message


def test_a_response_is_read_and_written_back_byte_for_byte() -> None:
    data = b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h\r\nl: 0\r\n\r\n"
    message = response(data, tolerance=STRICT)
    assert (message.status, message.reason, message.start_line) == (401, "Unauthorized", "SIP/2.0 401 Unauthorized")
    assert bytes(message) == data


def test_leading_line_ends_are_skipped() -> None:
    assert bytes(request(b"\r\n\r\n\n" + REGISTER)) == REGISTER


def test_gbk_bytes_in_a_header_are_written_back_identical() -> None:
    data = HEAD + b"Subject: " + "东门".encode("gbk") + b"\r\nContent-Length: 2\r\n\r\n\xb6\xab"
    message = request(data, tolerance=STRICT)
    assert bytes(message) == data
    assert message.body == b"\xb6\xab"


def test_the_content_length_written_is_always_right() -> None:
    message = Request("MESSAGE", Uri.parse("sip:a@b"), Headers([("Via", "x")]), b"abc")
    assert bytes(message).endswith(b"Via: x\r\nContent-Length: 3\r\n\r\nabc")
    message.headers = Headers([("l", "99"), ("Via", "x"), ("Content-Length", "7")])
    assert bytes(message) == b"MESSAGE sip:a@b SIP/2.0\r\nl: 3\r\nVia: x\r\n\r\nabc"


def test_a_line_end_in_the_start_line_is_never_written() -> None:
    with pytest.raises(LocalError):
        bytes(Response(400, "Bad\r\nX: y", Headers()))


def test_methods_in_mixed_case_are_forgiven_by_name() -> None:
    data = REGISTER.replace(b"REGISTER", b"Register")
    message = request(data)
    assert (message.method, message.cseq, message.repaired) == ("REGISTER", (2, "REGISTER"), ("any_method_case",))
    assert request(data, tolerance=STRICT).method == "Register"
    assert request(data.replace(b"Register sip", b"myMethod sip")).method == "myMethod"


@pytest.mark.parametrize(
    "line", [b"MESSAGE  sip:a@b SIP/2.0", b"MESSAGE sip:a@b SIP/2.0 ", b" MESSAGE sip:a@b\tSIP/2.0"]
)
def test_blanks_in_the_start_line_are_forgiven_by_name(line: bytes) -> None:
    data = line + b"\r\nVia: SIP/2.0/UDP h\r\n\r\n"
    assert request(data).repaired == ("loose_start_line",)
    with pytest.raises(ParseError, match="start line"):
        parse_message(data, tolerance=replace(LENIENT, loose_start_line=False))


def test_status_lines_without_reason_or_with_blanks_are_forgiven_by_name() -> None:
    short = b"SIP/2.0 200\r\nVia: SIP/2.0/UDP h\r\n\r\n"
    assert (response(short).reason, response(short).repaired) == ("", ("missing_reason",))
    loose = b"SIP/2.0  200  OK \r\nVia: SIP/2.0/UDP h\r\n\r\n"
    assert (response(loose).reason, response(loose).repaired) == ("OK", ("loose_start_line",))
    for data in (short, loose):
        with pytest.raises(ParseError):
            parse_message(data, tolerance=STRICT)


def test_the_version_is_read_in_any_letter_case() -> None:
    assert response(b"sip/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\n\r\n", tolerance=STRICT).status == 200
    assert request(HEAD.replace(b"SIP/2.0\r\nVia", b"sip/2.0\r\nVia") + b"\r\n", tolerance=STRICT).method == "MESSAGE"


@pytest.mark.parametrize(
    ("line", "status", "what"),
    [
        (b"MESSAGE sip:a@b SIP/3.0", 505, "version"),
        (b"SIP/3.0 200 OK", 505, "version"),
        (b"SIP/2.0 999 Odd", 400, "no such status"),
        (b"SIP/2.0 099 Odd", 400, "no such status"),
        (b"SIP/2.0 2000 OK", 400, "not SIP/2.0 status reason"),
        (b"MESSAGE sip:a@b", 400, "not METHOD uri"),
        (b"MESSAGE sip:a@b HTTP/1.1", 400, "not METHOD uri"),
        (b"GET / HTTP/1.1", 400, "not METHOD uri"),
        (b"MESSAGE sip: SIP/2.0", 400, "malformed"),
        (b"", 400, "not METHOD uri"),
    ],
)
def test_start_lines_that_cannot_be_served_are_refused(line: bytes, status: int, what: str) -> None:
    data = line + b"\r\nVia: SIP/2.0/UDP h\r\n\r\n"
    if not line:
        data = b"Via: x\r\n\r\n"
    with pytest.raises(ParseError, match=what) as caught:
        parse_message(data)
    assert caught.value.status == status
    assert (caught.value.headers is None) == line.startswith(b"SIP/")


def test_an_underscore_in_the_request_uri_can_be_forbidden() -> None:
    data = HEAD.replace(b"sip:a@b", b"sip:a@NVR_01") + b"\r\n"
    assert request(data).uri.host == "NVR_01"
    with pytest.raises(ParseError, match="underscore"):
        parse_message(data, tolerance=replace(LENIENT, host_underscore=False))


def test_padded_content_length_is_a_number() -> None:
    assert request(HEAD + b"Content-Length:   3  \r\n\r\nabc", tolerance=STRICT).body == b"abc"


@pytest.mark.parametrize(("declared", "strict_body"), [(b"1", b"<"), (b"0", b""), (b"9", None)])
def test_the_end_of_the_datagram_wins_over_content_length_by_name(declared: bytes, strict_body: bytes | None) -> None:
    data = HEAD + b"Content-Length: " + declared + b"\r\n\r\n<a/>"
    message = request(data)
    assert (message.body, message.repaired) == (b"<a/>", ("datagram_end",))
    if strict_body is None:
        with pytest.raises(ParseError, match="larger than"):
            parse_message(data, tolerance=STRICT)
    else:
        assert request(data, tolerance=STRICT).body == strict_body


@pytest.mark.parametrize("surplus", [b"\r\n", b"\0\0\0\0", b"\r\nSIP/2.0 200 OK\r\n", b"BYE sip:a@b SIP/2.0\r\n"])
def test_padding_and_a_second_message_are_no_body(surplus: bytes) -> None:
    message = request(HEAD + b"Content-Length: 4\r\n\r\n<a/>" + surplus)
    assert (message.body, message.repaired) == (b"<a/>", ())


def test_without_content_length_the_datagram_is_the_body() -> None:
    assert request(HEAD + b"\r\n<a/>", tolerance=STRICT).body == b"<a/>"


def test_on_a_stream_content_length_rules() -> None:
    data = HEAD + b"Content-Length: 4\r\n\r\n<a/>"
    assert request(data + b"rest", datagram=False, tolerance=STRICT).body == b"<a/>"
    longer = request(data + b"rest", datagram=False)
    assert (longer.body, longer.repaired) == (b"<a/>rest", ("short_length",))
    with pytest.raises(ParseError, match="larger than"):
        parse_message(data[:-1], datagram=False)
    assert request(HEAD + b"\r\n<a/>", datagram=False).body == b"<a/>"
    with pytest.raises(ParseError, match="missing on a stream"):
        parse_message(HEAD + b"\r\n<a/>", datagram=False, tolerance=STRICT)


def test_two_different_content_lengths_are_refused_and_two_equal_ones_are_not() -> None:
    with pytest.raises(ParseError, match="more than once"):
        parse_message(HEAD + b"Content-Length: 4\r\nl: 3\r\n\r\n<a/>")
    assert request(HEAD + b"Content-Length: 4\r\nl: 4\r\n\r\n<a/>").body == b"<a/>"


def test_sizes_are_bounded() -> None:
    with pytest.raises(ParseError) as caught:
        parse_message(HEAD + b"\r\n" + b"x" * 65_536)
    assert caught.value.status == 513
    with pytest.raises(ParseError):
        parse_message(HEAD + b"\r\n" + b"x" * 1_048_577, datagram=False)
    with pytest.raises(ParseError, match="more than 256"):
        parse_message(HEAD + b"X: y\r\n" * 300 + b"\r\n")


def test_an_answer_copies_what_identifies_the_request() -> None:
    answer = response_to(request(REGISTER), 200, to_tag="s9k2", headers=[("Expires", "3600")])
    assert bytes(answer) == (
        b"SIP/2.0 200 OK\r\n"
        b"Via: SIP/2.0/UDP 198.51.100.20:5060;rport;branch=z9hG4bKr2\r\n"
        b"From: <sip:34020000001180000001@3402000000>;tag=d1a7\r\n"
        b"To: <sip:34020000001180000001@3402000000>;tag=s9k2\r\n"
        b"Call-ID: 7f3a9c20@198.51.100.20\r\n"
        b"CSeq: 2 REGISTER\r\n"
        b"Expires: 3600\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_an_answer_keeps_the_tag_a_dialog_has_and_a_100_adds_none() -> None:
    tagged = request(REGISTER.replace(b"\r\nCall-ID", b";tag=old\r\nCall-ID"))
    assert response_to(tagged, 200, to_tag="new").to.tag == "old"
    assert response_to(request(REGISTER), 100, to_tag="new").to.tag is None


def test_an_answer_copies_record_route_into_what_makes_a_dialog() -> None:
    message = request(HEAD + b"Record-Route: <sip:p;lr>\r\nTimestamp: 54\r\nVia: SIP/2.0/UDP i\r\n\r\n")
    assert response_to(message, 200).headers.get("Record-Route") == "<sip:p;lr>"
    assert "Record-Route" not in response_to(message, 404).headers
    assert response_to(message, 100).headers.get("Timestamp") == "54"
    assert response_to(message, 200).headers.get_all("Via") == ["SIP/2.0/UDP h", "SIP/2.0/UDP i"]


def test_an_unreadable_to_is_answered_all_the_same() -> None:
    message = request(HEAD + b'To: "open <sip:a@b>\r\n\r\n')
    assert response_to(message, 400, to_tag="x").headers.get("To") == '"open <sip:a@b>;tag=x'
    message.headers.set("To", '"open <sip:a@b>;tag=y')
    assert response_to(message, 400, to_tag="x").headers.get("To") == '"open <sip:a@b>;tag=y'


def test_the_phrase_is_the_standard_one_unless_given() -> None:
    message = request(REGISTER)
    assert response_to(message, 486).reason == REASONS[486]
    assert response_to(message, 486, "All lines taken", body=b"x").reason == "All lines taken"
    assert response_to(message, 599).reason == "Unknown"


def test_secrets_are_not_in_the_repr() -> None:
    message = request(REGISTER.replace(b"X-GB-Ver: 3.0", b'Authorization: Digest response="720785d4"'))
    assert "720785d4" not in repr(message)


@given(st.binary(max_size=400), st.booleans())
def test_arbitrary_bytes_are_a_message_or_a_parse_error(data: bytes, datagram: bool) -> None:
    for tolerance in (LENIENT, STRICT):
        try:
            parse_message(data, datagram=datagram, tolerance=tolerance)
        except ParseError:
            continue


LINES = [
    *(b"MESSAGE sip:a@b SIP/2.0", b"SIP/2.0 200 OK", b"SIP/2.0 200", b"Via: SIP/2.0/UDP h", b"v: x,,", b"CSeq: 1 A"),
    *(b" fold", b"Content-Length: 3", b"l: 4", b"no colon", b"Call-ID:", b"X: \xb6\xab", b"", b"To: <sip:a@b>", b"\0"),
]


@given(st.lists(st.sampled_from(LINES)), st.sampled_from([b"\r\n", b"\n", b"\r"]), st.binary(max_size=8))
def test_mutilated_messages_are_read_and_written_back_or_refused(lines: list[bytes], end: bytes, body: bytes) -> None:
    try:
        message = parse_message(end.join([*lines, b"", body]))
    except ParseError:
        return
    written = bytes(message)
    again = parse_message(written)
    assert again.body == message.body
    assert bytes(again) == written
