"""From bytes to start line, header list and body offset: what can be told of a message without knowing its headers.

All limits are checked before anything is cut, so that a hostile message costs about as much as an honest one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sip.errors import ParseError
from sip.grammar import TOKEN_CHARS
from sip.headers import MAX_HEADERS
from sip.tolerance import Tolerance

MAX_DATAGRAM = 65_535
MAX_MESSAGE = 1_048_576
MAX_HEAD = 65_535  # start line and headers
MAX_START_LINE = 4_096
MAX_HEADER_LINE = 8_192  # after unfolding
_MAX_LINES = 2 * MAX_HEADERS  # folded lines included

_HEADER = re.compile(rf"^([{TOKEN_CHARS}]++)[ \t]*+:[ \t]*+([^\r\n]*+)\r\n", re.MULTILINE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LONE_CR = re.compile(r"\r(?!\n)")
# Blanks are looked at from their first one only: from each of them, a line of blanks would cost its length squared.
_FOLD = re.compile(r"(?:(?<![ \t])[ \t]++)?+\r\n[ \t]++")

Pairs = list[tuple[str, str]]


@dataclass(slots=True)
class Head:
    """start_line without its line end; headers in wire order; body_at: offset of the body in the bytes given;
    repaired: the tolerances that were needed."""

    start_line: str
    headers: Pairs
    body_at: int
    repaired: list[str]


def read_head(data: bytes, tolerance: Tolerance) -> Head:
    """Cut the head of one message that starts at offset 0 (leading line ends already gone)."""
    end = data.find(b"\r\n\r\n")
    line_end = data.find(b"\n")
    if end < 0 or data[line_end - 1] != 13:
        return _read_unusual(data, tolerance)
    head = _text(data[: end + 2])
    line, _, rest = head.partition("\r\n")
    pairs = _HEADER.findall(rest)
    if len(pairs) != head.count("\n") - 1 or "\r" in line:
        return _read_unusual(data, tolerance)
    if len(line) > MAX_START_LINE:
        raise ParseError("start line", "too long", line)
    if len(head) > MAX_HEADER_LINE:
        _refuse_long_lines(pairs)
    return Head(line, [(name, value.rstrip(" \t")) for name, value in pairs], end + 4, [])


def _text(raw: bytes) -> str:
    # Both limits hold before a single line is cut or decoded.
    if len(raw) > MAX_HEAD:
        raise ParseError("headers", f"more than {MAX_HEAD} bytes", status=513)
    if raw.count(b"\n") > _MAX_LINES:
        raise ParseError("headers", f"more than {_MAX_LINES} lines")
    return raw.decode("utf-8", "surrogateescape")


def _read_unusual(data: bytes, tolerance: Tolerance) -> Head:
    """The head of a message with folded lines, bare LF or lines that are no header."""
    found = _BLANK_LINE.search(data, 0, MAX_HEAD + 4)
    if found is None:
        raise ParseError("headers", "no empty line after the headers", _shown(data))
    repaired: list[str] = []
    text = _text(data[: found.start()]) + "\r\n"
    if text.count("\n") != text.count("\r\n"):
        if not tolerance.bare_lf:
            raise ParseError("headers", "line ended by LF alone", _shown(data))
        repaired.append("bare_lf")
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    if _LONE_CR.search(text):
        raise ParseError("headers", "CR without LF", _shown(data))
    line, _, rest = text.partition("\r\n")
    if len(line) > MAX_START_LINE:
        raise ParseError("start line", "too long", line)
    pairs = _pairs(_FOLD.sub(" ", rest), tolerance, repaired)
    _refuse_long_lines(pairs)
    return Head(line, pairs, found.end(), repaired)


def _pairs(text: str, tolerance: Tolerance, repaired: list[str]) -> Pairs:
    pairs: Pairs = []
    for line in text.split("\r\n"):
        found = _HEADER.fullmatch(line + "\r\n")
        if found is not None:
            pairs.append((found[1], found[2].rstrip(" \t")))
        elif line:
            if not tolerance.junk_header_line:
                raise ParseError("headers", "not a header line", line)
            if "junk_header_line" not in repaired:
                repaired.append("junk_header_line")
    return pairs


def _refuse_long_lines(pairs: Pairs) -> None:
    for name, value in pairs:
        if len(name) + len(value) > MAX_HEADER_LINE:
            raise ParseError(name[:40], f"header longer than {MAX_HEADER_LINE} characters", value)


def _shown(data: bytes) -> str:
    return data[:80].decode("utf-8", "backslashreplace")
