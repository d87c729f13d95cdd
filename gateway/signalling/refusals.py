"""How often a refusal is logged: a flood must be seen, and must not fill the disk. Pure."""

from __future__ import annotations

from collections import OrderedDict

from sip.limits import SourceRates

PER_SECOND, BURST, MAX_SOURCES = 0.2, 20.0, 10_000
"""Refusals of one source host that are logged: so many at once, then one per five seconds; and the hosts remembered."""


class RefusalRates:
    """Which refusals are logged, and how many of the same host were not since the one before."""

    def __init__(self, per_second: float = PER_SECOND, burst: float = BURST, max_sources: int = MAX_SOURCES) -> None:
        self._rates = SourceRates(per_second, burst, max_sources)
        self._max_sources = max_sources
        self._silent: OrderedDict[str, int] = OrderedDict()

    def take(self, host: str, now: float) -> int | None:
        """Of a refusal at `now` (seconds): the number left out before it when it is to be logged, else None."""
        if self._rates.take(host, now):
            return self._silent.pop(host, 0)
        self._silent[host] = self._silent.get(host, 0) + 1
        self._silent.move_to_end(host)
        if len(self._silent) > self._max_sources:
            self._silent.popitem(last=False)
        return None
