"""The rhythm of a device's keepalives, learned from what it sends, whatever was configured. Pure.

GB/T 28181-2022 9.6.1 has both sides configured with the same interval; devices in the field send every 20 s or 120 s
all the same. The median of the last intervals is taken: one lost keepalive, or one sent twice, does not move it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from statistics import median

SAMPLES = 7
"""Intervals remembered."""
ENOUGH = 3
"""Intervals after which the learned one is used."""
SHORTEST_GAP_S = 1.0
"""Two keepalives closer to each other are one said twice."""
SLACK_S = 5.0
"""Added to the silence that is allowed: networks and devices are late at times."""


@dataclass(frozen=True, slots=True)
class KeepalivePolicy:
    """What an operator may set: the interval expected of a device whose own is not known, the misses that end a
    registration, and the bounds of what may be learned. Seconds."""

    configured_s: float = 60.0
    misses: int = 3
    shortest_s: float = 10.0
    longest_s: float = 300.0

    @property
    def most_s(self) -> float:
        """The longest interval that is learned: a device that keeps to the configured one is never held to less."""
        return max(self.longest_s, self.configured_s)

    def bounded(self, interval_s: float) -> float:
        return min(max(interval_s, self.shortest_s), self.most_s)

    @property
    def least_silence_s(self) -> float:
        """The silence that every device is allowed."""
        return min(self.configured_s, self.shortest_s) * self.misses + SLACK_S


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The interval a device is held to."""

    interval_s: float
    learned: bool
    misses: int

    @property
    def silence_s(self) -> float:
        """The device is offline after more silence than this."""
        return self.interval_s * self.misses + SLACK_S


class Keepalives:
    """The last intervals between the keepalives of one device. Times are unix seconds."""

    __slots__ = ("_gaps", "_last", "_median")

    def __init__(self) -> None:
        self._gaps = array("f")
        self._last = 0.0
        self._median = 0.0
        """Of the intervals; 0.0 while too few are known, or it was not asked for since the last one."""

    @property
    def samples(self) -> int:
        """How many intervals are known."""
        return len(self._gaps)

    def arrived(self, now: float) -> None:
        """A keepalive."""
        gap = now - self._last
        if 0 <= gap < SHORTEST_GAP_S:
            return
        if self._last and gap > 0:
            self._take(gap)
        self._last = now

    def interrupted(self) -> None:
        """The registration ended, but not by silence: the time until the next keepalive is no interval."""
        self._last = 0.0

    def returned(self, now: float, most_s: float) -> None:
        """A device that was offline by silence is back.

        Its interval may be longer than it was thought to be, and would never be learned if only keepalives in time
        counted. So this gap counts fully, until as many others say otherwise.
        """
        gap = now - self._last
        if self._last and SHORTEST_GAP_S <= gap <= most_s:
            for _ in range(ENOUGH):
                self._take(gap)
        self._last = 0.0

    def _take(self, gap: float) -> None:
        gaps = self._gaps
        if len(gaps) >= SAMPLES:
            del gaps[0]
        gaps.append(gap)
        self._median = 0.0

    def rhythm(self, policy: KeepalivePolicy) -> Rhythm:
        """What the device is held to now."""
        learned = self._learned_s()
        if learned is None:
            return Rhythm(policy.configured_s, False, policy.misses)
        return Rhythm(policy.bounded(learned), True, policy.misses)

    def allows(self, silence_s: float, policy: KeepalivePolicy) -> bool:
        """Whether so much silence is still within the rhythm; asked of every device every second."""
        learned = self._learned_s()
        interval = policy.configured_s if learned is None else policy.bounded(learned)
        return silence_s <= interval * policy.misses + SLACK_S

    def _learned_s(self) -> float | None:
        if len(self._gaps) < ENOUGH:
            return None
        if not self._median:
            self._median = median(self._gaps)
        return self._median
