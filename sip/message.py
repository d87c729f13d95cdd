"""SIP messages: read from bytes, written to bytes, answered (RFC 3261 section 7, 8.2.6, 18.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sip.errors import LocalError, ParseError
from sip.fields import HeaderFields, method_name
from sip.grammar import TOKEN_CHARS, whole_number
from sip.head import MAX_DATAGRAM, MAX_MESSAGE, Head, read_head
from sip.headers import MAX_HEADERS, Headers
from sip.reasons import REASONS
from sip.tolerance import LENIENT, STRICT, Tolerance
from sip.uri import Uri

__all__ = [
    "LENIENT",
    "REASONS",
    "STRICT",
    "Message",
    "Request",
    "Response",
    "Tolerance",
    "parse_message",
    "response_to",
]

_REQUEST_LINE = re.compile(rf"([{TOKEN_CHARS}]++) ([^ \t]++) (SIP/\d++\.\d++)", re.IGNORECASE)
_STATUS_LINE = re.compile(r"(SIP/\d++\.\d++) (\d{3}) (.*)", re.IGNORECASE | re.DOTALL)
_STATUS_WITHOUT_REASON = re.compile(r"(SIP/\d++\.\d++) (\d{3})", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t]++")
_NOTHING = b"\r\n\0 \t"
_NEXT_MESSAGE = re.compile(rb"[\r\n\0 \t]*+(?:SIP/2\.0 \d{3}|[A-Za-z]++ ++sips?:\S++ ++SIP/2\.0\r?\n)")


@dataclass(slots=True)
class Request(HeaderFields):
    """A request. `method` is upper case for the methods of SIP; `repaired` names the tolerances its reading needed."""

    method: str
    uri: Uri
    headers: Headers
    body: bytes = b""
    tolerance: Tolerance = field(default=LENIENT, repr=False, compare=False)
    repaired: tuple[str, ...] = field(default=(), repr=False, compare=False)
    _read: dict[str, tuple[Any, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def start_line(self) -> str:
        """`METHOD uri SIP/2.0`."""
        return f"{self.method} {self.uri} SIP/2.0"

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire, Content-Length made right."""
        return _write(self.start_line, self.headers, self.body)

    __bytes__ = to_bytes


@dataclass(slots=True)
class Response(HeaderFields):
    """A response; `repaired` names the tolerances its reading needed."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""
    tolerance: Tolerance = field(default=LENIENT, repr=False, compare=False)
    repaired: tuple[str, ...] = field(default=(), repr=False, compare=False)
    _read: dict[str, tuple[Any, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def start_line(self) -> str:
        """`SIP/2.0 status reason`."""
        return f"SIP/2.0 {self.status} {self.reason}"

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire, Content-Length made right."""
        return _write(self.start_line, self.headers, self.body)

    __bytes__ = to_bytes


Message: TypeAlias = Request | Response


def _write(start_line: str, headers: Headers, body: bytes) -> bytes:
    if "\n" in start_line or "\r" in start_line:
        raise LocalError("line end in the start line")
    length = str(len(body))
    lines = [start_line]
    if headers.get_all("content-length") == [length]:
        lines += [f"{name}: {value}" for name, value in headers.items()]
    else:
        pending = True
        for name, value in headers.items():
            if name.lower() in ("l", "content-length"):
                if pending:
                    lines.append(f"{name}: {length}")
                pending = False
            else:
                lines.append(f"{name}: {value}")
        if pending:
            lines.append(f"Content-Length: {length}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def parse_message(data: bytes, *, datagram: bool = True, tolerance: Tolerance = LENIENT) -> Message:
    """Read one message.

    data      a whole datagram, or exactly one message cut from a stream (see sip.framing)
    datagram  True: the end of data is the end of the message; False: Content-Length is

    Only ParseError is raised. When a request's headers could be read, the error carries them (`error.headers`),
    so that sip.validation.refusal can answer it.
    """
    if len(data) > (MAX_DATAGRAM if datagram else MAX_MESSAGE):
        raise ParseError("message", "too large", status=513)
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    head = read_head(data, tolerance)
    if len(head.headers) > MAX_HEADERS:
        raise ParseError("headers", f"more than {MAX_HEADERS}")
    headers = Headers(head.headers)
    try:
        body = _body(data, head, headers, datagram, tolerance)
        if head.start_line[:4].upper() == "SIP/":
            return _response(head, headers, body, tolerance)
        return _request(head, headers, body, tolerance)
    except ParseError as error:
        if head.start_line[:4].upper() != "SIP/":
            error.headers = headers
        raise


def _request(head: Head, headers: Headers, body: bytes, tolerance: Tolerance) -> Request:
    line = head.start_line
    found = _REQUEST_LINE.fullmatch(line)
    if found is None and tolerance.loose_start_line:
        found = _REQUEST_LINE.fullmatch(_BLANKS.sub(" ", line.strip(" \t")))
        head.repaired.append("loose_start_line")
    if found is None:
        raise ParseError("start line", "not METHOD uri SIP/2.0", line)
    if found[3].upper() != "SIP/2.0":
        raise ParseError("start line", "SIP version not supported", line, 505)
    method = method_name(found[1], tolerance)
    if method != found[1]:
        head.repaired.append("any_method_case")
    uri = Uri.parse(found[2])
    if "_" in uri.host and uri.is_sip and not tolerance.host_underscore:
        raise ParseError("Request-URI", "underscore in the host name", found[2])
    return Request(method, uri, headers, body, tolerance, tuple(head.repaired))


def _response(head: Head, headers: Headers, body: bytes, tolerance: Tolerance) -> Response:
    line = head.start_line
    found = _STATUS_LINE.fullmatch(line)
    if found is not None:
        version, status, reason = found.groups()
    else:
        version, status, reason = _unusual_status_line(head, tolerance)
    if version.upper() != "SIP/2.0":
        raise ParseError("start line", "SIP version not supported", line, 505)
    if not 100 <= int(status) <= 699:
        raise ParseError("start line", "no such status", line)
    return Response(int(status), reason, headers, body, tolerance, tuple(head.repaired))


def _unusual_status_line(head: Head, tolerance: Tolerance) -> tuple[str, str, str]:
    line = head.start_line
    if tolerance.loose_start_line:
        line = _BLANKS.sub(" ", line.strip(" \t"))
        found = _STATUS_LINE.fullmatch(line)
        if found is not None:
            head.repaired.append("loose_start_line")
            return found[1], found[2], found[3]
    found = _STATUS_WITHOUT_REASON.fullmatch(line)
    if found is None or not tolerance.missing_reason:
        raise ParseError("start line", "not SIP/2.0 status reason", head.start_line)
    head.repaired.append("missing_reason")
    return found[1], found[2], ""


def _body(data: bytes, head: Head, headers: Headers, datagram: bool, tolerance: Tolerance) -> bytes:
    """The body by RFC 3261 18.3 and, where tolerated, by the end of the data."""
    rest = data[head.body_at :]
    lengths = set(headers.get_all("content-length"))
    if not lengths:
        if not datagram and not tolerance.missing_length:
            raise ParseError("Content-Length", "missing on a stream")
        return rest
    if len(lengths) > 1:
        raise ParseError("Content-Length", "given more than once", ", ".join(sorted(lengths)))
    declared = whole_number(lengths.pop(), "Content-Length", 2**32 - 1)
    if declared == len(rest):
        return rest
    if declared > len(rest):
        if not datagram or not tolerance.datagram_end:
            raise ParseError("Content-Length", f"larger than the {len(rest)} bytes there are", str(declared))
        head.repaired.append("datagram_end")
        return rest
    forgiven_by = "datagram_end" if datagram else "short_length"
    if getattr(tolerance, forgiven_by) and _is_more_body(rest[declared:]):
        head.repaired.append(forgiven_by)
        return rest
    return rest[:declared]


def _is_more_body(surplus: bytes) -> bool:
    # Line ends, NULs or a whole next message after the body are no part of it.
    return bool(surplus.strip(_NOTHING)) and _NEXT_MESSAGE.match(surplus) is None


def response_to(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Response:
    """Answer a request (RFC 3261 8.2.6): its Via, From, To, Call-ID and CSeq, as they were written, then `headers`.

    to_tag is added when the To has none and the answer is more than 100. Record-Route is copied into answers
    that can make a dialog (12.1.1), Timestamp into a 100.
    """
    asked = request.headers
    copied: list[tuple[str, str]] = [("Via", value) for value in asked.get_all("via")]
    copied += [("Record-Route", value) for value in asked.get_all("record-route") if 100 < status < 300]
    for name in ("From", "To", "Call-ID", "CSeq"):
        value = asked.get(name)
        if value is None:
            continue
        if name == "To" and to_tag and status > 100 and not _has_tag(request):
            value = f"{value};tag={to_tag}"
        copied.append((name, value))
    if status == 100:
        copied += [("Timestamp", value) for value in asked.get_all("timestamp")]
    phrase = REASONS.get(status, "Unknown") if reason is None else reason
    return Response(status, phrase, Headers([*copied, *headers]), body)


def _has_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except ParseError:
        return ";tag=" in request.headers.get_all("to")[0].lower()
