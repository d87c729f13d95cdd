"""HTTP authentication of a camera: digest (RFC 7616) and basic (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from typing import Literal

KEPT_NONCES = 200
_FIELD = re.compile(r'([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.IGNORECASE)


class HttpLogin:
    """Challenges and checks one user. A count of a nonce is accepted once, in rising order."""

    def __init__(self, realm: str, username: str, password: str, algorithm: Literal["MD5", "SHA-256"] = "MD5") -> None:
        self._realm = realm
        self._username = username
        self._password = password
        self._algorithm = algorithm
        self._counts: OrderedDict[str, int] = OrderedDict()

    def challenge(self, scheme: Literal["digest", "basic"]) -> str:
        """The value of WWW-Authenticate."""
        if scheme == "basic":
            return f'Basic realm="{self._realm}"'
        nonce = secrets.token_hex(16)
        self._counts[nonce] = 0
        while len(self._counts) > KEPT_NONCES:
            self._counts.popitem(last=False)
        return f'Digest realm="{self._realm}", qop="auth", nonce="{nonce}", algorithm={self._algorithm}'

    def accepts(self, scheme: Literal["digest", "basic"], authorization: str, method: str, uri: str) -> bool:
        """Whether a value of Authorization proves the user, for a request of this method and target."""
        given, _, rest = authorization.partition(" ")
        if given.lower() != scheme:
            return False
        return self._basic(rest) if scheme == "basic" else self._digest(rest, method, uri)

    def _basic(self, encoded: str) -> bool:
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"{self._username}:{self._password}".encode())

    def _digest(self, text: str, method: str, uri: str) -> bool:
        fields = {name.lower(): quoted or plain for name, quoted, plain in _FIELD.findall(text)}
        nonce, count = fields.get("nonce", ""), fields.get("nc", "")
        if fields.get("username") != self._username or fields.get("uri") != uri or fields.get("qop") != "auth":
            return False
        if nonce not in self._counts or not re.fullmatch(r"[0-9a-fA-F]{8}", count):
            return False
        if not hmac.compare_digest(self.response(nonce, count, fields.get("cnonce", ""), method, uri).encode(),
                                   fields.get("response", "").encode()):  # fmt: skip
            return False
        if int(count, 16) <= self._counts[nonce]:
            return False
        self._counts[nonce] = int(count, 16)
        return True

    def response(self, nonce: str, count: str, cnonce: str, method: str, uri: str) -> str:
        """The response field (RFC 7616 3.4.1)."""
        secret = self._hash(f"{self._username}:{self._realm}:{self._password}")
        return self._hash(f"{secret}:{nonce}:{count}:{cnonce}:auth:{self._hash(f'{method}:{uri}')}")

    def _hash(self, text: str) -> str:
        return hashlib.new("md5" if self._algorithm == "MD5" else "sha256", text.encode()).hexdigest()
