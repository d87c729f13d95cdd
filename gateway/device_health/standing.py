"""Online, offline or unstable: what others are told of a device that comes and goes (滞回). Pure.

One coming and going is told as it happens. A device that did so more than a few times in a short while is held as
unstable: it may be viewed, but others see it off until it has stayed. So upper platforms get one OFF, not a storm.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Standing(enum.StrEnum):
    """How a device stands. UNSTABLE: registered, and still shown as off."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNSTABLE = "unstable"


class Turn(enum.Enum):
    """What happened to its registration; "flapping": once too often in a short while."""

    CAME = "came"
    CAME_FLAPPING = "came, flapping"
    MOVED = "moved"
    MOVED_FLAPPING = "moved, flapping"
    WENT = "went"
    STAYED = "stayed"


class Tell(enum.Enum):
    """What the other parts are told."""

    ONLINE = "online"
    OFFLINE = "offline"
    ENDED = "ended"
    """Its registration ended, of which nothing was shown: calls to the old address end, no more."""


TRANSITIONS: dict[tuple[Standing, Turn], tuple[Standing, tuple[Tell, ...]]] = {
    (Standing.OFFLINE, Turn.CAME): (Standing.ONLINE, (Tell.ONLINE,)),
    (Standing.OFFLINE, Turn.CAME_FLAPPING): (Standing.UNSTABLE, ()),
    (Standing.ONLINE, Turn.MOVED): (Standing.ONLINE, (Tell.OFFLINE, Tell.ONLINE)),
    (Standing.ONLINE, Turn.MOVED_FLAPPING): (Standing.UNSTABLE, (Tell.OFFLINE,)),
    (Standing.ONLINE, Turn.WENT): (Standing.OFFLINE, (Tell.OFFLINE,)),
    (Standing.UNSTABLE, Turn.MOVED): (Standing.UNSTABLE, (Tell.ENDED,)),
    (Standing.UNSTABLE, Turn.MOVED_FLAPPING): (Standing.UNSTABLE, (Tell.ENDED,)),
    (Standing.UNSTABLE, Turn.WENT): (Standing.OFFLINE, (Tell.ENDED,)),
    (Standing.UNSTABLE, Turn.STAYED): (Standing.ONLINE, (Tell.ONLINE,)),
}


@dataclass(frozen=True, slots=True)
class FlapPolicy:
    """A device that comes back more than `allowed` times within `window_s` is unstable; it is online again when it has
    stayed for `settle_s` and was heard in that time. Seconds."""

    allowed: int = 3
    window_s: float = 600.0
    settle_s: float = 120.0


@dataclass(slots=True)
class Stand:
    """How one device stands, since when (unix seconds), and when it came back lately."""

    standing: Standing = Standing.OFFLINE
    since: float = 0.0
    flaps: tuple[float, ...] = ()

    def came(self, now: float, policy: FlapPolicy, *, went_at: float | None) -> tuple[Tell, ...]:
        """It registered; `went_at` is when it was last lost, None when that does not count (a restart of ours, an
        operator's act)."""
        back = went_at is not None and now - went_at <= policy.window_s
        return self._take(Turn.CAME_FLAPPING if self._flapped(now, policy, back) else Turn.CAME, now)

    def moved(self, now: float, policy: FlapPolicy) -> tuple[Tell, ...]:
        """It registered from another address while it was registered."""
        return self._take(Turn.MOVED_FLAPPING if self._flapped(now, policy, True) else Turn.MOVED, now)

    def went(self, now: float) -> tuple[Tell, ...]:
        """Its registration ended."""
        return self._take(Turn.WENT, now)

    def looked_at(self, now: float, heard_at: float, policy: FlapPolicy) -> tuple[Tell, ...]:
        """Whether an unstable device has stayed long enough."""
        stayed = now - self.since >= policy.settle_s and heard_at > self.since
        return self._take(Turn.STAYED, now) if stayed and self.standing is Standing.UNSTABLE else ()

    def recent(self, now: float, policy: FlapPolicy) -> int:
        """How often it came back within the window."""
        return sum(now - at <= policy.window_s for at in self.flaps)

    def _flapped(self, now: float, policy: FlapPolicy, back: bool) -> bool:
        if back:
            # One more than allowed is all there is to know.
            self.flaps = (*(at for at in self.flaps if now - at <= policy.window_s), now)[-(policy.allowed + 1) :]
        return self.recent(now, policy) > policy.allowed

    def _take(self, turn: Turn, now: float) -> tuple[Tell, ...]:
        found = TRANSITIONS.get((self.standing, turn))
        if found is None:
            return ()
        self.standing, self.since = found[0], now
        return found[1]
