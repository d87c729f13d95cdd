"""Access units of one input as RTP payloads for its WebRTC viewers: cut once, whatever the number of viewers.

Everybody starts at a key frame. What came since the last one is kept for those who join or ask again; they get it at
once, its times pushed together in front of the present, so that it is shown in fast motion and not waited for. Nobody
can hold up the others: who does not keep up loses what waits for him and goes on at the next key frame.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from media.es.codecs import H264, PCMA, PCMU
from media.es.packetize import h264_payloads
from media.es.parameter_sets import ParameterSets
from media.unit import AccessUnit, Track

KEPT_LIMIT = 4 * 1024 * 1024
"""Bytes kept for those who join; a longer group of pictures is not kept."""
QUEUE_LIMIT = 2 * KEPT_LIMIT
"""Bytes that may wait for one viewer: what is kept, and as much again of what comes while that is sent."""
KEPT_STEP = 9
"""Distance (90 kHz) of kept pictures when they are sent: 250 of them pass in less than one frame at 25 a second."""
AUDIO_CODECS = (PCMA, PCMU)
_REORDERED_OFTEN = 2
_JUMP = 900_000
"""A step back by more than this (90 kHz) is another clock, not another order."""


@dataclass(slots=True)
class RtpUnit:
    """One access unit ready for RTP. ``kept``: sent once more for somebody who joined later; ``pts`` in 90 kHz."""

    track: Track
    pts: int
    key: bool
    data: bytes
    kept: bool = False
    _payloads: list[bytes] = field(default_factory=list)

    @property
    def payloads(self) -> list[bytes]:
        """Of video: RTP payloads of the access unit, cut when first asked for."""
        if not self._payloads:
            self._payloads = h264_payloads(self.data)
        return self._payloads

    def kept_at(self, pts: int) -> RtpUnit:
        """The same once more, at another time."""
        return RtpUnit(self.track, pts, self.key, self.data, True, self.payloads)


class UnitQueue:
    """What waits for one viewer. One task reads it with `next`; ``sent`` is counted by that task."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self.dropped = 0
        self.sent = 0
        self.ended: str | None = None
        self._limit = limit
        self._queue: deque[RtpUnit] = deque()
        self._size = 0
        self._skipping = False
        self._news = asyncio.Event()
        self._over = asyncio.Event()

    async def over(self) -> None:
        """Wait until it is over."""
        await self._over.wait()

    async def next(self) -> RtpUnit | None:
        """The next unit; None, without what still waits, when it is over (see `ended`)."""
        while self.ended is None:
            if self._queue:
                unit = self._queue.popleft()
                self._size -= len(unit.data)
                return unit
            self._news.clear()
            await self._news.wait()
        return None

    def put(self, unit: RtpUnit) -> None:
        """A unit, left out together with what waits when the viewer is too slow."""
        opens = unit.key and unit.track == "video"
        if self._skipping and not opens:
            self.dropped += 1
            return
        if opens:
            self._skipping = False
        if self._size + len(unit.data) > self._limit:
            self._overflow(unit)
            return
        self._queue.append(unit)
        self._size += len(unit.data)
        self._news.set()

    def begin(self, kept: list[RtpUnit]) -> None:
        """Start (again) with ``kept``; without a key frame in it at the next one. What waited is replaced."""
        self._queue.clear()
        self._size = 0
        self._skipping = True
        for unit in kept:
            self.put(unit)

    def skip(self) -> None:
        """Leave out what comes before the next key frame."""
        self._skipping = True

    def end(self, reason: str) -> None:
        """Nothing follows, and nothing that waits is sent."""
        if self.ended is None:
            self.ended = reason
        self._news.set()
        self._over.set()

    def _overflow(self, unit: RtpUnit) -> None:
        self.dropped += len(self._queue) + 1
        self._queue.clear()
        self._size = 0
        self._skipping = True
        if unit.key and unit.track == "video" and len(unit.data) <= self._limit:
            self.dropped -= 1
            self._skipping = False
            self._queue.append(unit)
            self._size = len(unit.data)
            self._news.set()


class LiveUnits:
    """The WebRTC viewers of one input. ``reordered``: pictures come in another order than they are shown (B frames)."""

    def __init__(self) -> None:
        self.queues: set[UnitQueue] = set()
        self._expected: set[UnitQueue] = set()
        self.codec: str | None = None
        self.audio_codec: str | None = None
        self.reordered = False
        self._sets = ParameterSets(H264)
        self._kept: list[RtpUnit] = []
        self._kept_size = 0
        self._last_pts = 0
        self._steps_back = 0

    @property
    def profile(self) -> str | None:
        """profile_idc, constraints and level_idc of the stream in six hexadecimal digits."""
        size = self._sets.picture_size()
        return size.codecs.rpartition(".")[2].lower() if size is not None else None

    def expect(self, queue: UnitQueue) -> None:
        """A viewer who is not connected yet: nothing is sent, but what ends the others ends him too."""
        self._expected.add(queue)

    def join(self, queue: UnitQueue) -> None:
        """Add a viewer, who gets what is kept first."""
        self._expected.discard(queue)
        self.queues.add(queue)
        queue.begin(self._again())

    def restart(self, queue: UnitQueue) -> bool:
        """Give a viewer who lost his picture what is kept once more; False when nothing is kept."""
        if self._kept:
            queue.begin(self._again())
        return bool(self._kept)

    def leave(self, queue: UnitQueue) -> None:
        """Remove a viewer."""
        self._expected.discard(queue)
        self.queues.discard(queue)

    def offer(self, units: list[AccessUnit]) -> None:
        """What came from the camera, in its order."""
        for unit in units:
            if unit.track == "audio":
                self.audio_codec = unit.codec
                if unit.codec in AUDIO_CODECS:
                    self._send(RtpUnit("audio", unit.pts, False, unit.data))
            else:
                self._picture(unit)

    def interrupt(self) -> None:
        """What comes now does not go on where the last picture ended: everybody goes on at the next key frame."""
        self._forget()
        self._steps_back = 0
        for queue in self.queues:
            queue.skip()

    def end(self, reason: str) -> None:
        """The stream is over for everybody."""
        self._forget()
        for queue in self.queues | self._expected:
            queue.end(reason)

    def _picture(self, unit: AccessUnit) -> None:
        if unit.key:
            self._begin_group(unit.codec)
        if unit.codec != H264 or self.codec != H264:
            return
        data = unit.data
        if unit.key:
            self._sets.absorb_stream(data)
            data = self._sets.completed(data)
        self._steps_back += 0 < self._last_pts - unit.pts < _JUMP
        self._last_pts = unit.pts
        made = RtpUnit("video", unit.pts, unit.key, data)
        if unit.key or self._kept:
            self._keep(made)
        self._send(made)

    def _begin_group(self, codec: str) -> None:
        if codec != self.codec:
            if self.codec is not None:
                self.end("the codec of the stream has changed")
            self.codec, self.reordered = codec, False
            self._sets = ParameterSets(H264)
        else:
            self.reordered = self._steps_back >= _REORDERED_OFTEN
            if self.reordered:  # the first viewer of a stream comes before that is known
                self.end("the stream has B frames, which WebRTC cannot play")
        self._steps_back = 0
        self._forget()

    def _send(self, unit: RtpUnit) -> None:
        for queue in self.queues:
            queue.put(unit)

    def _again(self) -> list[RtpUnit]:
        if not self._kept:
            return []
        newest, last = self._kept[-1].pts, len(self._kept) - 1
        return [unit.kept_at(newest - (last - n) * KEPT_STEP) for n, unit in enumerate(self._kept)]

    def _keep(self, unit: RtpUnit) -> None:
        self._kept.append(unit)
        self._kept_size += len(unit.data)
        if self._kept_size > KEPT_LIMIT:
            self._forget()

    def _forget(self) -> None:
        self._kept.clear()
        self._kept_size = 0
