"""How the camera asks for user and password: basic and digest (RFC 2326 D.1.2; RFC 2617, RFC 7616). No I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable

from interop.rtsp.settings import Auth

REALM = "gbsim"
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_HASHES: dict[str, Callable[[bytes], str]] = {
    "digest": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "digest-sha256": lambda data: hashlib.sha256(data).hexdigest(),
}


class Login:
    """Challenge and proof for one connection. `nonce` is a fresh random text. Without a user nobody is asked."""

    def __init__(self, auth: Auth, username: str, password: str, nonce: str) -> None:
        self._auth = auth if username else ""
        self._username = username
        self._password = password
        self._nonce = nonce

    @property
    def asks(self) -> bool:
        """Whether a login is needed."""
        return bool(self._auth)

    def challenge(self) -> str:
        """The WWW-Authenticate header; one is given even where nobody is asked (a camera that refuses everyone)."""
        if self._auth == "basic":
            return f'Basic realm="{REALM}"'
        algorithm = ", algorithm=SHA-256" if self._auth == "digest-sha256" else ""
        return f'Digest realm="{REALM}", nonce="{self._nonce}"{algorithm}'

    def accepts(self, method: str, uri: str, header: str) -> bool:
        """Whether the Authorization header of a request proves user and password."""
        if not self._auth:
            return True
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != self._auth.partition("-")[0]:
            return False
        return self._basic(rest) if self._auth == "basic" else self._digest(method, uri, rest)

    def _basic(self, credentials: str) -> bool:
        try:
            given = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"{self._username}:{self._password}".encode())

    def _digest(self, method: str, uri: str, text: str) -> bool:
        values = {name.lower(): _unescaped(quoted) or plain for name, quoted, plain in _PARAMETER.findall(text)}
        expected = {"realm": REALM, "nonce": self._nonce, "username": self._username, "uri": uri}
        if any(values.get(name) != value for name, value in expected.items()):
            return False
        hashed = _HASHES[self._auth]
        secret = hashed(f"{self._username}:{REALM}:{self._password}".encode())
        proof = hashed(f"{secret}:{self._nonce}:{hashed(f'{method}:{uri}'.encode())}".encode())
        return hmac.compare_digest(proof.encode(), values.get("response", "").encode())


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
