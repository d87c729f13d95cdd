"""Video whose PES says no length, or a wrong one: it runs to the next structure (ISO/IEC 13818-1 2.4.3.7)."""

from __future__ import annotations

from typing import Protocol

from media.ps.start_codes import next_structure

_PIECE = 16
_HELD_BACK = 3


class VideoSink(Protocol):
    """Receives pieces of video. Views are valid during the call only."""

    def video(self, stream_id: int, pts: int | None, dts: int | None, data: memoryview) -> None:
        """Payload of a video PES, or the next part of it (both times None)."""


class OpenVideo:
    """Delivers such video piece by piece, held back by the bytes that might begin a start code.

    ``stream_id``: that of the video under way; None when there is none.
    """

    __slots__ = ("_scanned", "_sink", "_times", "stream_id")

    def __init__(self, sink: VideoSink) -> None:
        self._sink = sink
        self._times: tuple[int | None, int | None] = (None, None)
        self._scanned = 0
        self.stream_id: int | None = None

    def begin(self, stream_id: int, at: int, pts: int | None = None, dts: int | None = None) -> None:
        """Video with these times (None: more of what went before) goes on from offset ``at``."""
        self.stream_id = stream_id
        self._times = pts, dts
        self._scanned = at

    def end(self) -> None:
        """What follows is no more of it."""
        self.stream_id = None

    def pass_on(self, buffer: bytearray, begin: int) -> int:
        """Deliver from ``begin`` on what is certain, and end at a structure; the offset behind what was delivered."""
        at = next_structure(buffer, max(self._scanned, begin), len(buffer))
        if at is not None:
            position = self.deliver(buffer, begin, at)
            self.end()
            return position
        keep = len(buffer) - _HELD_BACK
        position = self.deliver(buffer, begin, keep) if keep >= begin + _PIECE else begin
        self._scanned = position
        return position

    def deliver(self, buffer: bytearray, begin: int, end: int) -> int:
        """Deliver these bytes; the offset behind them."""
        if self.stream_id is None or end <= begin:
            return begin
        pts, dts = self._times
        self._times = None, None
        with memoryview(buffer) as view, view[begin:end] as data:
            self._sink.video(self.stream_id, pts, dts, data)
        return end

    def moved(self, by: int) -> None:
        """The buffer lost that many bytes at its front."""
        self._scanned = max(self._scanned - by, 0)
