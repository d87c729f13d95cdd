"""Why devices were offline: the last times of each, written in batches behind what happens."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select

from gateway.device_health.offline_reason import Offline, OfflineReason
from gateway.store import schema
from gateway.store.engine import Database

KEPT = 20
"""Times kept of one device."""
MAX_WAITING = 100_000
"""What waits to be written; beyond that the oldest is dropped: a disk that is full must not fill the memory."""
BATCH = 1000
"""Written in one transaction: others wait for their turn meanwhile."""

_TABLE = schema.offline_events


class OfflineHistory:
    """The offline times of all devices in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[str, Offline]] = []
        self._flushing = asyncio.Lock()
        self.dropped = 0

    def note(self, device_id: str, offline: Offline) -> None:
        """Keep it; written with the next flush."""
        self._waiting.append((device_id, offline))
        self._bound()

    async def flush(self) -> int:
        """Write what waits, and drop what is older than the last ones of each device concerned; how many were written.

        What could not be written waits for the next flush.
        """
        written = 0
        async with self._flushing:
            while batch := self._waiting[:BATCH]:
                self._waiting = self._waiting[BATCH:]
                try:
                    await self._write(batch)
                except BaseException:
                    self._waiting = batch + self._waiting
                    self._bound()
                    raise
                written += len(batch)
        return written

    async def _write(self, events: list[tuple[str, Offline]]) -> None:
        rows = [
            {"peer_id": device_id, "at": offline.at, "reason": offline.reason.value, "facts": offline.facts}
            for device_id, offline in events
        ]
        async with self._database.write() as connection:
            await connection.execute(insert(_TABLE), rows)
            await connection.execute(_too_many(), [{"whose": one} for one in {device_id for device_id, _ in events}])

    def _bound(self) -> None:
        over = len(self._waiting) - MAX_WAITING
        if over > 0:
            del self._waiting[:over]
            self.dropped += over

    async def of_device(self, device_id: str) -> list[Offline]:
        """The last times, newest first."""
        await self.flush()
        query = select(_TABLE).where(_TABLE.c.peer_id == device_id).order_by(_TABLE.c.id.desc()).limit(KEPT)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [offline for row in rows if (offline := _offline(row)) is not None]

    async def last_of_all(self) -> list[tuple[str, Offline]]:
        """The last time of every device."""
        newest = select(func.max(_TABLE.c.id)).group_by(_TABLE.c.peer_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(select(_TABLE).where(_TABLE.c.id.in_(newest)))).mappings().all()
        return [(row["peer_id"], offline) for row in rows if (offline := _offline(row)) is not None]


def _too_many() -> Any:
    """Deletes all but the newest of one device."""
    whose: Any = bindparam("whose")
    kept = select(_TABLE.c.id).where(_TABLE.c.peer_id == whose).order_by(_TABLE.c.id.desc()).limit(KEPT)
    return delete(_TABLE).where(_TABLE.c.peer_id == whose, _TABLE.c.id.not_in(kept.scalar_subquery()))


def _offline(row: Any) -> Offline | None:
    """A stored row; None for a reason of a newer program."""
    try:
        return Offline(row["at"], OfflineReason(row["reason"]), row["facts"])
    except ValueError:
        return None
