"""Messages out of a byte stream (RFC 3261 18.3, 7.5), surviving what devices put between and into them on TCP.

What comes out depends on the bytes alone, never on how the network cut them.
"""

from __future__ import annotations

import re

from sip.errors import ParseError
from sip.grammar import TOKEN_CHARS
from sip.head import MAX_HEAD, MAX_MESSAGE, MAX_START_LINE, read_head
from sip.headers import Headers
from sip.tolerance import LENIENT, Tolerance

MAX_GARBAGE = 65_536
MAX_OPEN_BODY = 65_536  # a body whose end must be guessed

_START_LINE = re.compile(rf"SIP/\d|[{TOKEN_CHARS}]++ ++(?:sips?:|\S++ ++SIP/\d)".encode(), re.IGNORECASE)
_START_LINE_WITHIN = re.compile(rb"SIP/2\.0 \d{3}|[A-Z]{3,16} ++sips?:[^\s\0<>]++ ++SIP/2\.0\r?\n")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*+:(?:[ \t]|\r?\n[ \t])*+(\d++)", re.IGNORECASE | re.MULTILINE)
_HAS_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*+:", re.IGNORECASE | re.MULTILINE)
_HAS_TYPE = re.compile(rb"^(?:content-type|c)[ \t]*+:", re.IGNORECASE | re.MULTILINE)
_XML_ROOT = re.compile(rb"\s*+(?:<\?[^>]*+>\s*+)?<([A-Za-z_][\w.-]*+)([^<>]*+)>")
_SDP_LINE = re.compile(rb"[A-Za-z]=[^\n]*+\n")


class StreamFramer:
    """Cuts one connection's bytes into messages.

    keepalives  line ends met between messages (RFC 5626 3.5.1 pings are two of them)
    skipped     bytes that belonged to no message
    broken      True after a fault one cannot resynchronise from: the connection has to be closed
    """

    def __init__(self, tolerance: Tolerance = LENIENT) -> None:
        self.keepalives = 0
        self.skipped = 0
        self.broken = False
        self._tolerance = tolerance
        self._buffer = bytearray()
        self._garbage = 0  # bytes of the present run of garbage
        self._garbage_start = b""
        self._started = False  # the buffer begins with a start line
        self._scanned = 0  # bytes already searched for what ends the present part
        self._body_at = 0  # 0 until the headers are complete
        self._total: int | None = None  # bytes of the whole message, None while unknown
        self._declared: int | None = None  # what Content-Length made of it, once that has proved to cut the XML

    def feed(self, data: bytes) -> list[bytes | ParseError]:
        """Take bytes, give back every message now complete, and an error for each stretch that was none."""
        if self.broken:
            return []
        self._buffer += data
        return self._take_all(at_end=False)

    def flush(self) -> list[bytes | ParseError]:
        """The stream has ended or fallen silent: a message without Content-Length is complete as it is."""
        return [] if self.broken else self._take_all(at_end=True)

    @property
    def waiting_for_silence(self) -> bool:
        """True while perhaps only silence ends the message at hand: call flush() after about half a second of it."""
        return self._body_at > 0 and self._total is None

    @property
    def in_message(self) -> bool:
        """True while a message has begun and not ended."""
        return self._started

    @property
    def held(self) -> int:
        """Bytes kept of what is not complete."""
        return len(self._buffer)

    def _take_all(self, at_end: bool) -> list[bytes | ParseError]:
        taken: list[bytes | ParseError] = []
        while not self.broken and (item := self._take(at_end)) is not None:
            taken.append(item)
        if self.broken:
            self._buffer.clear()
        return taken

    def _take(self, at_end: bool) -> bytes | ParseError | None:
        if not self._started:
            error = self._find_start()
            if error is not None or not self._started:
                return error
        if not self._body_at:
            error = self._find_body()
            if error is not None or not self._body_at:
                return error
        if self._total is None:
            error = self._find_total(at_end)
            if error is not None or self._total is None:
                return error
        if len(self._buffer) < self._total:
            return None
        if self._declared is None and self._tolerance.short_length and self._cuts_xml(self._total):
            self._declared, self._total = self._total, None
            return self._take(at_end)
        message = bytes(self._buffer[: self._total])
        del self._buffer[: self._total]
        self._started, self._body_at, self._scanned, self._total, self._declared = False, 0, 0, None, None
        return message

    def _find_total(self, at_end: bool) -> ParseError | None:
        """Find the end of a message whose Content-Length is missing or cuts the XML."""
        if self._declared is not None:
            self._total = self._end_beyond(self._declared, at_end)
            return None
        self._total = self._guess_total(at_end)
        if self._total is None and len(self._buffer) - self._body_at > MAX_OPEN_BODY:
            return self._break("Content-Length", "missing, and no end of the body in sight")
        return None

    def _cuts_xml(self, total: int) -> bool:
        """True when the body is XML whose root is still open at the declared end."""
        root = self._xml_root(self._body_at, total)
        return root is not None and not root[2].endswith(b"/") and self._buffer.find(_closing(root), 0, total) < 0

    def _end_beyond(self, declared: int, at_end: bool) -> int | None:
        """End of XML that goes on after the declared end: its root's end tag if that comes before the next message."""
        root = self._xml_root(self._body_at, declared)
        if root is None:
            return declared
        following = _START_LINE_WITHIN.search(self._buffer, declared)
        limit = min(following.start() if following else len(self._buffer), declared + MAX_OPEN_BODY)
        closing = _closing(root)
        found = self._buffer.find(closing, root.end(), limit)
        if found >= 0:
            return found + len(closing)
        waiting = following is None and len(self._buffer) < declared + MAX_OPEN_BODY and not at_end
        return None if waiting else declared

    def _find_start(self) -> ParseError | None:
        """Drop what precedes the next start line; an error once a stretch of garbage is over."""
        buffer = self._buffer
        while True:
            self._drop_blank()
            line_end = buffer.find(b"\n", self._scanned, MAX_START_LINE)
            if line_end < 0:
                self._scanned = len(buffer)
                if len(buffer) < MAX_START_LINE:
                    return None
                self._skip(MAX_START_LINE)
            elif _START_LINE.match(buffer, 0, line_end + 1):
                self._started, self._scanned = True, 0
                return self._garbage_over()
            else:
                found = _START_LINE_WITHIN.search(buffer, 0, line_end + 1)
                self._skip(found.start() if found else line_end + 1)
            if self._garbage > MAX_GARBAGE or (self._garbage and not self._tolerance.resynchronise):
                return self._break("stream", "no SIP message", bytes(self._garbage_start))

    def _drop_blank(self) -> None:
        buffer = self._buffer
        if self._scanned or not buffer or buffer[0] not in b"\r\n\0":
            return
        size = len(buffer) - len(buffer.lstrip(b"\r\n\0"))
        self.keepalives += buffer.count(b"\n", 0, size)
        del buffer[:size]

    def _skip(self, size: int) -> None:
        if not self._garbage:
            self._garbage_start = bytes(self._buffer[: min(size, 80)])
        self._garbage += size
        self.skipped += size
        del self._buffer[:size]
        self._scanned = 0

    def _garbage_over(self) -> ParseError | None:
        if not self._garbage:
            return None
        what = f"{self._garbage} bytes that are no SIP message"
        self._garbage = 0
        return ParseError("stream", what, _shown(self._garbage_start))

    def _find_body(self) -> ParseError | None:
        """Find the end of the headers and, from Content-Length, the end of the message."""
        found = _BLANK_LINE.search(self._buffer, self._scanned)
        end = len(self._buffer) if found is None else found.end()
        if end > MAX_HEAD:
            return self._break("headers", f"more than {MAX_HEAD} bytes", status=513)
        if found is None:
            self._scanned = max(0, end - 3)
            return None
        head = bytes(self._buffer[:end])
        length = _LENGTH.search(head)
        if length is not None:
            digits = length[1].lstrip(b"0")
            if len(digits) > 9 or end + int(digits or b"0") > MAX_MESSAGE:
                return self._too_large(head)
            self._total = end + int(digits or b"0")
        elif _HAS_LENGTH.search(head) or not _HAS_TYPE.search(head) or not self._tolerance.missing_length:
            self._total = end  # no body, or a Content-Length the parser will refuse
        self._body_at, self._scanned = end, 0
        return None

    def _guess_total(self, at_end: bool) -> int | None:
        """End of a body without Content-Length: the XML root's end tag or the last SDP line; None to wait for more."""
        size = len(self._buffer)
        start = self._body_at
        if size - start < 2:
            return size if at_end else None
        if self._buffer.startswith(b"v=", start):
            end = self._end_of_sdp(max(self._scanned, start))
            return size if end is None and at_end else end
        if self._buffer[start] not in b"< \t\r\n\xef":
            return start
        end = self._end_of_xml(start)
        return size if end is None and at_end else end

    def _end_of_sdp(self, position: int) -> int | None:
        while (line := _SDP_LINE.match(self._buffer, position)) is not None:
            position = line.end()
        self._scanned = position
        rest = self._buffer[position : position + 2]
        if len(rest) < 2 or rest[1:] == b"=":
            return None
        return position

    def _end_of_xml(self, start: int) -> int | None:
        root = self._xml_root(start, start + 1024)
        if root is None:
            return None
        if root[2].endswith(b"/"):
            return root.end()
        closing = _closing(root)
        found = self._buffer.find(closing, max(self._scanned, root.end()))
        if found < 0:
            self._scanned = max(root.end(), len(self._buffer) - len(closing))
            return None
        return found + len(closing)

    def _xml_root(self, start: int, end: int) -> re.Match[bytes] | None:
        at = start + 3 if self._buffer.startswith(b"\xef\xbb\xbf", start) else start
        return _XML_ROOT.match(self._buffer, at, end)

    def _too_large(self, head: bytes) -> ParseError:
        error = self._break("Content-Length", f"message above {MAX_MESSAGE} bytes", status=513)
        if head[:4].upper() != b"SIP/":
            try:
                error.headers = Headers(read_head(head, self._tolerance).headers[:64])
            except ParseError:
                error.headers = None
        return error

    def _break(self, where: str, what: str, seen: bytes = b"", status: int = 400) -> ParseError:
        self.broken = True
        return ParseError(where, what, _shown(seen), status)


def _closing(root: re.Match[bytes]) -> bytes:
    return b"</" + root[1] + b">"


def _shown(data: bytes) -> str:
    return data[:80].decode("utf-8", "backslashreplace")
