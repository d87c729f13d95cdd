"""Short write transactions: whose turn it is, how many rows they take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, nullcontext
from itertools import islice
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")

TRANSACTION_ROWS = 1000
"""Rows written in one transaction, at most: short, so that other writers of the same SQLite file get their turn."""
NAMED_ROWS = 400
"""Codes named in one statement, at most: databases bound the number of parameters."""


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


class Writer:
    """Gives write transactions, one at a time on SQLite, and one lock per peer."""

    def __init__(self, engine: AsyncEngine, turn: asyncio.Lock | None = None) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        # SQLite has one writer; waiting for it here is fair and costs nothing, waiting in SQLite is polling.
        self._turn = (turn or asyncio.Lock()) if self.dialect == "sqlite" else None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, peer_id: str) -> asyncio.Lock:
        """The lock that makes one writer of a peer's catalogue."""
        lock = self._locks.get(peer_id)
        if lock is None:
            lock = self._locks[peer_id] = asyncio.Lock()
        return lock

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction, committed at the end."""
        async with self._turn or nullcontext(), self.engine.begin() as connection:
            yield connection

    async def many(self, statement: Any, rows: Iterable[dict[str, Any]]) -> None:
        """Run a statement once per row, in as many short transactions as it takes. All rows have the same keys."""
        text, order = "", None
        for chunk in chunks(rows, TRANSACTION_ROWS):
            if not text:
                # Compiled once and handed to the driver as it is: per row this is half of what execute() costs.
                compiled = statement.compile(dialect=self.engine.dialect, column_keys=list(chunk[0]))
                text, order = str(compiled), compiled.positiontup
            parameters: list[Any] = chunk if order is None else [tuple(map(row.__getitem__, order)) for row in chunk]
            async with self.transaction() as connection:
                await connection.exec_driver_sql(text, parameters)
