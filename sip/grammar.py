"""The pieces of RFC 3261 section 25 that every header is made of: token, quoted string, comma list, ;parameters.

All of it runs in linear time on any input: the scanners never go back over what they have read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sip.errors import ParseError

Params = Mapping[str, str | None]
NO_PARAMS: Params = MappingProxyType({})

TOKEN_CHARS = r"-!%*_+.`'~0-9A-Za-z"
TOKEN = re.compile(rf"[{TOKEN_CHARS}]+")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)

_LIST_STOP = re.compile(r'[",<]')
_PARAM = re.compile(
    rf"[ \t]*+;[ \t]*+([{TOKEN_CHARS}]++)"  # ;name
    r'(?:[ \t]*+=[ \t]*+("(?:[^"\\]|\\.)*+"|[^;,"<>\s]++))?+[ \t]*+'  # [=value]: token, host, IPv6
)
_PLAIN = re.compile(rf"(?:;[{TOKEN_CHARS}]++(?:=[^;,\"<>\s]++)?+)+")


def is_token(text: str) -> bool:
    """True for a non-empty RFC 3261 token."""
    return TOKEN.fullmatch(text) is not None


def parse_params(text: str, where: str) -> Params:
    """`;a=b;c;d="x"` to an ordered mapping: names in lower case, values as written (quotes kept), None for a bare name.

    The first of two equal names wins. An empty text gives no parameters; an empty parameter (`;;`) is an error.
    """
    if not text:
        return NO_PARAMS
    params: dict[str, str | None] = {}
    if _PLAIN.fullmatch(text):
        for part in text[1:].split(";"):
            name, equals, value = part.partition("=")
            params.setdefault(name.lower(), value if equals else None)
        return params
    position = 0
    while position < len(text):
        found = _PARAM.match(text, position)
        if found is None:
            raise ParseError(where, "malformed parameter", text[position:])
        params.setdefault(found[1].lower(), found[2])
        position = found.end()
    return params


def format_params(params: Params) -> str:
    """The text form, with its leading semicolon; empty for no parameters."""
    if not params:
        return ""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params.items())


def split_list(text: str, where: str) -> list[str]:
    """Cut a comma list at the commas outside quotes and angle brackets; every element must hold something."""
    if "," not in text:
        elements = [text.strip(" \t")]
    else:
        elements = _cut(text, where)
    if not all(elements):
        raise ParseError(where, "empty element in the list", text)
    return elements


def _cut(text: str, where: str) -> list[str]:
    elements: list[str] = []
    start = position = 0
    while (stop := _LIST_STOP.search(text, position)) is not None:
        sign, position = stop[0], stop.end()
        if sign == ",":
            elements.append(text[start : stop.start()].strip(" \t"))
            start = position
        elif sign == "<":
            position = text.find(">", position) + 1
            if position == 0:
                raise ParseError(where, "'<' without '>'", text)
        else:
            quoted = QUOTED.match(text, stop.start())
            if quoted is None:
                raise ParseError(where, "unterminated quoted string", text)
            position = quoted.end()
    elements.append(text[start:].strip(" \t"))
    return elements


def unquote(text: str) -> str:
    """The inside of a quoted string with its backslash escapes undone; other text unchanged."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


def quote(text: str) -> str:
    """A quoted string holding the text (RFC 3261 25.1 quoted-string)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def whole_number(text: str, where: str, limit: int) -> int:
    """Digits (leading zeros allowed) to an int of at most `limit`."""
    digits = text.strip(" \t")
    if not (digits.isascii() and digits.isdigit()):
        raise ParseError(where, "not a number", text)
    # Leading zeros are legal and unbounded; what counts is what remains, and it is short.
    significant = digits.lstrip("0") or "0"
    if len(significant) > 20 or int(significant) > limit:
        raise ParseError(where, f"number above {limit}", text)
    return int(significant)
