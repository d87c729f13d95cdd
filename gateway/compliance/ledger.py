"""The access ledger (台账): append-only, hash-chained, in an SQLite file of its own with ``synchronous=FULL``.

Entry n's hash is SHA-256 over entry n-1's hash and the canonical bytes of entry n, so that changing, removing or
inserting an entry breaks every later hash; :func:`gateway.compliance.verify.verify` names the first bad entry. There is
no statement that updates or deletes, and triggers in the file refuse both from elsewhere. Removing the newest entries
leaves a shorter valid chain; the signed heads (:mod:`gateway.compliance.heads`) show that.
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

from gateway.compliance.entry import GENESIS, Entry, EntryRef, LedgerRow
from gateway.compliance.heads import HeadSigner, day_of
from gateway.compliance.ledger_file import INSERT, LEDGER_FILE, LedgerQuery, open_for_writing, row_of, select
from gateway.compliance.verify import Broken, Verified, verify
from gateway.errors import Failure, Reason

__all__ = ["Ledger", "LedgerQuery"]

QUEUE_LIMIT = 4096
BATCH_LIMIT = 256


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
    """One open ledger. One thread owns the writing connection; concurrent appends share a transaction.

    `on_written` is told of every entry that is on the disk.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._queue: queue.Queue[_Append | None] = queue.Queue(QUEUE_LIMIT)
        self._head = EntryRef(0, 0.0, GENESIS)
        self._closed = False
        self.on_written: Callable[[Entry], None] | None = None
        self._signer = HeadSigner(path.parent)
        self._connection = open_for_writing(path)
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
        ref = await pending.done
        if self.on_written is not None:
            self.on_written(entry)
        return ref

    async def entries(self, query: LedgerQuery) -> list[LedgerRow]:
        """Entries, newest first."""
        return await asyncio.to_thread(select, self.path, query)

    async def verify(self, *, expected: EntryRef | None = None) -> Verified | Broken:
        """Recompute the whole chain in a thread of its own; see :func:`gateway.compliance.verify.verify`."""
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
        try:
            now = self._clock()
            if head.seq and day_of(now) != day_of(head.at):
                self._signer.sign(head)
            for pending in batch:
                row = row_of(head, now, pending.entry)
                head = EntryRef(row[0], row[1], row[-1])
                rows.append(row)
                refs.append(head)
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(INSERT, rows)
        except Exception as error:  # the writer's boundary: whoever waits is told, and the thread lives on
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
