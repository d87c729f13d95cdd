"""Is this node well? What /healthz answers: workers connected, database writable, event loop in time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.relay.pool import WorkerPool
from gateway.store.engine import Database

LAG_SAMPLE_S = 0.25
LAG_WINDOW = 40
"""Samples remembered: the worst of the last ten seconds is what is shown."""
LAG_UNWELL_S = 1.0
WRITE_TIMEOUT_S = 5.0


class LoopLag:
    """How late the event loop runs what is due. Seconds."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._late: deque[float] = deque([0.0], maxlen=LAG_WINDOW)

    @property
    def worst(self) -> float:
        """The worst of the window."""
        return max(self._late)

    async def keep_measuring(self) -> None:
        """Runs until cancelled."""
        clock = self._clock or asyncio.get_running_loop().time
        while True:
            before = clock()
            await asyncio.sleep(LAG_SAMPLE_S)
            self._late.append(max(0.0, clock() - before - LAG_SAMPLE_S))

    def check(self) -> str | None:
        """None when well, else what is wrong."""
        worst = self.worst
        return f"the event loop was {worst:.1f} s late" if worst > LAG_UNWELL_S else None


class DatabaseProbe:
    """Whether the database takes writes; `probe` is called from time to time, `check` tells the last outcome."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._problem: str | None = None

    async def probe(self) -> None:
        """Write one row to what it is already."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S), self._database.write() as connection:
                await connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
        except TimeoutError:
            self._problem = f"no write within {WRITE_TIMEOUT_S:g} s"
        except (SQLAlchemyError, OSError) as error:
            self._problem = f"cannot be written: {error}"
        else:
            self._problem = None

    def check(self) -> str | None:
        """None when well, else what is wrong."""
        return self._problem


def check_workers(pool: WorkerPool) -> str | None:
    """None when every worker is connected, else which are not."""
    away = [worker.name for worker in pool.workers if not worker.connected]
    return f"not connected: {', '.join(away)}" if away else None
