"""The address of an RTSP stream, with user and password kept apart from it (RFC 2326 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from media.errors import LocalError

DEFAULT_PORT = 554
MAX_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class RtspAddress:
    """``host`` without brackets; ``path`` begins with a slash, or is empty, and holds the query too."""

    host: str
    port: int = DEFAULT_PORT
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> RtspAddress:
        """The address in ``text``. Raises LocalError when it is none, or has a user or password in it."""
        address, username, password = split(text)
        if username or password:
            raise LocalError("user and password do not belong into the address")
        return address

    @property
    def netloc(self) -> str:
        """Host and port as they stand in the URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"rtsp://{self.netloc}{self.path}"

    def with_login(self, username: str, password: str) -> str:
        """The URL with user and password in it: for the program that calls the camera and for nobody else."""
        if not username and not password:
            return str(self)
        return f"rtsp://{quote(username, safe='')}:{quote(password, safe='')}@{self.netloc}{self.path}"


def split(text: str) -> tuple[RtspAddress, str, str]:
    """Address, user and password of a URL as people write it. Raises LocalError, which never repeats the text."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise LocalError(f"an address has at most {MAX_LENGTH} characters")
    if not text.isascii() or any(char.isspace() or not char.isprintable() for char in text):
        raise LocalError("an address has no spaces and no characters beyond ASCII; write them as %XX")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise LocalError("this is no address") from None
    if parts.scheme.lower() != "rtsp":
        raise LocalError("an address begins with rtsp://")
    if not host:
        raise LocalError("the address names no host")
    if port == 0:
        raise LocalError("there is no port 0")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    address = RtspAddress(host, port or DEFAULT_PORT, path)
    return address, unquote(parts.username or ""), unquote(parts.password or "")
