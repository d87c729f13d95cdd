"""From, To, Contact, Route: `"display" <uri>;params` (RFC 3261 20.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import ClassVar

from sip.errors import ParseError
from sip.grammar import QUOTED, TOKEN_CHARS, Params, format_params, parse_params, quote, split_list, unquote
from sip.tolerance import LENIENT, Tolerance
from sip.uri import Uri

_BRACKETED = re.compile(r"([^<\"]*+)<([^<>]++)>[ \t]*+(.*+)", re.DOTALL)
_TOKENS = re.compile(rf"[{TOKEN_CHARS} \t]*+")
_TOKENS_OR_RAW = re.compile(rf"(?:[{TOKEN_CHARS} \t]|[^\x00-\x7f])*+")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """An address with its display name and header parameters.

    display  without quotes and escapes; "" when absent
    params   names in lower case, values as written; treat as read-only
    """

    uri: Uri
    display: str = ""
    params: Params = field(default_factory=dict)

    STAR: ClassVar[NameAddr]
    """`Contact: *`: all bindings (RFC 3261 10.2.2)."""

    @property
    def tag(self) -> str | None:
        """The tag parameter, None when absent (RFC 2543 peers, requests outside a dialog)."""
        return self.params.get("tag")

    @property
    def is_star(self) -> bool:
        """True for `Contact: *`."""
        return self.uri.scheme == "*"

    def with_tag(self, tag: str | None) -> NameAddr:
        """The same address with this tag; None takes the tag away."""
        params = {name: value for name, value in self.params.items() if name != "tag"}
        if tag is not None:
            params["tag"] = tag
        return replace(self, params=params)

    @staticmethod
    def parse(text: str, *, where: str = "address", tolerance: Tolerance = LENIENT) -> NameAddr:
        """Read one address, with or without angle brackets; ParseError otherwise."""
        text = text.strip(" \t")
        if text == "*":
            return NameAddr.STAR
        display = ""
        rest = text
        if text[:1] == '"':
            quoted = QUOTED.match(text)
            if quoted is None:
                raise ParseError(where, "unterminated quoted string", text)
            display, rest = unquote(quoted[0]), text[quoted.end() :]
        found = _BRACKETED.fullmatch(rest)
        if found is None:
            if display or rest is not text:
                raise ParseError(where, "display name without an address in <>", text)
            return _parse_bare(text, where, tolerance)
        if found[1] and not found[1].isspace():
            if rest is not text:
                raise ParseError(where, "text between display name and '<'", text)
            display = _unquoted_display(found[1], where, tolerance)
        return NameAddr(_uri(found[2], where, tolerance), display, parse_params(found[3], where))

    @staticmethod
    def parse_many(text: str, *, where: str = "address", tolerance: Tolerance = LENIENT) -> list[NameAddr]:
        """Read a comma list of addresses."""
        return [NameAddr.parse(part, where=where, tolerance=tolerance) for part in split_list(text, where)]

    def __str__(self) -> str:
        if self.is_star:
            return "*"
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{format_params(self.params)}"


NameAddr.STAR = NameAddr(Uri("*", None, ""))


def _parse_bare(text: str, where: str, tolerance: Tolerance) -> NameAddr:
    # Without brackets all after the first ';' belongs to the header, and ',' and '?' may not occur (RFC 3261 20).
    address, semicolon, params = text.partition(";")
    address = address.rstrip(" \t")
    if "," in address or "?" in address:
        raise ParseError(where, "',' or '?' in an address without <>", text)
    return NameAddr(_uri(address, where, tolerance), "", parse_params(semicolon + params, where))


def _unquoted_display(text: str, where: str, tolerance: Tolerance) -> str:
    allowed = _TOKENS_OR_RAW if tolerance.raw_display_name else _TOKENS
    if allowed.fullmatch(text) is None:
        raise ParseError(where, "display name needs quotes", text)
    return text.strip(" \t")


def _uri(text: str, where: str, tolerance: Tolerance) -> Uri:
    try:
        uri = Uri.parse(text)
    except ParseError as error:
        raise ParseError(where, f"{error.what} URI", text) from error
    if "_" in uri.host and uri.is_sip and not tolerance.host_underscore:
        raise ParseError(where, "underscore in the host name", text)
    return uri
