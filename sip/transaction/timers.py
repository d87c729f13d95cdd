"""Deadlines of many transactions, exact and without leftovers.

Almost every SIP timer has one of a few fixed durations, so timers of equal duration end in the order they were started.
They are kept in one queue ("lane") per timer and duration: starting, stopping and ending a timer cost the same small
amount however many are running, and a stopped timer leaves nothing behind.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from operator import itemgetter
from typing import Protocol

from sip.transaction.tables import Input


class Lane:
    """All running timers of one name and one duration, earliest first."""

    __slots__ = ("duration", "entries", "timer")

    def __init__(self, timer: Input, duration: float) -> None:
        self.timer = timer
        self.duration = duration
        self.entries: OrderedDict[Timed, float] = OrderedDict()


class Timed(Protocol):
    """Something that owns timers; it keeps the list of the lanes it stands in."""

    armed: list[Lane]

    def happen(self, happened: Input, now: float) -> bool:
        """Take one input; False when it is ignored."""
        ...

    def __hash__(self) -> int: ...


class TimerLanes:
    """The running timers of one endpoint. `now` must never run backwards by more than a timer's duration."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[Input, float], Lane] = {}

    def arm(self, owner: Timed, timer: Input, duration: float, now: float) -> None:
        """Start a timer, or start it again."""
        if owner.armed:
            self.disarm(owner, timer)
        key = (timer, duration)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(timer, duration)
        lane.entries[owner] = now + duration
        owner.armed.append(lane)

    def disarm(self, owner: Timed, timer: Input) -> None:
        """Stop a timer; nothing happens when it does not run."""
        for lane in owner.armed:
            if lane.timer is timer:
                owner.armed.remove(lane)
                lane.entries.pop(owner, None)
                return

    def disarm_all(self, owner: Timed) -> None:
        """Stop every timer of one owner."""
        for lane in owner.armed:
            lane.entries.pop(owner, None)
        owner.armed.clear()

    def deadline(self) -> float | None:
        """When the next timer ends, or None when none runs."""
        heads = [next(iter(lane.entries.values())) for lane in self._lanes.values() if lane.entries]
        return min(heads) if heads else None

    def due(self, now: float) -> Iterator[tuple[Timed, Input]]:
        """Take out the timers that have ended by `now`, in the order of their deadlines."""
        ended: list[tuple[float, Timed, Input]] = []
        for lane in self._lanes.values():
            entries = lane.entries
            while entries:
                owner, deadline = next(iter(entries.items()))
                if deadline > now:
                    break
                del entries[owner]
                owner.armed.remove(lane)
                ended.append((deadline, owner, lane.timer))
        ended.sort(key=itemgetter(0))
        return ((owner, timer) for _, owner, timer in ended)

    def oldest(self, timer: Input, duration: float) -> Timed | None:
        """Whose timer of this name and duration ends first."""
        lane = self._lanes.get((timer, duration))
        return next(iter(lane.entries)) if lane is not None and lane.entries else None

    def __len__(self) -> int:
        return sum(len(lane.entries) for lane in self._lanes.values())
