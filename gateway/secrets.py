"""Secrets at rest and in passing: sealed in the database, masked everywhere else.

Stored passwords have to be readable again (digest authentication needs them), so they are sealed with AES-256-GCM under
a key kept in a file of mode 0600 in the data directory. The seal is bound to what it is about, so a sealed value
copied to another row does not open.
"""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from catalog.concealed import concealed
from gateway.errors import GatewayError

KEY_FILE = "secret.key"
MASK = "***"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_PREFIX = "v1:"


class SecretsError(GatewayError):
    """The key file is unusable, or a sealed value does not open with it."""


class Secret:
    """A text that does not show itself: ``repr`` and ``str`` are masked, ``reveal()`` is the one way to read it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"

    def __str__(self) -> str:
        return MASK if self._value else ""

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled")


def key_of(path: Path) -> bytes:
    """The 32 random bytes of a key file, made (mode 0600) at first use; :class:`SecretsError` if others may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(_KEY_BYTES)))
            file.flush()
            os.fsync(file.fileno())
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SecretsError(f"{path} is readable by others; it must have mode 0600")
    try:
        key = base64.b64decode(path.read_bytes(), validate=True)
    except ValueError as error:
        raise SecretsError(f"{path} is not a key file") from error
    if len(key) != _KEY_BYTES:
        raise SecretsError(f"{path} is not a key file of {_KEY_BYTES} bytes")
    return key


class SecretBox:
    """Seals and opens secrets under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def open(cls, data_dir: Path) -> SecretBox:
        """The box of ``data_dir``, under its key file."""
        return cls(key_of(data_dir / KEY_FILE))

    def seal(self, secret: Secret, about: str) -> str:
        """Sealed text of ``secret``, bound to ``about`` (for instance ``devices/3402…/password``)."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.reveal().encode(), about.encode())
        return _PREFIX + base64.b64encode(nonce + sealed).decode()

    def unseal(self, text: str, about: str) -> Secret:
        """The secret inside; raises :class:`SecretsError` unless key, text and ``about`` are those of the sealing."""
        try:
            if not text.startswith(_PREFIX):
                raise ValueError("unknown form")
            raw = base64.b64decode(text[len(_PREFIX) :], validate=True)
            plain = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about.encode())
        except (ValueError, InvalidTag) as error:
            raise SecretsError(f"the stored secret of {about} does not open with this node's key") from error
        return Secret(plain.decode())


_SECRET_KEYS = re.compile(
    r"pass(word|wd|phrase)|secret|token|authorization|api_?key|credential|cookie|setup_code", re.I
)
_SECRET_TEXT = (
    (re.compile(r"(?im)^((?:proxy-)?authorization\s*:\s*)[^\r\n]+(?:\r?\n[ \t]+[^\r\n]+)*"), rf"\1{MASK}"),
    # An error that names a password's element: "/Response/.../Password: given twice: 'x'".
    (re.compile(r"(?i)(/[\w:.-]*(?:passw|pwd)[\w.-]*(?:\[\d+\])?: [^:\n]*: )[^\n]*"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer\s+)[a-z0-9._~+/=-]{8,}"), rf"\1{MASK}"),
    (re.compile(r"(?i)([?&](?:token|password)=)[^&\s\"']+"), rf"\1{MASK}"),
)
# Names that match above but hold facts about secrets, not secrets.
_HARMLESS = frozenset({"has_password", "token_name", "token_id", "no_password"})


def redact_text(text: str) -> str:
    """``text`` with credentials masked: Authorization headers, ``<Password>`` elements, bearer and URL tokens."""
    text = concealed(text)
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any) -> Any:
    """A copy of a JSON-like ``value`` with secrets masked, by the name of the key and by the shape of the text."""
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {key: _redact_named(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _redact_named(name: str, value: Any) -> Any:
    if name not in _HARMLESS and _SECRET_KEYS.search(name) and value not in (None, "", False):
        return MASK
    return redact(value)
