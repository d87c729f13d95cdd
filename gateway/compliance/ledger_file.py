"""The ledger's file: its tables and the triggers that guard them, opening, reading entries back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.compliance.entry import GENESIS, Entry, EntryRef, LedgerRow, canonical, link, parse
from gateway.errors import GatewayError

LEDGER_FILE = "ledger.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    result TEXT NOT NULL,
    peer_id TEXT NOT NULL,
    code TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    body BLOB NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_by_time ON ledger (at);
CREATE INDEX IF NOT EXISTS ledger_by_channel ON ledger (peer_id, code, seq);
CREATE INDEX IF NOT EXISTS ledger_by_actor ON ledger (actor, seq);
CREATE INDEX IF NOT EXISTS ledger_by_grant ON ledger (grant_id, seq) WHERE grant_id <> '';
CREATE TRIGGER IF NOT EXISTS ledger_no_update BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_no_delete BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""
COLUMNS = "seq, at, actor, action, result, peer_id, code, grant_id, body, hash"
INSERT = f"INSERT INTO ledger ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class LedgerError(GatewayError):
    """The ledger file cannot be used."""


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Which entries to read: those below ``before``, newest first, at most ``limit`` (1 to 1000), matching the rest."""

    before: int | None = None
    limit: int = 100
    actor: str | None = None
    action: str | None = None
    result: str | None = None
    peer_id: str | None = None
    code: str | None = None
    grant_id: str | None = None
    since: float | None = None
    until: float | None = None


def row_of(head: EntryRef, now: float, entry: Entry) -> tuple[Any, ...]:
    """The row (:data:`COLUMNS`) of ``entry`` when it follows ``head`` at ``now``."""
    body = canonical(head.seq + 1, now, entry)
    return (*facets(head.seq + 1, now, entry), body, link(head.hash, body))


def facets(seq: int, at: float, entry: Entry) -> tuple[Any, ...]:
    """The columns beside the body, by which entries are found."""
    actor = f"{entry.actor_kind}:{entry.actor_id}"
    return (seq, at, actor, entry.action, entry.result, entry.peer_id, entry.code, entry.grant_id)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one writing connection; the file is made when there is none. Raises :class:`LedgerError`."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        try:
            path.chmod(0o600)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(f"{path}: {error}") from error
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    if not path.exists():
        raise LedgerError(f"{path}: no such file")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)


def select(path: Path, query: LedgerQuery) -> list[LedgerRow]:
    """The entries that match, newest first."""
    tests = {
        "seq < ?": query.before,
        "actor = ?": query.actor,
        "action = ?": query.action,
        "result = ?": query.result,
        "peer_id = ?": query.peer_id,
        "code = ?": query.code,
        "grant_id = ?": query.grant_id,
        "at >= ?": query.since,
        "at < ?": query.until,
    }
    chosen = {test: value for test, value in tests.items() if value is not None}
    where = f" WHERE {' AND '.join(chosen)}" if chosen else ""
    limit = max(1, min(query.limit, 1000))
    with closing(open_for_reading(path)) as connection:
        rows = connection.execute(
            f"SELECT seq, at, body, hash, (SELECT hash FROM ledger AS p WHERE p.seq = ledger.seq - 1) "
            f"FROM ledger{where} ORDER BY seq DESC LIMIT ?",
            (*chosen.values(), limit),
        ).fetchall()
    return [LedgerRow(EntryRef(seq, at, own), prev or GENESIS, parse(body)[2]) for seq, at, body, own, prev in rows]
