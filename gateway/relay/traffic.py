"""What the relay workers counted: packets summed up over legs that come and go, and the last counters of each leg."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.relay.pool import Worker
from media.worker.control import LegStats

RECEIVED = ("packets", "lost", "foreign", "other_ssrc", "not_rtp")
SENT = ("packets", "dropped")


class Traffic:
    """Totals since the start of this process, and the newest counters by worker and leg."""

    def __init__(self) -> None:
        self.totals = {"received": 0, "sent": 0} | dict.fromkeys((*RECEIVED[1:], *SENT[1:]), 0)
        self._legs: dict[str, dict[str, LegStats]] = {}

    def take(self, worker: Worker, counters: Iterable[LegStats]) -> None:
        """The counters of all legs of a worker."""
        before = self._legs.get(worker.name, {})
        now = {stats.leg: stats for stats in counters}
        for leg, stats in now.items():
            self._add(before.get(leg), stats)
        self._legs[worker.name] = now

    def _add(self, old: LegStats | None, new: LegStats) -> None:
        received = new.kind == "source"
        for name in RECEIVED if received else SENT:
            grown = getattr(new, name) - (getattr(old, name) if old is not None else 0)
            total = name if name != "packets" else ("received" if received else "sent")
            # A leg of the same name may have begun anew with a replaced worker.
            self.totals[total] += grown if grown >= 0 else getattr(new, name)

    def shown(self, worker: str, leg: str) -> dict[str, Any]:
        """The newest counters of a leg for the API; empty before there are any."""
        stats = self._legs.get(worker, {}).get(leg)
        return {name: getattr(stats, name) for name in stats.__struct_fields__} if stats is not None else {}
