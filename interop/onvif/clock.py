"""The clock of a camera: right, or years away from ours."""

from __future__ import annotations

from collections.abc import Callable


class CameraClock:
    """Two times: `now()` runs evenly, for movements and terms; `utc()` is what the camera believes the date is."""

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], float], offset_s: float = 0.0) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self.offset_s = offset_s
        self.source = "Manual" if offset_s else "NTP"

    def now(self) -> float:
        """Seconds from any beginning."""
        return self._monotonic()

    def utc(self) -> float:
        """The camera's date and time, seconds since 1970."""
        return self._wall() + self.offset_s

    def set_by_hand(self, utc: float) -> None:
        """SetSystemDateAndTime with a date."""
        self.offset_s = utc - self._wall()
        self.source = "Manual"

    def follow_ntp(self) -> None:
        """SetSystemDateAndTime to NTP: right from now on."""
        self.offset_s = 0.0
        self.source = "NTP"
