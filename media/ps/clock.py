"""Times of access units: PES time stamps unwrapped, and replaced where a sender's clock is useless."""

from __future__ import annotations

from collections import Counter

from media.ps.tolerance import PsTolerance
from media.serial import PTS_BITS, TIMESTAMP_BITS, Unwrapper, distance
from media.unit import CLOCK_HZ

NOMINAL_STEP = CLOCK_HZ // 25
_FOREIGN_STEP = 400
_FOREIGN_FRAMES = 16
_MILLISECOND_STEP = 200
_MAX_STEP = 10 * CLOCK_HZ
_MAX_OFFSET = 10 * CLOCK_HZ
_AUDIO_EVIDENCE = 3


class VideoClock:
    """PTS and DTS of video frames in 90 kHz, running on over the 33-bit wrap.

    A missing or standing PTS is replaced by the RTP timestamp, else by the usual frame distance. A PTS that counts
    milliseconds or 8 kHz ticks is found out by 16 frame distances too small to be true.
    """

    def __init__(self, tolerance: PsTolerance, tolerated: Counter[str]) -> None:
        self._tolerance = tolerance
        self._tolerated = tolerated
        self._pts = Unwrapper(PTS_BITS)
        self._raw: int | None = None
        self._timestamp: int | None = None
        self._step = NOMINAL_STEP
        self._small: list[tuple[int, int]] = []
        self._scale = 0.0
        self.last_pts: int | None = None
        self.last_dts: int | None = None

    def resolve(self, pts: int | None, dts: int | None, timestamp: int | None) -> tuple[int, int, bool]:
        """(pts, dts, replaced) of the next frame; ``pts`` and ``dts`` as sent, ``timestamp`` of its first packet."""
        replaced = False
        rtp_step = self._rtp_step(timestamp)
        usable = pts is not None and (pts != self._raw or not self._tolerance.wrong_clock)
        if usable and pts is not None and self._is_foreign(pts, rtp_step):
            usable = False
        if usable and pts is not None:
            out_pts = self._pts.unwrap(pts)
            out_dts = out_pts + (distance(dts, pts, PTS_BITS) if dts is not None else 0)
            if self.last_pts is not None and 0 < out_pts - self.last_pts < _MAX_STEP:
                self._step = out_pts - self.last_pts
        else:
            out_pts = out_dts = self._replacement(pts, timestamp, rtp_step)
            replaced = self.last_pts is not None or pts is None
            self._pts.unwrap(out_pts & ((1 << PTS_BITS) - 1))
        self._raw, self._timestamp = pts, timestamp
        out_pts, out_dts = self._ordered(out_pts, out_dts)
        self.last_pts, self.last_dts = out_pts, out_dts
        self._tolerated["wrong_clock"] += replaced
        return out_pts, out_dts, replaced

    def _rtp_step(self, timestamp: int | None) -> int:
        """RTP timestamp distance from the frame before; 0 when it says nothing."""
        if timestamp is None or self._timestamp is None:
            return 0
        step = distance(timestamp, self._timestamp, TIMESTAMP_BITS)
        return step if 0 < step < _MAX_STEP else 0

    def _replacement(self, pts: int | None, timestamp: int | None, rtp_step: int) -> int:
        if self.last_pts is None:
            return timestamp or 0
        if self._scale and pts is not None and self._raw is not None:
            scaled = round(distance(pts, self._raw, PTS_BITS) * self._scale)
            if 0 < scaled < _MAX_STEP:
                return self.last_pts + scaled
        return self.last_pts + (rtp_step if rtp_step >= _FOREIGN_STEP else self._step)

    def _is_foreign(self, pts: int, rtp_step: int) -> bool:
        """Does this clock tick in another unit than 90 kHz?"""
        if not self._tolerance.wrong_clock or self._raw is None:
            return False
        if self._scale:
            return True
        step = distance(pts, self._raw, PTS_BITS)
        if not 0 < step < _FOREIGN_STEP:
            self._small.clear()
            return False
        self._small.append((step, rtp_step))
        if len(self._small) < _FOREIGN_FRAMES:
            return False
        middle = sorted(step for step, _ in self._small)[_FOREIGN_FRAMES // 2]
        by_rtp = sorted(step for _, step in self._small)[_FOREIGN_FRAMES // 2]
        if by_rtp >= _FOREIGN_STEP:
            self._scale = by_rtp / middle
        else:
            self._scale = CLOCK_HZ / 1000 if middle <= _MILLISECOND_STEP else CLOCK_HZ / 8000
        self._step = round(middle * self._scale)
        return True

    def _ordered(self, pts: int, dts: int) -> tuple[int, int]:
        """DTS not behind PTS, not absurdly before it, and growing."""
        if not self._tolerance.clamp_dts:
            return pts, dts
        if dts > pts or pts - dts > _MAX_STEP:
            self._tolerated["clamp_dts"] += 1
            dts = pts
        if self.last_dts is not None and self.last_dts - _MAX_STEP < dts <= self.last_dts:
            self._tolerated["clamp_dts"] += 1
            dts = self.last_dts + 1
            pts = max(pts, dts)
        return pts, dts


class AudioClock:
    """PTS of audio in 90 kHz. Stamps that are missing, stand still, or count milliseconds or samples of 8 kHz are
    replaced by the running sum of durations; a time origin far from the video's is moved to it."""

    def __init__(self, tolerance: PsTolerance, tolerated: Counter[str]) -> None:
        self._tolerance = tolerance
        self._tolerated = tolerated
        self._pts = Unwrapper(PTS_BITS)
        self._raw: int | None = None
        self._evidence = 0
        self._offset = 0
        self._duration = 0
        self._last: int | None = None

    def resolve(self, pts: int | None, duration: int, video: int | None) -> tuple[int, bool]:
        """(pts, replaced) of audio lasting ``duration`` ticks; ``video`` is the newest video DTS, if any."""
        counted = self._last + self._duration if self._last is not None else None
        usable = pts is not None
        if self._tolerance.wrong_clock and pts is not None and counted is not None:
            usable = not self._is_foreign(pts)
        if usable and pts is not None:
            out = self._aligned(self._pts.unwrap(pts), video)
        elif counted is not None:
            out = counted
        else:
            out = video if video is not None else pts or 0
        if video is not None and not usable and abs(out - video) > _MAX_OFFSET:
            out = video
        self._raw, self._duration, self._last = pts, duration, out
        self._tolerated["wrong_clock"] += not usable
        return out, not usable

    def _is_foreign(self, pts: int) -> bool:
        if self._raw is None:
            return False
        step = distance(pts, self._raw, PTS_BITS)
        foreign = self._duration > 0 and step in (0, self._duration // 90, self._duration * 4 // 45)
        if step == 0:
            return True
        self._evidence = min(_AUDIO_EVIDENCE, self._evidence + 1) if foreign else 0
        return self._evidence >= _AUDIO_EVIDENCE

    def _aligned(self, pts: int, video: int | None) -> int:
        if video is None or not self._tolerance.separate_clocks:
            return pts
        if abs(pts - video) <= _MAX_OFFSET:
            self._offset = 0
        elif abs(pts + self._offset - video) > _MAX_OFFSET:
            self._offset = video - pts
            self._tolerated["separate_clocks"] += 1
        return pts + self._offset
