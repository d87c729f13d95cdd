"""The alarms of the last while, in memory, and who is told of new ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway.alarms.alarm import Alarm

KEPT = 1000


class AlarmBook:
    """The last thousand alarms; `told` get each new one once."""

    def __init__(self) -> None:
        self._kept: deque[Alarm] = deque(maxlen=KEPT)
        self._same: dict[tuple[str, ...], None] = {}
        self.told: list[Callable[[Alarm], None]] = []
        self.counters: dict[str, int] = {"raised": 0, "repeated": 0}

    def raise_(self, alarm: Alarm) -> bool:
        """Enter an alarm and tell of it; False when it is the same message again."""
        if alarm.time and alarm.same in self._same:
            self.counters["repeated"] += 1
            return False
        self._same[alarm.same] = None
        if len(self._same) > KEPT:
            del self._same[next(iter(self._same))]
        self._kept.append(alarm)
        self.counters["raised"] += 1
        for listener in self.told:
            listener(alarm)
        return True

    def latest(self, limit: int = KEPT, *, peer_id: str = "", code: str = "") -> list[Alarm]:
        """The newest first, of one peer or channel or of all."""
        found = (
            alarm
            for alarm in reversed(self._kept)
            if (not peer_id or alarm.peer_id == peer_id) and (not code or alarm.code == code)
        )
        return [alarm for alarm, _ in zip(found, range(limit), strict=False)]
