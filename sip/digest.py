"""Digest authentication (RFC 2617, RFC 7616, RFC 8760; GB/T 28181-2022 9.1.2.1), both sides.

Values are kept and hashed as they were received: the uri is not compared with the Request-URI, the nonce count
is not padded.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sip.errors import LocalError, ParseError
from sip.grammar import TOKEN_CHARS
from sip.nonce import NonceTable, Verdict
from sip.tolerance import LENIENT, Tolerance

__all__ = [
    "Challenge",
    "Credentials",
    "NonceTable",
    "Verdict",
    "answer",
    "first_usable",
    "ha1",
    "is_supported",
    "verify",
]

_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SM3": "sm3"}
_PARAM = re.compile(rf'([{TOKEN_CHARS}]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^",]*+))[ \t]*+(?:,[, \t]*+|$)')
_QUOTABLE = re.compile(r'(?:[^"\\\r\n]|\\[^\r\n])*+')


def is_supported(algorithm: str) -> bool:
    """True for an algorithm this module can compute, in any letter case, with or without -sess."""
    return algorithm.upper().removesuffix("-SESS") in _HASHES


@dataclass(frozen=True, slots=True)
class Challenge:
    """WWW-Authenticate or Proxy-Authenticate. `qop` is what is offered; empty for the RFC 2069 form."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @staticmethod
    def parse(header_value: str) -> Challenge:
        """Read one challenge; ParseError when it is none or not Digest."""
        params = _digest_params(header_value, "WWW-Authenticate", 400)
        if "realm" not in params or "nonce" not in params:
            raise ParseError("WWW-Authenticate", "no realm or no nonce")
        return Challenge(
            realm=params["realm"],
            nonce=params["nonce"],
            algorithm=params.get("algorithm") or "MD5",
            qop=tuple(option for part in params.get("qop", "").split(",") if (option := part.strip().lower())),
            opaque=params.get("opaque"),
            stale=params.get("stale", "").lower() == "true",
        )

    def __str__(self) -> str:
        # algorithm is always written: some devices do not answer a challenge without it.
        parts = [f"realm={_quoted(self.realm)}", f"nonce={_quoted(self.nonce)}", f"algorithm={self.algorithm}"]
        if self.qop:
            parts.append(f"qop={_quoted(','.join(self.qop))}")
        if self.opaque is not None:
            parts.append(f"opaque={_quoted(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        return f"Digest {','.join(parts)}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Authorization or Proxy-Authorization, every value as written. `nc` is text, because its text is hashed."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str = "MD5"
    qop: str | None = None
    cnonce: str | None = None
    nc: str | None = None
    opaque: str | None = None

    @staticmethod
    def parse(header_value: str) -> Credentials:
        """Read credentials. ParseError with status 401 for another scheme, 400 for a missing parameter."""
        params = _digest_params(header_value, "Authorization", 401)
        for name in ("username", "realm", "nonce", "uri", "response"):
            if name not in params:
                raise ParseError("Authorization", f"no {name}")
        return Credentials(
            username=params["username"],
            realm=params["realm"],
            nonce=params["nonce"],
            uri=params["uri"],
            response=params["response"],
            algorithm=params.get("algorithm") or "MD5",
            qop=params.get("qop"),
            cnonce=params.get("cnonce"),
            nc=params.get("nc"),
            opaque=params.get("opaque"),
        )

    def __str__(self) -> str:
        quoted = ("username", "realm", "nonce", "uri", "response")
        parts = [f"{name}={_quoted(getattr(self, name))}" for name in quoted]
        parts.append(f"algorithm={self.algorithm}")
        if self.cnonce is not None:
            parts.append(f"cnonce={_quoted(self.cnonce)}")
        if self.qop is not None:
            parts.append(f"qop={self.qop}")
        if self.nc is not None:
            parts.append(f"nc={self.nc}")
        if self.opaque is not None:
            parts.append(f"opaque={_quoted(self.opaque)}")
        return f"Digest {','.join(parts)}"


def ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """H(username:realm:password) in lower-case hex: what a server stores instead of the password.

    LocalError for an algorithm that is not supported.
    """
    return _hash(algorithm, f"{username}:{realm}:{password}")


def first_usable(header_values: Iterable[str]) -> Challenge | None:
    """The first challenge we can answer: the server lists them in its order of preference (RFC 8760 2.4)."""
    for value in header_values:
        try:
            challenge = Challenge.parse(value)
        except ParseError:
            continue
        if is_supported(challenge.algorithm):
            return challenge
    return None


def answer(
    challenge: Challenge,
    *,
    username: str,
    password: str,
    method: str,
    uri: str,
    body: bytes = b"",
    nc: int = 1,
    cnonce: str,
) -> Credentials:
    """Credentials for a challenge: qop "auth" where offered, "auth-int" where only that is, none where none is.

    nc       how many requests have used this nonce, this one included
    cnonce   fresh random text from the caller
    Raises LocalError when the algorithm is not supported.
    """
    qop = _chosen_qop(challenge.qop)
    unsigned = Credentials(
        username=username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        algorithm=challenge.algorithm,
        qop=qop,
        cnonce=cnonce if qop or _is_session(challenge.algorithm) else None,
        nc=f"{nc:08x}" if qop else None,
        opaque=challenge.opaque,
    )
    secret = ha1(username, challenge.realm, password, challenge.algorithm)
    return replace(unsigned, response=_response(unsigned, secret, method, body, qop))


def verify(
    credentials: Credentials, *, ha1: str, method: str, body: bytes = b"", tolerance: Tolerance = LENIENT
) -> bool:
    """True when the response fits. The time taken does not depend on how nearly it fits.

    ha1     of the credentials' username, realm and algorithm (see ha1())
    method  in capitals
    Says nothing about the nonce: ask NonceTable.check next.
    """
    if not is_supported(credentials.algorithm):
        return False
    forms: tuple[str | None, ...] = (credentials.qop,)
    if credentials.qop is not None and credentials.qop.lower() not in ("auth", "auth-int"):
        if not tolerance.qop_misspelt:
            return False
        forms = (credentials.qop, "auth", None)  # which of them such a device hashes is not known
    sent = _encode(credentials.response.lower())
    fits = False
    for form in forms:
        fits |= hmac.compare_digest(_encode(_response(credentials, ha1, method, body, form)), sent)
    return fits


def _chosen_qop(offered: tuple[str, ...]) -> str | None:
    for qop in ("auth", "auth-int"):
        if qop in offered:
            return qop
    return None


def _response(credentials: Credentials, secret: str, method: str, body: bytes, qop: str | None) -> str:
    """request-digest, RFC 7616 3.4.1; qop is the text that is hashed, None for the RFC 2069 form."""
    algorithm, nonce, cnonce = credentials.algorithm, credentials.nonce, credentials.cnonce or ""
    if _is_session(algorithm):
        secret = _hash(algorithm, f"{secret}:{nonce}:{cnonce}")
    a2 = f"{method}:{credentials.uri}"
    if qop is not None and qop.lower() == "auth-int":
        a2 = f"{a2}:{_hash(algorithm, body)}"
    ha2 = _hash(algorithm, a2)
    if qop is None:
        return _hash(algorithm, f"{secret}:{nonce}:{ha2}")
    return _hash(algorithm, f"{secret}:{nonce}:{credentials.nc or ''}:{cnonce}:{qop}:{ha2}")


def _is_session(algorithm: str) -> bool:
    return algorithm.upper().endswith("-SESS")


def _hash(algorithm: str, content: str | bytes) -> str:
    name = _HASHES.get(algorithm.upper().removesuffix("-SESS"))
    if name is None:
        raise LocalError(f"digest algorithm {algorithm!r} is not supported")
    data = content if isinstance(content, bytes) else _encode(content)
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _digest_params(header_value: str, where: str, other_scheme: int) -> dict[str, str]:
    # Nothing of the header's text goes into an error: it holds what a password can be guessed from.
    scheme, _, rest = header_value.strip(" \t").replace("\t", " ", 1).partition(" ")
    if scheme.lower() != "digest":
        raise ParseError(where, "not Digest", scheme if scheme.isalnum() else "", status=other_scheme)
    text = rest.strip(" \t,")
    params: dict[str, str] = {}
    position = 0
    while position < len(text):
        found = _PARAM.match(text, position)
        if found is None:
            raise ParseError(where, "malformed Digest parameter")
        name, quoted, plain = found.groups()
        params.setdefault(name.lower(), plain.rstrip(" \t") if quoted is None else quoted)
        position = found.end()
    return params


def _quoted(raw: str) -> str:
    if _QUOTABLE.fullmatch(raw) is None:
        raise LocalError("a Digest value with a bare quote or a line end")
    return f'"{raw}"'
