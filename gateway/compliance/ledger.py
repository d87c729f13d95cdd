"""The access ledger (台账): append-only, hash-chained, in an SQLite file of its own with ``synchronous=FULL``.

Entry n's hash is SHA-256 over entry n-1's hash and the canonical bytes of entry n, so that changing, removing or
inserting an entry breaks every later hash; :func:`verify` names the first bad entry. This module has no statement that
updates or deletes, and triggers in the file refuse both from elsewhere. Removing the newest entries leaves a shorter
valid chain: compare with a head (number and hash) noted elsewhere, :meth:`Ledger.head` and ``verify(..., expected=)``.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.compliance.entry import GENESIS, Entry, EntryRef, LedgerRow, canonical, link, parse
from gateway.errors import Failure, GatewayError, Reason

LEDGER_FILE = "ledger.db"
QUEUE_LIMIT = 4096
BATCH_LIMIT = 256

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
_COLUMNS = "seq, at, actor, action, result, peer_id, code, grant_id, body, hash"
_INSERT = f"INSERT INTO ledger ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class LedgerError(GatewayError):
    """The ledger file cannot be used."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The chain is whole: so many entries, the last with this hash."""

    entries: int
    head: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The chain is broken first at entry ``seq``; ``problem`` says how."""

    seq: int
    problem: str


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


@dataclass(frozen=True, slots=True)
class _Append:
    entry: Entry
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[EntryRef]

    def settle(self, outcome: EntryRef | Exception) -> None:
        """Hand the outcome to the waiting task (called in the writer's thread)."""

        def deliver() -> None:
            if self.done.done():
                return
            if isinstance(outcome, Exception):
                self.done.set_exception(outcome)
            else:
                self.done.set_result(outcome)

        try:
            self.loop.call_soon_threadsafe(deliver)
        except RuntimeError:
            pass  # the loop is gone; the entry is written all the same


class Ledger:
    """One open ledger. One thread owns the writing connection; concurrent appends share a transaction."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._queue: queue.Queue[_Append | None] = queue.Queue(QUEUE_LIMIT)
        self._head = EntryRef(0, 0.0, GENESIS)
        self._closed = False
        self._connection = _open_for_writing(path)
        try:
            row = self._connection.execute("SELECT seq, at, hash FROM ledger ORDER BY seq DESC LIMIT 1").fetchone()
        except sqlite3.Error:
            self._connection.close()
            raise
        if row is not None:
            self._head = EntryRef(*row)
        self._thread = threading.Thread(target=self._write_until_closed, name="ledger", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, data_dir: Path, *, clock: Callable[[], float] = time.time) -> Ledger:
        """The ledger of ``data_dir``, made when there is none."""
        data_dir.mkdir(parents=True, exist_ok=True)
        return cls(data_dir / LEDGER_FILE, clock=clock)

    @property
    def head(self) -> EntryRef:
        """The newest entry written (number 0 when there is none)."""
        return self._head

    async def append(self, entry: Entry) -> EntryRef:
        """Write ``entry``; returns when it is on the disk.

        Raises :class:`Failure` when it cannot be written: whoever needs the entry must then not go on.
        """
        if self._closed:
            raise Failure(Reason.SHUTTING_DOWN, "The ledger is closed.")
        loop = asyncio.get_running_loop()
        pending = _Append(entry, loop, loop.create_future())
        try:
            self._queue.put_nowait(pending)
        except queue.Full:
            raise Failure(Reason.BUSY, "The ledger cannot keep up.") from None
        return await pending.done

    async def entries(self, query: LedgerQuery) -> list[LedgerRow]:
        """Entries, newest first."""
        return await asyncio.to_thread(_select, self.path, query)

    async def verify(self, *, expected: EntryRef | None = None) -> Verified | Broken:
        """Recompute the whole chain in a thread of its own; see :func:`verify`."""
        return await asyncio.to_thread(verify, self.path, expected=expected)

    async def close(self) -> None:
        """Write what is queued, then close the file."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._queue.put, None)
            await asyncio.to_thread(self._thread.join)

    def _write_until_closed(self) -> None:
        with closing(self._connection):
            more = True
            while more:
                batch, more = self._next_batch()
                if batch:
                    self._write(batch)

    def _next_batch(self) -> tuple[list[_Append], bool]:
        first = self._queue.get()
        batch = [first] if first is not None else []
        more = first is not None
        while more and len(batch) < BATCH_LIMIT:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                more = False
            else:
                batch.append(following)
        return batch, more

    def _write(self, batch: list[_Append]) -> None:
        head, rows, refs = self._head, [], []
        now = self._clock()
        try:
            for pending in batch:
                row = _row(head, now, pending.entry)
                head = EntryRef(row[0], row[1], row[-1])
                rows.append(row)
                refs.append(head)
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(_INSERT, rows)
        except (sqlite3.Error, TypeError, ValueError) as error:
            self._write_failed(batch, error)
            return
        self._head = head
        for pending, ref in zip(batch, refs, strict=True):
            pending.settle(ref)

    def _write_failed(self, batch: list[_Append], error: Exception) -> None:
        """One bad entry must not fail its neighbours: write them one by one, then tell the one that fails."""
        if len(batch) > 1:
            for pending in batch:
                self._write([pending])
            return
        failure = Failure(Reason.INTERNAL, f"The ledger entry could not be written: {error}")
        batch[0].settle(failure)


def _row(head: EntryRef, now: float, entry: Entry) -> tuple[Any, ...]:
    body = canonical(head.seq + 1, now, entry)
    return (*_facets(head.seq + 1, now, entry), body, link(head.hash, body))


def _facets(seq: int, at: float, entry: Entry) -> tuple[Any, ...]:
    """The columns beside the body, by which entries are found."""
    actor = f"{entry.actor_kind}:{entry.actor_id}"
    return (seq, at, actor, entry.action, entry.result, entry.peer_id, entry.code, entry.grant_id)


def _open_for_writing(path: Path) -> sqlite3.Connection:
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


def _open_for_reading(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise LedgerError(f"{path}: no such file")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)


def _select(path: Path, query: LedgerQuery) -> list[LedgerRow]:
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
    with closing(_open_for_reading(path)) as connection:
        rows = connection.execute(
            f"SELECT seq, at, body, hash, (SELECT hash FROM ledger AS p WHERE p.seq = ledger.seq - 1) "
            f"FROM ledger{where} ORDER BY seq DESC LIMIT ?",
            (*chosen.values(), limit),
        ).fetchall()
    return [LedgerRow(EntryRef(seq, at, own), prev or GENESIS, parse(body)[2]) for seq, at, body, own, prev in rows]


def verify(path: Path, *, expected: EntryRef | None = None) -> Verified | Broken:
    """Recompute the chain of the file ``path``; the first bad entry, or that it is whole.

    ``expected`` is a head noted earlier: the entry of that number must be there and have that hash.
    """
    head = EntryRef(0, 0.0, GENESIS)
    with closing(_open_for_reading(path)) as connection:
        try:
            for row in connection.execute(f"SELECT {_COLUMNS} FROM ledger ORDER BY seq"):
                problem = _problem(head, row)
                if problem is not None:
                    return Broken(head.seq + 1, problem)
                head = EntryRef(row[0], row[1], row[-1])
                if expected is not None and head.seq == expected.seq and head.hash != expected.hash:
                    return Broken(head.seq, "it is not the entry that was noted")
        except sqlite3.DatabaseError as error:
            return Broken(head.seq + 1, f"the file cannot be read on: {error}")
    if expected is not None and head.seq < expected.seq:
        return Broken(head.seq + 1, f"entries up to {expected.seq} were noted, but this one is missing")
    return Verified(head.seq, head.hash)


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
    if _facets(*content) != row[:-2]:
        return "its columns do not match its content"
    return None
