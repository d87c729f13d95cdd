"""Program stream in RTP payloads, or in plain bytes, to access units."""

from __future__ import annotations

from dataclasses import dataclass

from media.es.codecs import STREAM_TYPES, VIDEO_CODECS
from media.es.parameter_sets import ParameterSets
from media.ps.assembler import VideoAssembler
from media.ps.audio import AudioTrack
from media.ps.counters import PsCounters
from media.ps.pes import AUDIO_ID, VIDEO_ID
from media.ps.psm import ProgramStreamMap
from media.ps.reader import PsReader
from media.ps.tolerance import LENIENT, PsTolerance
from media.unit import AccessUnit


@dataclass(frozen=True, slots=True)
class PsLimits:
    """``max_unit``: largest video access unit, bytes; a larger one is dropped."""

    max_unit: int = 10 << 20


class PsDemuxer:
    """Reads one program stream with at most one video and one audio track.

    Feed RTP payloads in order with their timestamp, marker and whether packets were lost before; or feed bytes of a
    file without these. A video frame is handed out as soon as its end is known: at the marker or the timestamp change
    once these have proven right for 50 frames, else when the next frame begins. Audio is handed out at once.
    Never raises on any input; memory is bounded by ``limits``. Elementary-stream bytes are never changed except where
    ``AccessUnit.repaired`` says so.
    """

    def __init__(self, limits: PsLimits = PsLimits(), *, tolerance: PsTolerance = LENIENT) -> None:
        self.counters = PsCounters()
        self._units: list[AccessUnit] = []
        self._video = VideoAssembler(tolerance, self.counters, limits.max_unit, self._units)
        self._audio = AudioTrack(tolerance, self.counters, self._units)
        self._any_id = tolerance.any_stream_id
        self._video_id: int | None = None if self._any_id else VIDEO_ID
        self._audio_id: int | None = None if self._any_id else AUDIO_ID
        self._map: ProgramStreamMap | None = None
        self._reader = PsReader(self, tolerance, self.counters)
        self._timestamp: int | None = None

    @property
    def video_codec(self) -> str | None:
        """Codec of the video track as far as known."""
        return self._video.codec

    @property
    def audio_codec(self) -> str | None:
        """Codec of the last audio unit."""
        return self._audio.codec

    @property
    def parameter_sets(self) -> ParameterSets | None:
        """Parameter sets met so far; None before the video codec is known."""
        return self._video.sets

    def feed(
        self, payload: bytes, *, timestamp: int | None = None, marker: bool = False, gap: bool = False
    ) -> list[AccessUnit]:
        """One RTP payload, or a piece of a file (no ``timestamp``). Returns the units it completed."""
        video, reader = self._video, self._reader
        if timestamp != self._timestamp:
            if video.stamp.trusted and not gap and video.open and reader.clean:
                reader.drain()
                video.finish(early=True)
            self._timestamp = video.timestamp = timestamp
        reader.feed(payload, gap=gap, whole=timestamp is not None and not gap)
        if marker:
            self._hear_marker()
        if not self._units:
            return []
        units = self._units[:]
        self._units.clear()
        return units

    def _hear_marker(self) -> None:
        video, reader = self._video, self._reader
        if not reader.clean:
            video.marker.deny()
            return
        reader.drain()
        if video.open:
            if video.marker.trusted:
                video.finish(early=True)
            else:
                video.marked = True

    def flush(self) -> list[AccessUnit]:
        """End of the stream: the last picture, as far as it came."""
        self._reader.flush()
        self._video.finish()
        units = self._units[:]
        self._units.clear()
        return units

    def pack(self) -> None:
        """Called by the reader: a pack begins."""
        self._video.pack()

    def map(self, found: ProgramStreamMap) -> None:
        """Called by the reader: a program stream map."""
        self._map = found
        for stream_type, stream_id in found.entries:
            codec = STREAM_TYPES.get(stream_type)
            if codec is None:
                continue
            if codec in VIDEO_CODECS:
                if stream_id == self._video_id or self._video_id is None:
                    self._video.announce(codec)
            elif stream_id == self._audio_id or self._audio_id is None:
                self._audio.announce(codec)

    def video(self, stream_id: int, pts: int | None, dts: int | None, data: memoryview) -> None:
        """Called by the reader: payload of a video PES."""
        if stream_id != self._video_id:
            if self._video_id is not None:
                return
            self._take_video(stream_id)
        self._video.add(pts, dts, data)

    def _take_video(self, stream_id: int) -> None:
        self._video_id = stream_id
        self.counters.tolerated["any_stream_id"] += stream_id != VIDEO_ID
        self._video.announce(self._mapped(stream_id))

    def audio(self, stream_id: int, pts: int | None, data: bytes) -> None:
        """Called by the reader: payload of an audio PES."""
        if stream_id != self._audio_id:
            if self._audio_id is not None:
                return
            self._audio_id = stream_id
            self.counters.tolerated["any_stream_id"] += stream_id != AUDIO_ID
            self._audio.announce(self._mapped(stream_id))
        self._audio.add(pts, data, self._video.clock.last_dts)

    def _mapped(self, stream_id: int) -> str | None:
        stream_type = self._map.type_of(stream_id) if self._map is not None else None
        return STREAM_TYPES.get(stream_type) if stream_type is not None else None

    def loss(self) -> None:
        """Called by the reader: bytes are missing here."""
        self._video.loss()
        self._audio.loss()

    def repaired(self, name: str) -> None:
        """Called by the reader: the video just delivered needed a tolerance."""
        self._video.repaired(name)
