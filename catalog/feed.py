"""The change feed: what readers of the catalogue are told after each commit."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

from catalog.change import Changes


class Feed:
    """One reader's queue of changes, bounded: a reader that falls behind loses them all and is told so."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._waiting: deque[Changes] = deque()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, changes: Changes) -> None:
        """Called by the store after each commit."""
        if len(self._waiting) >= self._limit:
            self._waiting.clear()
            changes = replace(changes, overrun=True)
        self._waiting.append(changes)
        self._arrived.set()

    async def get(self) -> Changes:
        """The next changes, as soon as there are any."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()
