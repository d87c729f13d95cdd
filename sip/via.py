"""Via (RFC 3261 20.42, RFC 3581)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from sip.errors import ParseError
from sip.grammar import TOKEN_CHARS, Params, format_params, parse_params, split_list

MAGIC_COOKIE = "z9hG4bK"

_VIA = re.compile(
    rf"""SIP[ \t]*+/[ \t]*+(\d++\.\d++)[ \t]*+/[ \t]*+([{TOKEN_CHARS}]++)[ \t]++
    (\[[0-9a-fA-F:.]++\]|[A-Za-z0-9._-]++)
    (?:[ \t]*+:[ \t]*+(\d{{1,5}}))?+
    [ \t]*+(;.*+)?""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Via:
    """One hop.

    transport  upper case: "UDP", "TCP", "TLS" or any other token
    host       sent-by, as written
    port       None when not written
    params     names in lower case, values as written (a bare `rport` is None); treat as read-only
    version    of SIP; other than "2.0" only in what is going to be refused
    """

    transport: str
    host: str
    port: int | None = None
    params: Params = field(default_factory=dict)
    version: str = "2.0"

    @property
    def branch(self) -> str | None:
        """The branch parameter as written, None when absent (RFC 2543)."""
        return self.params.get("branch")

    @property
    def is_rfc3261(self) -> bool:
        """True when the branch alone identifies the transaction: the magic cookie with something after it (17.2.3)."""
        branch = self.branch
        return branch is not None and len(branch) > 7 and branch[:7].lower() == "z9hg4bk"

    def with_params(self, **params: str | None) -> Via:
        """The same hop with these parameters set, in place where they were, else at the end."""
        return replace(self, params={**self.params, **params})

    @staticmethod
    def parse(text: str) -> Via:
        """Read one hop; ParseError otherwise."""
        found = _VIA.fullmatch(text.strip(" \t"))
        if found is None:
            raise ParseError("Via", "malformed", text)
        version, transport, host, port, params = found.groups()
        number = None if port is None else int(port)
        if number is not None and number > 65535:
            raise ParseError("Via", "port above 65535", text)
        return Via(transport.upper(), host, number, parse_params(params or "", "Via"), version)

    @staticmethod
    def split_many(text: str) -> list[str]:
        """The texts of the hops in one header value, top first."""
        return split_list(text, "Via")

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/{self.version}/{self.transport} {self.host}{port}{format_params(self.params)}"
