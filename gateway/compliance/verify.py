"""Is the ledger what was written? Recomputes the chain and holds it against the signed heads."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.compliance.entry import GENESIS, EntryRef, link, parse
from gateway.compliance.heads import HEADS_FILE, HeadError, public_key, read_heads
from gateway.compliance.ledger_file import COLUMNS, facets, open_for_reading


@dataclass(frozen=True, slots=True)
class Verified:
    """The chain is whole: so many entries, the last with hash ``head``; ``signed`` is the newest signed one."""

    entries: int
    head: str
    signed: int = 0


@dataclass(frozen=True, slots=True)
class Broken:
    """The chain is broken first at entry ``seq``; ``problem`` says how."""

    seq: int
    problem: str


def verify(path: Path, *, expected: EntryRef | None = None, key: str | None = None) -> Verified | Broken:
    """Recompute the chain of the file ``path``; the first bad entry, or that it is whole.

    The heads in the file beside it must be genuine under the public ``key`` (hex; None: the one beside it) and agree
    with the chain. ``expected`` is a head noted elsewhere, which must agree too.
    """
    heads_file = path.parent / HEADS_FILE
    try:
        heads = read_heads(heads_file, key or public_key(path.parent)) if heads_file.exists() else []
    except HeadError as error:
        return Broken(error.seq or 0, str(error))
    noted = {head.seq: (head.hash, f"signed on {head.day}") for head in heads}
    if expected is not None:
        noted.setdefault(expected.seq, (expected.hash, "noted"))
        if noted[expected.seq][0] != expected.hash:
            return Broken(expected.seq, "the entry that was noted is not the one that was signed")
    outcome = _walk(path, noted)
    if isinstance(outcome, Broken):
        return outcome
    return Verified(outcome.seq, outcome.hash, max((head.seq for head in heads), default=0))


def _walk(path: Path, noted: dict[int, tuple[str, str]]) -> EntryRef | Broken:
    """The last entry of the whole chain, or where it breaks."""
    head = EntryRef(0, 0.0, GENESIS)
    with closing(open_for_reading(path)) as connection:
        try:
            for row in connection.execute(f"SELECT {COLUMNS} FROM ledger ORDER BY seq"):
                problem = _problem(head, row)
                if problem is not None:
                    return Broken(head.seq + 1, problem)
                head = EntryRef(row[0], row[1], row[-1])
                digest, how = noted.get(head.seq, (head.hash, ""))
                if digest != head.hash:
                    return Broken(head.seq, f"it is not the entry that was {how}")
        except sqlite3.DatabaseError as error:
            return Broken(head.seq + 1, f"the file cannot be read on: {error}")
    last = max(noted, default=0)
    if head.seq < last:
        return Broken(head.seq + 1, f"it is missing (entry {last} was {noted[last][1]})")
    return head


def _problem(head: EntryRef, row: tuple[Any, ...]) -> str | None:
    seq, *_, body, stored = row
    if seq != head.seq + 1:
        return f"it is missing (entry {seq} follows)"
    if not isinstance(body, bytes) or link(head.hash, body) != stored:
        return "its content does not match its hash"
    try:
        content = parse(body)
    except ValueError as error:
        return str(error)
    if facets(*content) != row[:-2]:
        return "its columns do not match its content"
    return None
