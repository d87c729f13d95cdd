"""One stream of fragments to many viewers: everybody starts at a key frame, nobody can hold up the others.

The fragments since the last key frame are kept for those who come late. A viewer that does not keep up loses what
waits for it and goes on at the next key frame; what it lost is counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

VIEWER_LIMIT = 8 * 1024 * 1024
"""Bytes that may wait for one viewer."""
KEPT_LIMIT = 16 * 1024 * 1024
"""Bytes kept for late joiners; a longer group of pictures is not kept."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One movie fragment. ``key``: decoding may start here."""

    data: bytes
    key: bool


class Viewer:
    """The queue of one viewer. One task reads it with `next`."""

    def __init__(self, limit: int = VIEWER_LIMIT) -> None:
        self.dropped = 0
        self.sent = 0
        self.ended: str | None = None
        self._limit = limit
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._skipping = False
        self._news = asyncio.Event()

    async def next(self) -> bytes | None:
        """The next bytes to send; None when the stream ended (see `ended` for the reason)."""
        while not self._queue:
            if self.ended is not None:
                return None
            self._news.clear()
            await self._news.wait()
        data = self._queue.popleft()
        self._size -= len(data)
        return data

    def put_init(self, init: bytes) -> None:
        """An init segment, never left out."""
        self._push(init)

    def put(self, fragment: Fragment) -> None:
        """A fragment, left out together with what waits when the viewer is too slow."""
        if self._skipping and not fragment.key:
            self.dropped += 1
            return
        self._skipping = False
        if self._size + len(fragment.data) > self._limit:
            self._overflow(fragment)
            return
        self._push(fragment.data)

    def end(self, reason: str) -> None:
        """Nothing follows. What waits is still sent."""
        if self.ended is None:
            self.ended = reason
        self._news.set()

    def _overflow(self, fragment: Fragment) -> None:
        self.dropped += len(self._queue) + 1
        self._queue.clear()
        self._size = 0
        self._skipping = True
        if fragment.key and len(fragment.data) <= self._limit:
            self.dropped -= 1
            self._skipping = False
            self._push(fragment.data)

    def _push(self, data: bytes) -> None:
        if self.ended is not None:
            return
        self._queue.append(data)
        self._size += len(data)
        self._news.set()


class Broadcast:
    """The viewers of one input."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.init: bytes | None = None
        self.fragments = 0
        self._kept: list[Fragment] = []
        self._kept_size = 0

    @property
    def ready(self) -> bool:
        """Whether somebody who joins now gets a picture at once."""
        return self.init is not None and bool(self._kept)

    def join(self, viewer: Viewer) -> None:
        """Add a viewer: init segment, what is kept since the last key frame, then live."""
        self.viewers.add(viewer)
        if self.init is not None:
            viewer.put_init(self.init)
        for fragment in self._kept:
            viewer.put(fragment)

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self.viewers.discard(viewer)

    def start(self, init: bytes) -> None:
        """A (new) init segment: the codec configuration is known or has changed."""
        self.init = init
        self._forget()
        for viewer in self.viewers:
            viewer.put_init(init)

    def send(self, fragment: Fragment) -> None:
        """One fragment to everybody."""
        self.fragments += 1
        if fragment.key:
            self._forget()
            self._keep(fragment)
        elif self._kept:
            self._keep(fragment)
        for viewer in self.viewers:
            viewer.put(fragment)

    def end(self, reason: str) -> None:
        """The stream is over for everybody."""
        self.init = None
        self._forget()
        for viewer in self.viewers:
            viewer.end(reason)

    def _keep(self, fragment: Fragment) -> None:
        self._kept.append(fragment)
        self._kept_size += len(fragment.data)
        if self._kept_size > KEPT_LIMIT:
            self._forget()

    def _forget(self) -> None:
        self._kept.clear()
        self._kept_size = 0
