"""What a backup says of itself: who made it when, of which schema, and size, hash and counts of its parts."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import GatewayError

FORMAT = 1
MANIFEST_FILE = "manifest.json"
CHUNK = 1 << 20


class BadBackup(GatewayError):
    """The file is no backup, is damaged, or is of a kind this program does not know."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a backup: its size and SHA-256 (hex)."""

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Part:
        """Size and hash of a file as it is."""
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return cls(size, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Manifest:
    """``made_at`` is ISO 8601 in UTC; ``schema`` the revision of gateway.db; ``ledger_head`` its last hash.

    ``counts`` are rows by table, ``versions`` those of the programs that made it.
    """

    made_at: str
    node_id: str
    node_name: str
    schema: str
    ledger_entries: int
    ledger_head: str
    ledger_signed: int
    counts: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    format: int = FORMAT

    def encode(self) -> bytes:
        """As JSON, for people too."""
        return msgspec.json.format(msgspec.json.encode(asdict(self)), indent=2) + b"\n"

    @classmethod
    def decode(cls, content: bytes) -> Manifest:
        """What `encode` wrote. Raises :class:`BadBackup`."""
        try:
            document: Any = msgspec.json.decode(content)
            found = document.get("format") if isinstance(document, dict) else None
            if found != FORMAT:
                raise BadBackup(f"backups of format {found} are not known here, only of format {FORMAT}")
            return msgspec.convert(document, cls)
        except msgspec.MsgspecError as error:
            raise BadBackup(f"its {MANIFEST_FILE} cannot be read: {error}") from error
