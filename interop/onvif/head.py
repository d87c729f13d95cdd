"""The moving parts of a camera: where an axis is at a moment, given how it was set in motion."""

from __future__ import annotations

from dataclasses import dataclass, replace

SLOWEST = 0.01


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis. It was at `start` when `since` came, and moves at `speed` a second until `until` or its end stop."""

    low: float
    high: float
    start: float = 0.0
    since: float = 0.0
    speed: float = 0.0
    until: float = 0.0

    def at(self, now: float) -> float:
        """The position."""
        moved = self.start + self.speed * (max(self.since, min(now, self.until)) - self.since)
        return min(self.high, max(self.low, moved))

    def moving(self, now: float) -> bool:
        """Whether it moves: its time has not run out and it is not at the end stop."""
        end = self.high if self.speed > 0 else self.low
        return self.speed != 0 and now < self.until and self.at(now) != end

    def continuous(self, now: float, speed: float, timeout_s: float) -> Axis:
        """Set in motion for a time."""
        return replace(self, start=self.at(now), since=now, speed=speed, until=now + timeout_s)

    def towards(self, now: float, target: float, speed: float) -> Axis:
        """Set in motion to a position, at a speed above 0; a target beyond the end stop ends there."""
        start = self.at(now)
        way = min(self.high, max(self.low, target)) - start
        return replace(self, start=start, since=now, speed=speed if way > 0 else -speed, until=now + abs(way) / speed)

    def stopped(self, now: float) -> Axis:
        """Standing where it is."""
        return replace(self, start=self.at(now), since=now, speed=0.0, until=now)


@dataclass(frozen=True, slots=True)
class Position:
    """Pan and tilt from -1 to 1, zoom from 0 to 1 (ONVIF generic position spaces)."""

    pan: float
    tilt: float
    zoom: float


class PtzHead:
    """Pan, tilt and zoom of one video source."""

    def __init__(self, pan_tilt_per_s: float, zoom_per_s: float) -> None:
        self.pan = Axis(-1.0, 1.0)
        self.tilt = Axis(-1.0, 1.0)
        self.zoom = Axis(0.0, 1.0)
        self._pan_tilt_per_s = pan_tilt_per_s
        self._zoom_per_s = zoom_per_s

    def position(self, now: float) -> Position:
        """Where it looks."""
        return Position(self.pan.at(now), self.tilt.at(now), self.zoom.at(now))

    def moving(self, now: float) -> tuple[bool, bool]:
        """Whether pan and tilt move, and whether the zoom moves."""
        return self.pan.moving(now) or self.tilt.moving(now), self.zoom.moving(now)

    def continuous(
        self, now: float, pan: float | None, tilt: float | None, zoom: float | None, timeout_s: float
    ) -> None:
        """Move at velocities from -1 to 1; an axis whose velocity is None goes on as it did."""
        if pan is not None:
            self.pan = self.pan.continuous(now, pan * self._pan_tilt_per_s, timeout_s)
        if tilt is not None:
            self.tilt = self.tilt.continuous(now, tilt * self._pan_tilt_per_s, timeout_s)
        if zoom is not None:
            self.zoom = self.zoom.continuous(now, zoom * self._zoom_per_s, timeout_s)

    def towards(
        self,
        now: float,
        pan: float | None,
        tilt: float | None,
        zoom: float | None,
        pan_tilt_speed: float = 1.0,
        zoom_speed: float = 1.0,
    ) -> None:
        """Move to a position; speeds are shares of the full speed, from 0 to 1, and never quite 0."""
        pan_tilt_per_s = self._pan_tilt_per_s * max(SLOWEST, min(1.0, pan_tilt_speed))
        if pan is not None:
            self.pan = self.pan.towards(now, pan, pan_tilt_per_s)
        if tilt is not None:
            self.tilt = self.tilt.towards(now, tilt, pan_tilt_per_s)
        if zoom is not None:
            self.zoom = self.zoom.towards(now, zoom, self._zoom_per_s * max(SLOWEST, min(1.0, zoom_speed)))

    def stop(self, now: float, pan_tilt: bool, zoom: bool) -> None:
        """Stop some or all axes."""
        if pan_tilt:
            self.pan, self.tilt = self.pan.stopped(now), self.tilt.stopped(now)
        if zoom:
            self.zoom = self.zoom.stopped(now)
