"""Start line, headers and body offset from bytes, and the limits that hold before anything is cut."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.head import MAX_HEAD, MAX_HEADER_LINE, MAX_START_LINE, read_head
from sip.tolerance import LENIENT, STRICT


def test_a_plain_head_is_cut_at_the_empty_line() -> None:
    head = read_head(b"A b SIP/2.0\r\nVia:1\r\nTo: x \r\nS:\r\n\r\nbody\r\n\r\n", STRICT)
    assert head.start_line == "A b SIP/2.0"
    assert head.headers == [("Via", "1"), ("To", "x"), ("S", "")]
    assert (head.body_at, head.repaired) == (34, [])


def test_folded_lines_become_one() -> None:
    head = read_head(b"A b SIP/2.0\r\nVia : a\r\n\t b \r\n  c\r\nTo:\r\n x\r\n\r\n", STRICT)
    assert head.headers == [("Via", "a b c"), ("To", "x")]


@pytest.mark.parametrize(
    "data", [b"A b SIP/2.0\nVia: 1\nTo: x\n\nbody", b"A b SIP/2.0\r\nVia: 1\nTo: x\r\n\nbody\r\n\r\n"]
)
def test_bare_line_feeds_are_forgiven_by_name(data: bytes) -> None:
    head = read_head(data, LENIENT)
    assert head.headers == [("Via", "1"), ("To", "x")]
    assert data[head.body_at :].startswith(b"body")
    assert head.repaired == ["bare_lf"]
    with pytest.raises(ParseError, match="LF alone"):
        read_head(data, replace(LENIENT, bare_lf=False))


def test_lines_that_are_no_header_are_left_out_by_name() -> None:
    data = b"A b SIP/2.0\r\nVia: 1\r\nno colon here\r\nbad name: x\r\n: y\r\nTo: x\r\n\r\n"
    head = read_head(data, LENIENT)
    assert head.headers == [("Via", "1"), ("To", "x")]
    assert head.repaired == ["junk_header_line"]
    with pytest.raises(ParseError, match="not a header line"):
        read_head(data, replace(LENIENT, junk_header_line=False))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no empty line"),
        (b"A b SIP/2.0\r\nVia: 1\r\n", "no empty line"),
        (b"A b SIP/2.0\r\nVia: 1\rTo: 2\r\n\r\n", "CR without LF"),
        (b"SIP/2.0 200 O\rK\r\nVia: 1\r\n\r\n", "CR without LF"),
        (b"A" * (MAX_START_LINE + 1) + b"\r\nVia: 1\r\n\r\n", "too long"),
        (b"A" * (MAX_START_LINE + 1) + b"\r\nVia: 1\r\n 2\r\n\r\n", "too long"),
        (b"A b SIP/2.0\r\nX: " + b"x" * MAX_HEADER_LINE + b"\r\n\r\n", "header longer"),
        (b"A b SIP/2.0\r\nX: x" + b"\r\n xxxxxxxxxxxxxxxxxxxxxxxxxxxx" * 400 + b"\r\n\r\n", "header longer"),
        (b"A b SIP/2.0\r\n" + b"X: y\r\n" * 6000 + b"\r\n", "more than 512 lines"),
        (b"A b SIP/2.0\r\nX: y\r\n " + b"X: y\r\n" * 6000 + b"\r\n", "more than 512 lines"),
    ],
)
def test_what_is_too_long_or_broken_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(ParseError, match=what):
        read_head(data, LENIENT)


def test_a_head_above_64_kilobytes_is_too_large() -> None:
    with pytest.raises(ParseError) as caught:
        read_head(b"A b SIP/2.0\r\n" + b"X: y\r\n" * 12_000 + b"\r\n", LENIENT)
    assert caught.value.status == 513
    with pytest.raises(ParseError):
        read_head(b"A b SIP/2.0\nX: " + b"y" * MAX_HEAD + b"\n\n", LENIENT)


@given(st.binary())
def test_header_bytes_of_any_charset_come_back_identical(value: bytes) -> None:
    value = value.translate(None, b"\r\n").strip()
    head = read_head(b"A b SIP/2.0\r\nX: " + value + b"\r\n\r\n", STRICT)
    assert head.headers[0][1].encode("utf-8", "surrogateescape") == value


PIECES = [b"A b\r\n", b"V: 1\r\n", b" f\r\n", b"junk\n", b"\r\n", b"\r", b"\n", b":"]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_any_bytes_are_a_head_or_a_parse_error(data: bytes) -> None:
    for tolerance in (LENIENT, STRICT):
        try:
            head = read_head(data, tolerance)
        except ParseError:
            continue
        assert data[: head.body_at].endswith(b"\n")


BLANKS = b" \t" * 32_000


@pytest.mark.parametrize(
    "line",
    [b"Via:" + BLANKS + b"\r\0", b"Via:" + BLANKS + b"x\nTo: y", b"Vi" + BLANKS + b"a: x\nTo: y", BLANKS + b"\nTo: y"],
    ids=["before a lone CR", "in a value", "in a name", "alone"],
)
def test_a_datagram_full_of_blanks_costs_no_more_than_another(line: bytes) -> None:
    # Looked at once from each of its blanks, each of these would take most of a minute.
    for _ in range(10):
        with contextlib.suppress(ParseError):
            read_head(b"A b SIP/2.0\r\n" + line + b"\r\n\r\n", LENIENT)


@pytest.mark.parametrize(
    ("folded", "value"),
    [("a\r\n  \r\n b", "a  b"), ("a \t\r\n\tb", "a b"), ("a \r\n b \r\n c", "a b c"), ("\r\n \r\n a", "a")],
)
def test_a_fold_and_the_blanks_around_it_are_one_blank(folded: str, value: str) -> None:
    head = read_head(f"A b SIP/2.0\r\nVia:{folded}\r\nTo: x\r\n\r\n".encode(), STRICT)
    assert head.headers == [("Via", value), ("To", "x")]
