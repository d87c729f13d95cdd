"""Putting the pages of a long answer together (多响应消息: GB/T 28181-2016 Annex N, GB/T 28181-2022 Annex M).

An answer of many items comes in many messages that carry one SN and one SumNum. Messages are lost, repeated and
reordered, and SumNum is not always right, so the answer is complete when enough *different* items came, and an answer
that is not complete is never a reason to delete anything.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

FIRST_PAGE_S = 20.0
"""How long the first page may take, seconds."""
PAGE_GAP_S = 5.0
"""How long the next page may take after any page, seconds."""
MAX_ITEMS = 1_000_000
"""How many different items one answer may bring."""


@dataclass(frozen=True, slots=True)
class Complete(Generic[Value]):
    """The whole answer. `assured` is False when no SumNum came and the answer was closed by silence alone."""

    items: list[Value]
    assured: bool = True


@dataclass(frozen=True, slots=True)
class Incomplete(Generic[Value]):
    """Part of the answer. `missing` is how many items SumNum promised beyond these; None if nothing was promised."""

    items: list[Value]
    missing: int | None


@dataclass(slots=True)
class PageCollector(Generic[Key, Value]):
    """Collects the pages of one answer. No clock inside: every call is told the time in seconds.

    `settle_s` is for peers that put the size of each message into SumNum: with it the answer counts as complete only
    when nothing more came for that long.
    """

    sn: int
    now: float
    first_s: float = FIRST_PAGE_S
    gap_s: float = PAGE_GAP_S
    settle_s: float = 0.0
    max_items: int = MAX_ITEMS
    duplicates: int = field(default=0, init=False)
    overflowed: int = field(default=0, init=False)
    pages: int = field(default=0, init=False)
    result: Complete[Value] | Incomplete[Value] | None = field(default=None, init=False)
    _items: dict[Key, Value] = field(default_factory=dict, init=False)
    _promised: int | None = field(default=None, init=False)
    _deadline: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._deadline = self.now + self.first_s

    @property
    def received(self) -> int:
        """How many different items came so far."""
        return len(self._items)

    @property
    def promised(self) -> int | None:
        """The largest believable SumNum so far; None if there was none."""
        return self._promised

    def feed(
        self, sum_num: int | None, keys_items: Iterable[tuple[Key, Value]], now: float
    ) -> Complete[Value] | Incomplete[Value] | None:
        """Take one page; returns the result once there is one. Pages after the end change nothing."""
        if self.result is not None:
            return self.result
        self.pages += 1
        count = self._take(keys_items)
        # SumNum 0 together with items is a known mistake and promises nothing.
        if sum_num is not None and (sum_num > 0 or (sum_num == 0 and count == 0)):
            self._promised = max(sum_num, self._promised or 0)
        full = self._promised is not None and len(self._items) >= self._promised and not self.overflowed
        if full and self.settle_s <= 0:
            self.result = Complete(list(self._items.values()))
        else:
            self._deadline = now + (self.settle_s if full else self.gap_s)
        return self.result

    def _take(self, keys_items: Iterable[tuple[Key, Value]]) -> int:
        items = self._items
        count = 0
        for key, value in keys_items:
            count += 1
            if key in items:
                self.duplicates += 1
            elif len(items) >= self.max_items:
                self.overflowed += 1
                continue
            items[key] = value
        return count

    def deadline(self) -> float | None:
        """When `expire` wants to be called; None when the result is there."""
        return None if self.result is not None else self._deadline

    def expire(self, now: float) -> Complete[Value] | Incomplete[Value] | None:
        """Close the answer if its time is over; returns the result once there is one."""
        if self.result is None and now >= self._deadline:
            self.result = self._closed()
        return self.result

    def _closed(self) -> Complete[Value] | Incomplete[Value]:
        items = list(self._items.values())
        if self.pages == 0 or self.overflowed:
            missing = None if self._promised is None else max(0, self._promised - len(items))
            return Incomplete(items, missing)
        if self._promised is None:
            return Complete(items, assured=False)
        if len(items) < self._promised:
            return Incomplete(items, self._promised - len(items))
        return Complete(items)
