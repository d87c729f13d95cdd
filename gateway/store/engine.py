"""The gateway's database: async SQLite in WAL mode, one writer at a time.

``synchronous=NORMAL`` in WAL mode loses no committed data at a crash of the process, and at most the last commits at a
power cut, which the protocols repair by themselves (devices register again). The ledger needs more and has a
file of its own (:mod:`gateway.compliance.ledger`).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

DATABASE_FILE = "gateway.db"
BUSY_TIMEOUT_MS = 10_000
_WRITE = "gateway_write"


class _Connection(sqlite3.Connection):
    """Ends its transaction when it is closed.

    SQLite keeps a closed connection, and its write lock, for as long as one of its statements is left; that of a
    cancelled task is, until the garbage collector comes by.
    """

    def close(self) -> None:
        if self.in_transaction:
            self.rollback()
        super().close()


def create_engine(path: Path) -> AsyncEngine:
    """An engine for the SQLite file ``path`` (its directory is made) with the pragmas this program relies on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", pool_size=4, max_overflow=4, connect_args={"factory": _Connection}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # transactions are begun below, in words of our own
        cursor = dbapi_connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes the write lock at once: upgrading a read snapshot later fails instead of waiting.
        writes = connection.get_execution_options().get(_WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class Database:
    """One engine with its two ways in: :meth:`read` and :meth:`write`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**{_WRITE: True})
        self._one_writer = asyncio.Lock()

    @classmethod
    def open(cls, data_dir: Path) -> Database:
        """The database of ``data_dir``; nothing is read or written yet."""
        return cls(create_engine(data_dir / DATABASE_FILE))

    @property
    def write_turn(self) -> asyncio.Lock:
        """The lock whoever writes to this file holds; for writers that open their own transactions."""
        return self._one_writer

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a read transaction (one consistent snapshot)."""
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a write transaction: committed at the end of the block, rolled back when it raises."""
        async with self._one_writer, self.writer.begin() as connection:
            yield connection

    async def close(self) -> None:
        await self.engine.dispose()
