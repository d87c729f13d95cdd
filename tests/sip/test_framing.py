"""Messages cut from a TCP stream, whatever the network and the device did to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.framing import MAX_GARBAGE, StreamFramer
from sip.message import parse_message
from sip.tolerance import LENIENT, STRICT

KEEPALIVE = (
    b"MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP 198.51.100.20:5060;branch=z9hG4bKk1\r\n"
    b"CSeq: 20 MESSAGE\r\nContent-Type: Application/MANSCDP+xml\r\n"
    b"Content-Length: 32\r\n\r\n<?xml version='1.0'?><Notify/>\r\n"
)
ANSWER = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\nl: 0\r\n\r\n"
FOLDED = b"SIP/2.0 200 OK\nVia: SIP/2.0/TCP h\nContent-Length:\n 3\n\nabc"
NO_LENGTH = b"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nContent-Type: Application/MANSCDP+xml\r\n\r\n"
NO_LENGTH_SDP = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\nc: application/sdp\r\n\r\n"
NO_BODY = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n"
XML = b'<?xml version="1.0" encoding="GB2312"?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType></Notify>'
SDP = b"v=0\r\no=a 0 0 IN IP4 192.0.2.1\r\ny=0200000001\r\n"


def whole(stream: bytes, framer: StreamFramer | None = None) -> list[bytes | str]:
    framer = framer or StreamFramer()
    return [str(item) if isinstance(item, ParseError) else item for item in [*framer.feed(stream), *framer.flush()]]


def byte_by_byte(stream: bytes) -> list[bytes | str]:
    framer = StreamFramer()
    taken: list[bytes | ParseError] = []
    for position in range(len(stream)):
        taken += framer.feed(stream[position : position + 1])
    taken += framer.flush()
    return [str(item) if isinstance(item, ParseError) else item for item in taken]


def test_many_messages_in_one_segment() -> None:
    assert whole(KEEPALIVE + ANSWER + FOLDED + KEEPALIVE) == [KEEPALIVE, ANSWER, FOLDED, KEEPALIVE]


def test_one_message_in_many_segments() -> None:
    framer = StreamFramer()
    assert framer.feed(KEEPALIVE[:40]) == []
    assert framer.feed(KEEPALIVE[40:-1]) == []
    assert framer.feed(KEEPALIVE[-1:] + ANSWER[:5]) == [KEEPALIVE]
    assert framer.feed(ANSWER[5:]) == [ANSWER]


def test_line_ends_and_nuls_between_messages_are_keepalives() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n\r\n" + ANSWER + b"\r\n\r\n\0\0" + ANSWER) == [ANSWER, ANSWER]
    assert (framer.keepalives, framer.skipped, framer.broken) == (4, 0, False)


def test_binary_heartbeats_are_skipped_and_told_once_for_each_stretch() -> None:
    framer = StreamFramer()
    taken = framer.feed(b"\x24\x01\x02\n\x24\x01\x02\n" + ANSWER + b"\xff\xfe" + ANSWER)
    assert [type(item) for item in taken] == [ParseError, bytes, ParseError, bytes]
    assert str(taken[0]) == "stream: 8 bytes that are no SIP message: '$\\x01\\x02\\n'"
    assert (framer.skipped, framer.broken) == (10, False)


def test_a_content_length_that_is_too_short_costs_one_message_only() -> None:
    short = KEEPALIVE.replace(b"Content-Length: 32", b"Content-Length: 22")
    taken = whole(short + ANSWER)
    assert taken[0] == short[:-10]
    assert taken[-1] == ANSWER
    assert len(taken) == 3


SHORT = NO_LENGTH.replace(b"\r\n\r\n", b"\r\nContent-Length: 60\r\n\r\n")


def test_xml_cut_by_a_short_content_length_is_read_to_the_end_of_its_root() -> None:
    framer = StreamFramer()
    assert framer.feed(SHORT + XML[:65]) == []
    assert framer.waiting_for_silence
    assert framer.feed(XML[65:] + ANSWER) == [SHORT + XML, ANSWER]
    message = parse_message(SHORT + XML, datagram=False)
    assert (message.body, message.repaired) == (XML, ("short_length",))


def test_xml_that_never_ends_is_cut_where_content_length_says() -> None:
    cut = SHORT + XML[:60]
    assert whole(cut) == [cut]
    assert whole(cut + KEEPALIVE + SHORT + XML) == [cut, KEEPALIVE, SHORT + XML]
    assert whole(cut + b"x" * 70_000)[0] == cut
    assert whole(cut + ANSWER, StreamFramer(replace(LENIENT, short_length=False))) == [cut, ANSWER]


def test_strict_reading_breaks_the_connection_at_the_first_garbage() -> None:
    framer = StreamFramer(STRICT)
    taken = framer.feed(b"garbage\r\n" + ANSWER)
    assert [type(item) for item in taken] == [ParseError]
    assert framer.broken
    assert framer.feed(ANSWER) == []
    assert framer.flush() == []


@pytest.mark.parametrize("garbage", [b"x" * 200, b"y" * 79 + b"\n"])
def test_too_much_garbage_breaks_the_connection_in_bounded_memory(garbage: bytes) -> None:
    framer = StreamFramer()
    taken: list[bytes | ParseError] = []
    fed = 0
    while not framer.broken:
        taken += framer.feed(garbage)
        fed += len(garbage)
    assert len(taken) == 1
    assert isinstance(taken[0], ParseError)
    assert fed <= MAX_GARBAGE + 8192


def test_garbage_without_a_line_end_is_dropped_in_slices() -> None:
    taken = whole(b"\x01" * 5000 + b"\n" + ANSWER)
    assert taken[1:] == [ANSWER]


def test_without_length_and_type_there_is_no_body() -> None:
    assert whole(NO_BODY + ANSWER) == [NO_BODY, ANSWER]


def test_an_xml_body_without_content_length_ends_with_its_root() -> None:
    framer = StreamFramer()
    assert framer.feed(NO_LENGTH + XML[:50]) == []
    assert framer.waiting_for_silence
    assert framer.feed(XML[50:]) == [NO_LENGTH + XML]
    assert not framer.waiting_for_silence
    assert whole(NO_LENGTH + b"<Notify a='1'/>" + ANSWER) == [NO_LENGTH + b"<Notify a='1'/>", ANSWER]
    assert whole(NO_LENGTH + b"\xef\xbb\xbf" + XML + ANSWER) == [NO_LENGTH + b"\xef\xbb\xbf" + XML, ANSWER]
    assert whole(NO_LENGTH + XML[:60]) == [NO_LENGTH + XML[:60]]


def test_an_sdp_body_without_content_length_ends_where_its_lines_end() -> None:
    assert whole(NO_LENGTH_SDP + SDP + ANSWER) == [NO_LENGTH_SDP + SDP, ANSWER]
    assert whole(NO_LENGTH_SDP + SDP + b"\r\n" + ANSWER) == [NO_LENGTH_SDP + SDP, ANSWER]
    assert whole(NO_LENGTH_SDP + SDP) == [NO_LENGTH_SDP + SDP]


def test_a_body_that_does_not_show_itself_is_none() -> None:
    assert whole(NO_LENGTH + ANSWER) == [NO_LENGTH, ANSWER]
    assert whole(NO_LENGTH) == [NO_LENGTH]


def test_a_body_without_end_breaks_the_connection() -> None:
    framer = StreamFramer()
    taken = framer.feed(NO_LENGTH + b"<Notify>" + b"x" * 70_000)
    assert [type(item) for item in taken] == [ParseError]
    assert framer.broken


def test_strict_reading_leaves_a_missing_length_to_the_parser() -> None:
    framer = StreamFramer(replace(LENIENT, missing_length=False))
    taken = framer.feed(NO_LENGTH + ANSWER)
    assert taken == [NO_LENGTH, ANSWER]


def test_a_length_that_is_no_number_is_left_to_the_parser() -> None:
    broken = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nContent-Length: -5\r\n\r\n"
    taken = whole(broken + ANSWER)
    assert taken == [broken, ANSWER]
    with pytest.raises(ParseError, match="Content-Length"):
        parse_message(broken, datagram=False)


@pytest.mark.parametrize("length", [b"1048577", b"99999999999999999999"])
def test_a_message_above_one_megabyte_breaks_the_connection_but_can_be_answered(length: bytes) -> None:
    framer = StreamFramer()
    taken = framer.feed(KEEPALIVE.replace(b"Content-Length: 32", b"Content-Length: " + length))
    assert len(taken) == 1
    error = taken[0]
    assert isinstance(error, ParseError)
    assert error.status == 513
    assert error.headers is not None
    assert error.headers.get("CSeq") == "20 MESSAGE"
    assert framer.broken


def test_an_overlarge_response_has_nobody_to_answer_and_neither_has_a_broken_head() -> None:
    for data in (ANSWER.replace(b"l: 0", b"l: 2000000"), b"A sip:b SIP/2.0\r\nX: \r y\r\nl: 2000000\r\n\r\n"):
        (error,) = StreamFramer().feed(data)
        assert isinstance(error, ParseError)
        assert error.headers is None


def test_headers_without_end_break_the_connection() -> None:
    framer = StreamFramer()
    taken: list[bytes | ParseError] = framer.feed(b"OPTIONS sip:a@b SIP/2.0\r\n")
    for _ in range(1000):
        taken += framer.feed(b"X: " + b"y" * 100 + b"\r\n")
    assert [str(item) for item in taken] == ["headers: more than 65535 bytes"]
    assert framer.broken


def test_other_schemes_and_versions_reach_the_parser() -> None:
    odd = b"OPTIONS tel:+86 SIP/7.0\r\nVia: SIP/2.0/TCP h\r\nl: 0\r\n\r\n"
    assert whole(odd + ANSWER) == [odd, ANSWER]


PIECES = [
    *(KEEPALIVE, ANSWER, FOLDED, NO_LENGTH + XML, NO_LENGTH_SDP + SDP, NO_BODY, b"\r\n\r\n", b"\0", b"\r", b"\n"),
    NO_LENGTH.replace(b"\r\n\r\n", b"\r\nl: 60\r\n\r\n") + XML,
    NO_LENGTH.replace(b"\r\n\r\n", b"\r\nl: 50\r\n\r\n") + XML[:50],
    *(b"\x24\x00garbage", b"line\r\n", NO_LENGTH, b"v=", b"<a", b"Content-Length: 9", b"x" * 4100, b"SIP/2.0 200"),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join))
def test_the_cut_of_the_stream_makes_no_difference(stream: bytes) -> None:
    assert byte_by_byte(stream) == whole(stream)


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_arbitrary_bytes_never_raise(segments: list[bytes]) -> None:
    framer = StreamFramer()
    for segment in segments:
        framer.feed(segment)
    framer.flush()


def test_a_message_begun_is_known_and_so_is_how_much_is_kept() -> None:
    framer = StreamFramer()
    framer.feed(b"\r\n\r\n")
    assert (framer.in_message, framer.held) == (False, 0)
    framer.feed(KEEPALIVE[:60])
    assert (framer.in_message, framer.held) == (True, 60)
    assert framer.feed(KEEPALIVE[60:]) == [KEEPALIVE]
    assert (framer.in_message, framer.held) == (False, 0)
    framer.feed(b"\x00\xff\xfe heartbeat")
    assert not framer.in_message
