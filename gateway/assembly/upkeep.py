"""What a node does beside answering: chores that come round, tasks that never end, work that nobody waits for.

Desired state, not hope: what should have ended is ended, what should be there is looked for, every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger("node")

CHORE_END_S = 5.0
"""How long a chore, or work in the background, may take to come to its end when the node stops."""


class Upkeep:
    """The chores, tasks and background work of one node. Nothing that fails here ends anything else."""

    def __init__(self) -> None:
        self.chores: list[asyncio.Task[None]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._background: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    def every(self, seconds: float, chore: Callable[[], Awaitable[object]]) -> None:
        """Do a chore now and again and again."""
        self.chores.append(asyncio.create_task(self._repeat(seconds, chore), name=_name(chore)))

    def keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run what goes on until it is cancelled at the end."""
        self.tasks.append(asyncio.create_task(work, name=name))

    def spawn(self, work: Awaitable[None], name: str) -> None:
        """Have something done that nobody waits for."""
        task = asyncio.create_task(_guarded(work, name), name=name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def end_chores(self) -> None:
        """Chores come to their end: one broken off in the middle would leave its database connection open."""
        self._stopping.set()
        await _come_to_end(self.chores)

    async def stop(self) -> None:
        """End everything."""
        await self.end_chores()
        await _come_to_end(self._background)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _repeat(self, every_s: float, chore: Callable[[], Awaitable[object]]) -> None:
        while not self._stopping.is_set():
            await _guarded(chore(), _name(chore))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), every_s)


async def _guarded(work: Awaitable[object], name: str) -> None:
    try:
        await work
    except Exception:  # task boundary: a chore is tried again in its next round
        log.exception("background work failed", work=name)


async def _come_to_end(tasks: set[asyncio.Task[None]] | list[asyncio.Task[None]]) -> None:
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=CHORE_END_S)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def _name(chore: Callable[[], Awaitable[object]]) -> str:
    return getattr(chore, "__qualname__", type(chore).__name__)
