"""Answers to an RTSP server's challenge: basic and digest (RFC 2326 uses those of HTTP: RFC 2617, RFC 7616)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_PARAMETER = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate header we can answer. ``algorithm`` is "" for basic."""

    scheme: str
    realm: str
    nonce: str = ""
    opaque: str | None = None
    algorithm: str = ""
    qop: str | None = None


def parse_challenge(header: str) -> Challenge | None:
    """A challenge, or None when it is of a kind we do not know."""
    scheme, _, rest = header.strip().partition(" ")
    values = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    if scheme.lower() == "basic":
        return Challenge("Basic", values.get("realm", ""))
    algorithm = values.get("algorithm", "MD5").upper()
    if scheme.lower() != "digest" or "nonce" not in values or algorithm not in _ALGORITHMS:
        return None
    offered = {word.strip().lower() for word in values["qop"].split(",")} if values.get("qop") else set()
    if offered and "auth" not in offered:
        return None
    qop = "auth" if offered else None
    return Challenge("Digest", values.get("realm", ""), values["nonce"], values.get("opaque"), algorithm, qop)


def strongest(headers: Iterable[str]) -> Challenge | None:
    """The challenge to answer: digest before basic, SHA-256 before MD5."""
    known = [challenge for challenge in map(parse_challenge, headers) if challenge is not None]
    return max(known, key=lambda challenge: (challenge.scheme == "Digest", challenge.algorithm), default=None)


def authorization(challenge: Challenge, username: str, password: str, method: str, uri: str, *, cnonce: str) -> str:
    """The Authorization header. ``cnonce`` is a fresh random text."""
    if challenge.scheme == "Basic":
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    digest = _ALGORITHMS[challenge.algorithm]

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode())

    secret, wanted = hashed(username, challenge.realm, password), hashed(method, uri)
    # What the camera sent goes back as it came; only what we write ourselves has to be escaped.
    fields = {"username": _escaped(username), "realm": challenge.realm, "nonce": challenge.nonce, "uri": uri}
    if challenge.qop is None:
        fields["response"] = hashed(secret, challenge.nonce, wanted)
    else:
        count = "00000001"
        fields["response"] = hashed(secret, challenge.nonce, count, cnonce, challenge.qop, wanted)
        fields["cnonce"] = cnonce
    if challenge.opaque is not None:
        fields["opaque"] = challenge.opaque
    text = ", ".join(f'{name}="{value}"' for name, value in fields.items())
    if challenge.qop is not None:
        text += f", qop={challenge.qop}, nc=00000001"
    return f"Digest {text}" + (f", algorithm={challenge.algorithm}" if challenge.algorithm != "MD5" else "")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
