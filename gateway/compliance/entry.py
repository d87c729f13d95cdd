"""What one ledger entry says, its canonical bytes, and the link of the chain."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.secrets import redact

GENESIS = "0" * 64
"""What the first entry's ``prev`` is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One use of the system (regulation A5).

    ``action`` is what was done (``live``, ``device.create``, ``live.ended`` …) and ``result`` how it came out
    (``granted``, ``refused``, ``done``, ``ended`` …). ``grant_id`` joins the entries of one use. ``span_start`` and
    ``span_end`` are unix seconds of the recorded time concerned, ``bytes`` and ``content_hash`` (SHA-256 hex) what left
    the system, ``seconds`` how long a use lasted. ``detail`` is JSON; secrets in it are masked before it is written.
    """

    actor_kind: str
    actor_id: str
    action: str
    result: str
    peer_id: str = ""
    code: str = ""
    grant_id: str = ""
    purpose: str = ""
    destination: str = ""
    clause: str = ""
    span_start: float | None = None
    span_end: float | None = None
    seconds: float | None = None
    bytes: int | None = None
    content_hash: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntryRef:
    """Where an entry stands: its number (from 1), time (unix seconds) and hash (hex)."""

    seq: int
    at: float
    hash: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry as read back."""

    ref: EntryRef
    prev: str
    entry: Entry


def canonical(seq: int, at: float, entry: Entry) -> bytes:
    """The bytes that are hashed and stored: JSON, UTF-8, keys sorted, no spaces."""
    content = {item.name: getattr(entry, item.name) for item in dataclasses.fields(entry)}
    content["detail"] = redact(entry.detail)
    return orjson.dumps(content | {"seq": seq, "at": at}, option=orjson.OPT_SORT_KEYS)


def link(prev: str, body: bytes) -> str:
    """The hash of an entry: SHA-256 over the hash before it (32 bytes) and its canonical bytes."""
    return hashlib.sha256(bytes.fromhex(prev) + body).hexdigest()


def parse(body: bytes) -> tuple[int, float, Entry]:
    """Number, time and entry of canonical bytes; ValueError when they are none."""
    content = orjson.loads(body)
    try:
        seq, at = int(content.pop("seq")), float(content.pop("at"))
        return seq, at, Entry(**content)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a ledger entry: {error}") from error
