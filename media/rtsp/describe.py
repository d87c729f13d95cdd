"""One question to an RTSP camera: what do you offer? DESCRIBE, repeated with a login when one is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from media.rtsp.address import RtspAddress
from media.rtsp.authorization import authorization, strongest
from media.rtsp.offered import offered

MAX_HEAD = 16 * 1024
MAX_BODY = 256 * 1024
METHOD = "DESCRIBE"

Refusal = Literal["not_authorised", "not_found", "refused", "no_video", "codec_not_carried", "bad_stream", "ended"]


@dataclass(frozen=True, slots=True)
class Described:
    """The outcome: ``refusal`` None means that a stream is offered which we carry."""

    refusal: Refusal | None
    detail: str = ""
    video_codec: str | None = None
    audio_codec: str | None = None


class DescribeDialogue:
    """Fed the bytes of the connection; ``outcome`` is there when all is said. ``cnonce`` is a fresh random text."""

    def __init__(self, address: RtspAddress, username: str, password: str, *, cnonce: str) -> None:
        self._uri = str(address)
        self._username = username
        self._password = password
        self._cnonce = cnonce
        self._cseq = 0
        self._tried = False
        self._pending = bytearray()
        self.outcome: Described | None = None

    def begin(self) -> bytes:
        """The first request."""
        return self._request()

    def feed(self, data: bytes) -> bytes:
        """Bytes from the camera in, bytes to it out (mostly none)."""
        self._pending += data
        answer = b""
        while self.outcome is None and (response := self._next()) is not None:
            answer += self._take(*response)
        return answer

    def closed(self) -> None:
        """The camera closed the connection."""
        if self.outcome is None:
            self.outcome = Described("ended", "it closed the connection without an answer")

    def _request(self, login: str = "") -> bytes:
        self._cseq += 1
        lines = [
            f"{METHOD} {self._uri} RTSP/1.0",
            f"CSeq: {self._cseq}",
            "Accept: application/sdp",
            "User-Agent: gb28181-gateway",
        ]
        if login:
            lines.append(f"Authorization: {login}")
        return "\r\n".join([*lines, "", ""]).encode()

    def _next(self) -> tuple[int, str, list[tuple[str, str]], bytes] | None:
        """Status, phrase, headers and body of the next whole response."""
        end = self._pending.find(b"\r\n\r\n")
        if end < 0:
            if len(self._pending) > MAX_HEAD:
                self.outcome = Described("bad_stream", "its answer has no end")
            return None
        lines = self._pending[:end].decode("utf-8", "replace").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        status, _, phrase = rest.partition(" ")
        if not version.startswith("RTSP/") or not (status.isascii() and status.isdigit() and len(status) == 3):
            self.outcome = Described("bad_stream", "it does not speak RTSP")
            return None
        fields = (line.partition(":") for line in lines[1:])
        fields = (line.partition(":") for line in lines[1:])
        headers = [(name.strip().lower(), value.strip()) for name, _, value in fields]
        length = next((value for name, value in headers if name == "content-length"), "0")
        if not (length.isascii() and length.isdigit()) or len(length) > 7 or int(length) > MAX_BODY:
            self.outcome = Described("bad_stream", "its answer has no believable length")
            return None
        body_at = end + 4
        if len(self._pending) < body_at + int(length):
            return None
        body = bytes(self._pending[body_at : body_at + int(length)])
        del self._pending[: body_at + int(length)]
        return int(status), phrase, headers, body

    def _take(self, status: int, phrase: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
        if status < 200:
            return b""
        said = f"{status} {phrase}".strip()
        if status == 401:
            return self._log_in(said, headers)
        if status == 403:
            self.outcome = Described("not_authorised", said)
        elif status == 404:
            self.outcome = Described("not_found", said)
        elif 300 <= status < 400:
            self.outcome = Described(None, f"it sends callers elsewhere ({said})")
        elif status >= 400:
            self.outcome = Described("refused", said)
        else:
            self.outcome = _described(body)
        return b""

    def _log_in(self, said: str, headers: list[tuple[str, str]]) -> bytes:
        challenge = strongest(value for name, value in headers if name == "www-authenticate")
        if self._tried or challenge is None or not (self._username or self._password):
            self.outcome = Described("not_authorised", said)
            return b""
        self._tried = True
        login = authorization(challenge, self._username, self._password, METHOD, self._uri, cnonce=self._cnonce)
        return self._request(login)


def _described(body: bytes) -> Described:
    found = offered(body.decode("utf-8", "replace"))
    if not found.video:
        return Described("no_video", "its description has no video")
    if found.video_codec is None:
        return Described("codec_not_carried", " ".join(name or "unknown" for name in found.video))
    return Described(None, "", found.video_codec, found.audio_codec)
