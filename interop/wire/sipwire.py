"""SIP by hand: messages as templates, split with plain text operations, sent from plain sockets.

Nothing here knows the project's own stack; that is what makes it a judge of it (RFC 3261, RFC 2617, RFC 7616).
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "m": "contact",
    "i": "call-id",
    "c": "content-type",
    "l": "content-length",
    "s": "subject",
    "o": "event",
    "u": "allow-events",
    "e": "content-encoding",
    "k": "supported",
}
_REASONS = {100: "Trying", 200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_REASONS |= {481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated", 488: "Not Here"}
_numbers = itertools.count(1)


class WireTimeout(Exception):
    """Nobody answered in time."""


class WireRefused(Exception):
    """The other side answered with an error; `split` is its answer."""

    def __init__(self, split: Split) -> None:
        super().__init__(f"{split.status} {split.start}")
        self.split = split
        self.status = split.status


@dataclass(slots=True)
class Split:
    """One SIP message cut at its blank line; header values as received."""

    raw: bytes
    start: str
    lines: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> str | None:
        """First value of a header (long name, any case), or None."""
        return next((value for key, value in self.lines if key == name.lower()), None)

    def need(self, name: str) -> str:
        """First value of a header that must be there."""
        value = self.get(name)
        if value is None:
            raise ValueError(f"no {name} in {self.start!r}")
        return value

    def all(self, name: str) -> list[str]:
        """Every value of a header in order."""
        return [value for key, value in self.lines if key == name.lower()]

    @property
    def status(self) -> int:
        """Status code of a response, 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Method of a request, or of the CSeq of a response."""
        return self.need("cseq").split()[1].upper() if self.status else self.start.split()[0].upper()

    @property
    def text(self) -> str:
        """Body as text: UTF-8 where it decodes so, else GB 18030."""
        return body_text(self.body)


@dataclass(frozen=True, slots=True)
class Path:
    """Where a message goes: a UDP address, or an open TCP stream."""

    transport: str
    host: str
    port: int
    writer: asyncio.StreamWriter | None = field(default=None, compare=False)


def body_text(body: bytes) -> str:
    """Text of an XML or SDP body; UTF-8 is tried before GB 18030."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("gb18030", "replace")


def split(data: bytes) -> Split:
    """Cut a message at its blank line. Header names come back lower-case and long; folded lines are joined."""
    head, _, body = data.lstrip(b"\r\n\0").partition(b"\r\n\r\n")
    rows = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    lines = []
    for row in rows[1:]:
        name, colon, value = row.partition(":")
        if not colon:
            raise ValueError(f"header line without colon: {row!r}")
        key = name.strip().lower()
        lines.append((_COMPACT.get(key, key), value.strip()))
    return Split(data, rows[0], lines, body)


def take_stream(buffer: bytearray) -> list[bytes]:
    """Take every complete message off the front of a TCP stream (RFC 3261 18.3)."""
    out: list[bytes] = []
    while True:
        while buffer[:2] == b"\r\n":
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return out
        found = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", bytes(buffer[:end]))
        total = end + 4 + (int(found[1]) if found else 0)
        if len(buffer) < total:
            return out
        out.append(bytes(buffer[:total]))
        del buffer[:total]


def build(start: str, lines: Iterable[str], body: bytes = b"") -> bytes:
    """A message from its start line, ready header lines, and body; Content-Length is written last."""
    rows = [start, *lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(rows).encode("utf-8", "surrogateescape") + body


def fresh(prefix: str = "") -> str:
    """A text not used before in this process, and hardly elsewhere."""
    return f"{prefix}{secrets.token_hex(4)}{next(_numbers)}"


def tag_of(value: str) -> str | None:
    """The tag of a From or To value."""
    found = re.search(r";\s*tag=([^;\s>]+)", value)
    return found[1] if found else None


def uri_of(value: str) -> str:
    """The URI of a From, To or Contact value, with or without angle brackets."""
    found = re.search(r"<([^>]*)>", value)
    return found[1] if found else value.split(";")[0].strip()


def user_of(value: str) -> str:
    """The user part of the URI in a From, To or Contact value."""
    return uri_of(value).partition(":")[2].partition("@")[0]


def element(xml: str, name: str) -> str | None:
    """Text of the first element of that name, by plain search."""
    found = re.search(rf"<{name}(?:\s[^>]*)?>([^<]*)</{name}>", xml)
    return found[1].strip() if found else None


def digest_fields(value: str) -> dict[str, str]:
    """Parameters of a `Digest …` header value, quotes taken off."""
    pairs = re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', value.partition(" ")[2])
    return {key.lower(): quoted or plain for key, quoted, plain in pairs}


def digest_response(
    *,
    user: str,
    realm: str,
    password: str,
    method: str,
    uri: str,
    nonce: str,
    algorithm: str = "MD5",
    qop: str = "",
    nc: str = "",
    cnonce: str = "",
) -> str:
    """The `response` of RFC 2617 3.2.2.1 (MD5) or RFC 7616 (SHA-256), with qop=auth or without."""
    name = "sha256" if algorithm.upper() == "SHA-256" else "md5"

    def h(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    ha1, ha2 = h(f"{user}:{realm}:{password}"), h(f"{method}:{uri}")
    return h(f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}" if qop else f"{ha1}:{nonce}:{ha2}")


def authorization(challenge: str, *, user: str, password: str, method: str, uri: str) -> str:
    """The Authorization value that answers a WWW-Authenticate value."""
    asked = digest_fields(challenge)
    algorithm = asked.get("algorithm", "MD5")
    qop = "auth" if "auth" in re.split(r"[,\s]+", asked.get("qop", "")) else ""
    nc, cnonce = ("00000001", secrets.token_hex(4)) if qop else ("", "")
    response = digest_response(
        user=user,
        realm=asked["realm"],
        password=password,
        method=method,
        uri=uri,
        nonce=asked["nonce"],
        algorithm=algorithm,
        qop=qop,
        nc=nc,
        cnonce=cnonce,
    )
    text = f'Digest username="{user}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", '
    text += f'response="{response}", algorithm={algorithm}'
    if "opaque" in asked:
        text += f', opaque="{asked["opaque"]}"'
    return text + (f', qop=auth, nc={nc}, cnonce="{cnonce}"' if qop else "")


def credentials_hold(value: str, *, password: str, method: str, nonces: set[str]) -> bool:
    """Whether an Authorization value answers one of our nonces with this password."""
    said = digest_fields(value)
    expected = digest_response(
        user=said.get("username", ""),
        realm=said.get("realm", ""),
        password=password,
        method=method,
        uri=said.get("uri", ""),
        nonce=said.get("nonce", ""),
        algorithm=said.get("algorithm", "MD5"),
        qop=said.get("qop", ""),
        nc=said.get("nc", ""),
        cnonce=said.get("cnonce", ""),
    )
    return said.get("nonce") in nonces and said.get("response") == expected


def answer_bytes(
    request: Split,
    status: int,
    *,
    source: Path,
    to_tag: str,
    lines: Iterable[str] = (),
    body: bytes = b"",
    reason: str | None = None,
) -> bytes:
    """A response that copies what RFC 3261 8.2.6.2 says, with received and rport filled in the top Via."""
    vias = request.all("via")
    filled = re.sub(r";rport(?!=)", f";rport={source.port};received={source.host}", vias[0], count=1)
    to = request.need("to")
    if status > 100 and not tag_of(to):
        to += f";tag={to_tag}"
    rows = [f"Via: {via}" for via in (filled, *vias[1:])]
    rows += [f"From: {request.need('from')}", f"To: {to}", f"Call-ID: {request.need('call-id')}"]
    rows += [f"CSeq: {request.need('cseq')}", *lines]
    return build(f"SIP/2.0 {status} {reason or _REASONS.get(status, 'Answer')}", rows, body)
