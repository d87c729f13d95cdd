"""RTSP messages as a server reads and writes them (RFC 2326 4 to 7, 10.12). No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_HEAD = 16 * 1024
MAX_BODY = 64 * 1024
VERSION = "RTSP/1.0"
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    451: "Parameter Not Understood",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "RTSP Version Not Supported",
    551: "Option Not Supported",
}


class BadMessage(Exception):
    """The client's bytes are no RTSP; the message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case."""

    method: str
    uri: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: str = VERSION


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A packet within the connection (RFC 2326 10.12)."""

    channel: int
    packet: bytes


class RequestFramer:
    """Bytes of a connection in, whole requests and interleaved packets out. Holds one unfinished message at most."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Request | Interleaved]:
        """What is complete now. Raises BadMessage."""
        self._pending += data
        found: list[Request | Interleaved] = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Request | Interleaved | None:
        while self._pending[:2] == b"\r\n":  # some clients end a body with an empty line
            del self._pending[:2]
        if self._pending[:1] == b"$":
            return self._packet()
        end = self._pending.find(b"\r\n\r\n")
        if end > MAX_HEAD or (end < 0 and len(self._pending) > MAX_HEAD):
            raise BadMessage("the head of a request has no end")
        return None if end < 0 else self._request(end)

    def _packet(self) -> Interleaved | None:
        if len(self._pending) < 4:
            return None
        end = 4 + int.from_bytes(self._pending[2:4], "big")
        if len(self._pending) < end:
            return None
        packet = Interleaved(self._pending[1], bytes(self._pending[4:end]))
        del self._pending[:end]
        return packet

    def _request(self, end: int) -> Request | None:
        first, *lines = self._pending[:end].decode("utf-8", "replace").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("RTSP/"):
            raise BadMessage("no request line")
        fields = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or len(length) > 6 or int(length) > MAX_BODY:
            raise BadMessage("no believable Content-Length")
        stop = end + 4 + int(length)
        if len(self._pending) < stop:
            return None
        body = bytes(self._pending[end + 4 : stop])
        del self._pending[:stop]
        return Request(parts[0], parts[1], headers, body, parts[2])


def response(status: int, cseq: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """A response as it goes onto the wire; a body gets its length."""
    lines = [f"{VERSION} {status} {REASONS[status]}", f"CSeq: {cseq}", "Server: gbsim"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet framed for the connection."""
    return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet
