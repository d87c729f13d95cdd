"""From the packets of a camera's stream to access units: which tracks, on one clock, key frames told, AAC in ADTS.

Knows FFmpeg's names of codecs and nothing else of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from media.es.aac import RATES, build_adts, is_adts
from media.es.annexb import START_CODE, nal_headers
from media.es.codecs import AAC, H264, H265, PCMA, PCMU
from media.es.rules import NAL_RULES
from media.unit import CLOCK_HZ, AccessUnit
from media.worker.pull_failure import PullEnded

VIDEO = {"h264": H264, "hevc": H265}
AUDIO = {"pcm_alaw": PCMA, "pcm_mulaw": PCMU, "aac": AAC}
FRAME_TICKS = 3600
"""What a unit is taken to last where its time tells nothing: a frame at 25 per second."""
JUMP_TICKS = 10 * CLOCK_HZ
"""A step of the camera's clock that is no time passing."""


@dataclass(frozen=True, slots=True)
class TrackOffer:
    """One track of the camera: FFmpeg's kind and codec name, its clock, and what the description says beside it."""

    index: int
    kind: str
    codec: str
    time_base: Fraction
    extradata: bytes = b""


@dataclass(frozen=True, slots=True)
class Tracks:
    """The tracks that are taken. ``audio_config``: rate, channels and object type of AAC."""

    video: TrackOffer
    audio: TrackOffer | None
    audio_config: tuple[int, int, int] | None = None

    @property
    def video_codec(self) -> str:
        return VIDEO[self.video.codec]

    @property
    def audio_codec(self) -> str | None:
        return AUDIO[self.audio.codec] if self.audio is not None else None

    @property
    def parameter_sets(self) -> bytes:
        """Those of the description, as a byte stream; empty where there are none in that form."""
        sets = self.video.extradata
        return sets if sets.lstrip(b"\x00")[:1] == b"\x01" and START_CODE in sets[:4] else b""


def choose(offers: list[TrackOffer]) -> Tracks:
    """The first video and the first sound we carry. Raises PullEnded: no video, or none in a codec we carry."""
    videos = [offer for offer in offers if offer.kind == "video"]
    if not videos:
        raise PullEnded("no_video", "the stream has no video")
    video = next((offer for offer in videos if offer.codec in VIDEO), None)
    if video is None:
        raise PullEnded("codec_not_carried", " ".join(offer.codec for offer in videos))
    for offer in offers:
        if offer.kind == "audio" and offer.codec in AUDIO:
            config = audio_config(offer.extradata) if offer.codec == "aac" else None
            if offer.codec != "aac" or config is not None:
                return Tracks(video, offer, config)
    return Tracks(video, None)


def audio_config(config: bytes) -> tuple[int, int, int] | None:
    """Rate, channels and object type of an AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) that ADTS can say."""
    if len(config) < 2:
        return None
    object_type = config[0] >> 3
    rate_index = (config[0] & 7) << 1 | config[1] >> 7
    channels = (config[1] >> 3) & 15
    # 5 and 29 (SBR, PS) are AAC-LC below; a decoder that knows more finds it by itself.
    base = 2 if object_type in (5, 29) else object_type
    if not 1 <= base <= 4 or rate_index >= len(RATES) or not 1 <= channels <= 7:
        return None
    return RATES[rate_index], channels, base


class UnitClock:
    """The camera's times as 90 kHz ticks that run on, over jumps of its clock and over its new beginnings."""

    def __init__(self) -> None:
        self._offset: int | None = None
        self._newest = -FRAME_TICKS

    def restart(self) -> None:
        """A new connection: its times have nothing to do with those of before."""
        self._offset = None

    def video(self, ticks: int) -> int:
        """The time of a video unit, in the order of decoding."""
        if self._offset is None or not -JUMP_TICKS < ticks + self._offset - self._newest < JUMP_TICKS:
            self._offset = self._newest + FRAME_TICKS - ticks
        told = ticks + self._offset
        self._newest = max(self._newest, told)
        return max(0, told)

    def audio(self, ticks: int) -> int | None:
        """The time of a sound unit; None while it cannot be told (no video yet, or far away from it)."""
        if self._offset is None:
            return None
        told = ticks + self._offset
        return told if told >= 0 and abs(told - self._newest) < JUMP_TICKS else None


class UnitMaker:
    """Packets of the chosen tracks in, access units out. ``skipped`` counts what was of no use."""

    def __init__(self, tracks: Tracks, clock: UnitClock) -> None:
        self.skipped = 0
        self.tracks = tracks
        self._clock = clock
        self._last_ticks: int | None = None
        self._begun = False
        clock.restart()

    def video(self, pts: int | None, dts: int | None, data: bytes) -> AccessUnit | None:
        """A video unit from a packet with times in the track's own clock; None before the first key frame."""
        key = starts_with_key(self.tracks.video_codec, data)
        if not data or not (self._begun or key):
            self.skipped += 1
            return None
        self._begun = True
        presented, decoded = self._times(pts, dts)
        at = self._clock.video(decoded)
        return AccessUnit(self.tracks.video_codec, at + presented - decoded, at, key, data, "video")

    def _times(self, pts: int | None, dts: int | None) -> tuple[int, int]:
        """Presentation and decoding time in ticks; a packet without any comes a frame after the one before."""
        base = self.tracks.video.time_base
        if pts is None and dts is None:
            decoded = 0 if self._last_ticks is None else self._last_ticks + FRAME_TICKS
            self._last_ticks = decoded
            return decoded, decoded
        first = _ticks(pts if pts is not None else dts, base)
        decoded = min(first, _ticks(dts, base)) if dts is not None else first
        self._last_ticks = decoded
        return first, decoded

    def audio(self, pts: int | None, data: bytes) -> AccessUnit | None:
        """A sound unit; None while there is no picture to go with it."""
        track, codec = self.tracks.audio, self.tracks.audio_codec
        at = self._clock.audio(_ticks(pts, track.time_base)) if track is not None and pts is not None else None
        if codec is None or at is None or not data:
            self.skipped += 1
            return None
        if codec == AAC and not is_adts(data):
            assert self.tracks.audio_config is not None
            rate, channels, object_type = self.tracks.audio_config
            data = build_adts(data, rate=rate, channels=channels, object_type=object_type)
        return AccessUnit(codec, at, at, True, data, "audio")


def _ticks(time: int | None, base: Fraction) -> int:
    assert time is not None
    return time * base.numerator * CLOCK_HZ // base.denominator


def starts_with_key(codec: str, data: bytes) -> bool:
    """Whether decoding may start at this unit: by its first slice, not by what anybody says of it."""
    rules = NAL_RULES[codec]
    for header in nal_headers(data):
        kind = rules.nal_type(data[header])
        if rules.is_vcl(kind):
            return rules.is_random_access(kind)
    return False
