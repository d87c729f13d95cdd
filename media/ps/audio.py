"""Audio PES payloads to access units."""

from __future__ import annotations

from media.es.aac import SAMPLES_PER_FRAME, adts_frames, is_adts, parse_adts
from media.es.codecs import AAC, PCMA, PCMU
from media.es.g711 import duration, strip_hisilicon
from media.ps.clock import AudioClock
from media.ps.counters import PsCounters
from media.ps.tolerance import PsTolerance
from media.unit import CLOCK_HZ, AccessUnit

_G711_FRAME = 80


class AudioTrack:
    """One audio track: a PES payload is one unit, handed out at once. Units are appended to ``units``."""

    def __init__(self, tolerance: PsTolerance, counters: PsCounters, units: list[AccessUnit]) -> None:
        self._tolerance = tolerance
        self._counters = counters
        self._units = units
        self._clock = AudioClock(tolerance, counters.tolerated)
        self._announced: str | None = None
        self._lost = False
        self.codec: str | None = None

    def announce(self, codec: str | None) -> None:
        """The program stream map names the codec."""
        if codec is not None:
            self._announced = codec

    def loss(self) -> None:
        """Bytes are missing before the next payload."""
        self._lost = True

    def add(self, pts: int | None, data: bytes, video: int | None) -> None:
        """Payload of a whole audio PES; ``video`` is the newest video DTS, if any."""
        if not data:
            return
        repairs = []
        if self._tolerance.chip_audio_header:
            stripped = strip_hisilicon(data)
            if stripped is not data:
                self._counters.tolerated["chip_audio_header"] += 1
                repairs.append("chip_audio_header")
                data = stripped
        codec = self._codec_of(data)
        if codec is None:
            self._counters.dropped += 1
            return
        self.codec = codec
        time, replaced = self._clock.resolve(pts, _duration(codec, data), video)
        if replaced:
            repairs.append("wrong_clock")
        self._units.append(AccessUnit(codec, time, time, True, data, "audio", False, self._lost, tuple(repairs)))
        self._counters.units += 1
        self._lost = False

    def _codec_of(self, data: bytes) -> str | None:
        if self._announced is None:
            if not self._tolerance.guess_codec:
                return None
            self._counters.tolerated["guess_codec"] += 1
            if is_adts(data):
                return AAC
            return PCMA if len(data) % _G711_FRAME == 0 else None
        if self._announced in (PCMA, PCMU) and self._tolerance.bitstream_over_map and is_adts(data):
            self._counters.tolerated["bitstream_over_map"] += 1
            return AAC
        return self._announced


def _duration(codec: str, data: bytes) -> int:
    """Ticks the payload lasts; 0 when unknown."""
    if codec in (PCMA, PCMU):
        return duration(len(data))
    if codec == AAC:
        header = parse_adts(data)
        if header is not None:
            return len(adts_frames(data)) * SAMPLES_PER_FRAME * CLOCK_HZ // header.rate
    return 0
