"""SSRC leases: the ten digits of `y=` (媒体流标识, GB/T 28181-2022 Annex G). Pure.

Digit 1 says live (0) or history (1), digits 2-6 are digits 4-8 of our SIP domain id, digits 7-10 are unique among the
node's streams. A value given back is not used again until late packets of its old call have died away.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

CAPACITY = 10_000
QUARANTINE_S = 15.0


class SsrcExhausted(Exception):
    """All 10,000 values of one kind are leased or in quarantine; the caller answers 486."""


@dataclass(frozen=True, slots=True)
class _Resting:
    suffix: int
    until: float


class SsrcPool:
    """Leases of one kind ("0" live, "1" history) for the domain of `node_id` (20 digits)."""

    def __init__(self, node_id: str, kind: str = "0") -> None:
        self._prefix = kind + node_id[3:8]
        self._next = 1
        self._leased: dict[int, str] = {}
        self._resting: deque[_Resting] = deque()

    def __len__(self) -> int:
        return len(self._leased)

    def lease(self, owner: str, now: float) -> str:
        """A fresh value as ten digits. Raises SsrcExhausted."""
        while self._resting and self._resting[0].until <= now:
            self._resting.popleft()
        resting = {entry.suffix for entry in self._resting}
        for _ in range(CAPACITY):
            suffix, self._next = self._next, (self._next + 1) % CAPACITY
            if suffix not in self._leased and suffix not in resting:
                self._leased[suffix] = owner
                return f"{self._prefix}{suffix:04d}"
        raise SsrcExhausted(f"no free SSRC among {CAPACITY}")

    def adopt(self, text: str, owner: str) -> None:
        """Take over a value that was leased before a restart."""
        if len(text) == 10 and text.startswith(self._prefix):
            self._leased[int(text[6:])] = owner

    def release(self, text: str, now: float) -> None:
        """Give a value back; unknown values are ignored (the far side may have chosen its own)."""
        if len(text) == 10 and text.startswith(self._prefix):
            suffix = int(text[6:])
            if self._leased.pop(suffix, None) is not None:
                self._resting.append(_Resting(suffix, now + QUARANTINE_S))

    def owners(self) -> frozenset[str]:
        return frozenset(self._leased.values())
