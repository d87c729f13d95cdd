"""Access units to a fragmented MP4 stream for browsers: H.264 as avc1, H.265 as hvc1, G.711 as AAC."""

from __future__ import annotations

from media.errors import LocalError
from media.es import h264, h265
from media.es.aac import AdtsHeader
from media.es.codecs import H264, H265
from media.es.parameter_sets import ParameterSets
from media.mp4.audio_track import AUDIO_TRACK, audio_track
from media.mp4.boxes import Run, Sample, TrackHeader, fragment, init_segment
from media.mp4.sample_entry import audio_entry, length_prefixed, video_entry
from media.unit import CLOCK_HZ, AccessUnit

VIDEO_TRACK = 1
_NOMINAL_STEP = CLOCK_HZ // 25
_JUMP = 2 * CLOCK_HZ
_FILLER_H264, _FILLER_H265 = 12, 38
_DROPPED = {
    H264: (h264.AUD, h264.SPS, h264.PPS, _FILLER_H264),
    H265: (h265.AUD, h265.VPS, h265.SPS, h265.PPS, _FILLER_H265),
}


class Fmp4Writer:
    """One live stream as init segment and fragments.

    ``parameter_sets`` is a byte stream that holds them, such as the data of the first key frame. ``audio`` is "PCMA" or
    "PCMU" (transcoded to AAC), "AAC" (then ``adts`` describes it) or None (audio units are ignored). A fragment holds
    ``frames_per_fragment`` video frames, or fewer before a key frame; with 1 each frame is written out at once.
    Times run on over jumps of more than 2 s; missing audio is filled with silence, since players stop at a hole.
    """

    def __init__(
        self,
        video_codec: str,
        parameter_sets: bytes,
        audio: str | None = None,
        *,
        adts: AdtsHeader | None = None,
        frames_per_fragment: int = 1,
    ) -> None:
        if video_codec not in _DROPPED:
            raise LocalError(f"MP4 carries no {video_codec} here")
        if frames_per_fragment < 1:
            raise LocalError("a fragment has at least one frame")
        self._codec = video_codec
        self._per_fragment = frames_per_fragment
        self._video: list[tuple[int, int, bool, bytes]] = []
        self._base: int | None = None
        self._last_dts = 0
        self._step = _NOMINAL_STEP
        self._sequence = 0
        self._audio = audio_track(audio, adts)
        self._sets = ParameterSets(video_codec)
        self._sets.absorb_stream(parameter_sets)
        self._describe()

    def _describe(self) -> None:
        self._written_sets = self._sets.annexb()
        entry, size = video_entry(self._codec, self._written_sets)
        tracks = [TrackHeader(VIDEO_TRACK, b"vide", CLOCK_HZ, entry, size.width, size.height)]
        codecs = size.codecs
        if self._audio is not None:
            sound = audio_entry(self._audio.rate, self._audio.channels, self._audio.object_type)
            tracks.append(TrackHeader(AUDIO_TRACK, b"soun", self._audio.rate, sound))
            codecs += f",mp4a.40.{self._audio.object_type}"
        self.width, self.height = size.width, size.height
        self.codecs = codecs
        self.init_segment = init_segment(tracks)

    @property
    def mime(self) -> str:
        """For ``MediaSource.isTypeSupported``: e.g. video/mp4; codecs="avc1.42C01E,mp4a.40.2"."""
        return f'video/mp4; codecs="{self.codecs}"'

    def write(self, unit: AccessUnit) -> bytes:
        """Bytes to append to the stream, possibly none. Starts with the first key frame given.

        When a key frame brings other parameter sets a new init segment stands before its fragment, and
        ``init_segment``, ``mime``, ``width`` and ``height`` change with it. Raises LocalError for a unit of another
        video codec.
        """
        if unit.track == "audio":
            self._write_audio(unit)
            return b""
        if unit.codec != self._codec:
            raise LocalError(f"the stream is {self._codec}, not {unit.codec}")
        if self._base is None and not unit.key:
            return b""
        out = b""
        if unit.key:
            out += self._fragment()
            out += self._renew(unit.data)
        self._write_video(unit)
        return out + self._fragment() if len(self._video) >= self._per_fragment else out

    def close(self) -> bytes:
        """The last, incomplete fragment."""
        return self._fragment()

    def _renew(self, data: bytes) -> bytes:
        self._sets.absorb_stream(data)
        if self._sets.annexb() == self._written_sets:
            return b""
        before = self._written_sets
        try:
            self._describe()
        except LocalError:
            self._written_sets = before
            return b""
        return self.init_segment

    def _write_video(self, unit: AccessUnit) -> None:
        if self._base is None:
            self._base = unit.dts
            self._last_dts = -self._step
        dts = unit.dts - self._base
        if not self._last_dts - _JUMP < dts < self._last_dts + _JUMP + self._step:
            self._base = unit.dts - self._last_dts - self._step
            dts = unit.dts - self._base
        if dts <= self._last_dts:
            dts = self._last_dts + 1
        elif self._last_dts >= 0:
            self._step = dts - self._last_dts
        self._last_dts = dts
        data = length_prefixed(self._codec, unit.data, _DROPPED[self._codec])
        self._video.append((dts, unit.pts - self._base - dts, unit.key, data))

    def _write_audio(self, unit: AccessUnit) -> None:
        if self._audio is not None and self._base is not None and unit.codec == self._audio.codec:
            self._audio.write(unit.data, unit.pts - self._base, self._last_dts)

    def _fragment(self) -> bytes:
        if not self._video:
            return b""
        times = [dts for dts, _, _, _ in self._video]
        ends = [*times[1:], times[-1] + self._step]
        samples = [
            Sample(data, end - dts, offset, key)
            for (dts, offset, key, data), end in zip(self._video, ends, strict=True)
        ]
        runs = [Run(VIDEO_TRACK, times[0], samples)]
        self._video = []
        if self._audio is not None:
            self._audio.keep_pace(self._last_dts)
            run = self._audio.take()
            if run is not None:
                runs.append(run)
        self._sequence += 1
        return fragment(self._sequence, runs)
