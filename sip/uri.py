"""SIP URIs (RFC 3261 19.1, GB/T 28181-2022 6.1.2: `sip:` 20-digit code `@` ten-digit domain)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from sip.errors import ParseError
from sip.grammar import NO_PARAMS, Params, format_params

_SIP = re.compile(
    r"""(sips?):
    (?:([^@<>"\s\x00-\x1f]++)@)?                 # userinfo: RFC 3261 lets ; ? / stand in it unescaped
    (\[[0-9a-fA-F:.]++\]|[A-Za-z0-9._-]++)       # IPv6 reference, address, name, or a ten-digit domain
    (?::(\d{1,5}))?
    ((?:;[^;?@<>"\s]++)*+)
    (?:\?([^<>"\s]++))?""",
    re.VERBOSE | re.IGNORECASE,
)
_OTHER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*+):([^<>\"\s]++)")
_CACHED = 256  # longest text remembered: real URIs are under 80 characters


@dataclass(frozen=True, slots=True)
class Uri:
    """One URI.

    scheme   "sip" or "sips" in lower case; any other as written
    user     the userinfo as written, escapes (and a password) included; None when absent
    host     as written; for a scheme other than sip and sips, everything after the colon
    port     None when not written
    params   names in lower case, values as written; treat as read-only
    headers  what follows '?', as written
    """

    scheme: str
    user: str | None
    host: str
    port: int | None = None
    params: Params = field(default_factory=dict)
    headers: str = ""

    @staticmethod
    def parse(text: str) -> Uri:
        """Read one URI, without angle brackets; ParseError otherwise."""
        return _remembered(text) if len(text) <= _CACHED else _read(text)

    @property
    def is_sip(self) -> bool:
        """True for the schemes a SIP element routes by itself."""
        return self.scheme in ("sip", "sips")

    @property
    def decoded_user(self) -> str:
        """The user with its %-escapes undone (bytes that are no UTF-8 as surrogates); "" when absent."""
        if self.user is None or "%" not in self.user:
            return self.user or ""
        return unquote_to_bytes(self.user).decode("utf-8", "surrogateescape")

    def __str__(self) -> str:
        if not self.is_sip:
            return f"{self.scheme}:{self.host}"
        user = "" if self.user is None else f"{self.user}@"
        port = "" if self.port is None else f":{self.port}"
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{format_params(self.params)}{headers}"

    def __hash__(self) -> int:
        return hash((self.scheme, self.user, self.host, self.port))


def _read(text: str) -> Uri:
    found = _SIP.fullmatch(text)
    if found is None:
        return _read_other(text)
    scheme, user, host, port, params, headers = found.groups()
    number = None if port is None else int(port)
    if number is not None and number > 65535:
        raise ParseError("URI", "port above 65535", text)
    return Uri(scheme.lower(), user, host, number, _uri_params(params), headers or "")


def _read_other(text: str) -> Uri:
    found = _OTHER.fullmatch(text)
    if found is None or found[1].lower() in ("sip", "sips"):
        raise ParseError("URI", "malformed", text)
    return Uri(found[1], None, found[2])


def _uri_params(text: str) -> Params:
    # A URI's parameters may hold characters a header's may not (RFC 3261 25.1 paramchar), so they are cut here.
    if not text:
        return NO_PARAMS
    params: dict[str, str | None] = {}
    for part in text[1:].split(";"):
        name, equals, value = part.partition("=")
        params.setdefault(name.lower(), value if equals else None)
    return params


_remembered = lru_cache(maxsize=4096)(_read)
