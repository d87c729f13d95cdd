"""The group of pictures a source keeps, so that a sink that joins late starts at a key frame at once.

Packets are kept as they came, with the source's running sequence number (`SourceStream`). Memory is bounded per source
and over the whole worker: a group that grows past either bound is let go and nothing is kept until the next key frame.
"""

from __future__ import annotations

DEFAULT_LIMIT = 8 * 1024 * 1024
"""Bytes one source may keep (4 to 5 s of a 12 Mbit/s stream)."""


class GopBudget:
    """The bytes all sources of one worker may keep together."""

    def __init__(self, total: int = 512 * 1024 * 1024) -> None:
        self.total = total
        self.used = 0

    def take(self, size: int) -> bool:
        """Reserve ``size`` bytes; False when the worker's bound is reached."""
        if self.used + size > self.total:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """Return reserved bytes."""
        self.used -= size


class Gop:
    """The packets from one key frame up to the next.

    ``cut``: the group was let go before its end, so a reader that reaches the end of ``packets`` has a hole ahead.
    ``next``: the group that followed without a hole.
    """

    __slots__ = ("cut", "next", "packets", "size", "started_at")

    def __init__(self, started_at: float) -> None:
        self.packets: list[tuple[int, bytes]] = []
        self.size = 0
        self.started_at = started_at
        self.next: Gop | None = None
        self.cut = False


class GopCache:
    """Keeps the current group of one source."""

    def __init__(self, budget: GopBudget, limit: int = DEFAULT_LIMIT) -> None:
        self.current: Gop | None = None
        self.too_large = 0
        self._budget = budget
        self._limit = limit

    @property
    def size(self) -> int:
        """Bytes kept now."""
        return self.current.size if self.current else 0

    def start(self, now: float) -> None:
        """A key frame begins: the next packet opens a new group."""
        fresh = Gop(now)
        if self.current is not None:
            self.current.next = fresh
            self._budget.give(self.current.size)
        self.current = fresh

    def append(self, sequence: int, packet: bytes) -> bool:
        """Keep one packet of the current group. False when the group has just been let go for its size."""
        gop = self.current
        if gop is None:
            return True
        size = len(packet)
        if gop.size + size > self._limit or not self._budget.take(size):
            self.too_large += 1
            self.clear()
            return False
        gop.packets.append((sequence, packet))
        gop.size += size
        return True

    def clear(self) -> None:
        """Let the current group go; readers inside it find a hole at its end."""
        if self.current is not None:
            self.current.cut = True
            self._budget.give(self.current.size)
            self.current = None
