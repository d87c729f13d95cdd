"""Writes access units as a GB/T 28181 program stream (GB/T 28181-2022 C.1)."""

from __future__ import annotations

from collections.abc import Iterable

from media.errors import LocalError
from media.es.codecs import STREAM_TYPE_OF, VIDEO_CODECS
from media.es.parameter_sets import ParameterSets
from media.es.rules import NAL_RULES
from media.ps.pack_header import CUSTOMARY_MUX_RATE, build_pack_header
from media.ps.pes import AUDIO_ID, MAX_LENGTH, VIDEO_ID, build_pes
from media.ps.psm import build_psm
from media.ps.system_header import build_system_header
from media.serial import PTS_MASK
from media.unit import CLOCK_HZ, AccessUnit

SCR_LEAD = 3600
"""How far the system clock runs before the DTS, 90 kHz ticks."""


class PsMuxer:
    """One pack per video access unit; system header and PSM before each key frame.

    ``video`` and ``audio`` are codec names or None. Audio goes inside the pack of the video unit it is given with, or
    alone. Without video the headers are written at the start and then each second. Parameter sets that a key frame
    lacks are put before it when an earlier unit had them; otherwise data is written as it is.
    """

    def __init__(
        self,
        video: str | None = "H264",
        audio: str | None = None,
        *,
        mux_rate: int = CUSTOMARY_MUX_RATE,
        map_version: int = 1,
        max_pes_length: int = MAX_LENGTH,
    ) -> None:
        if video is None and audio is None:
            raise LocalError("a program stream needs video or audio")
        if video is not None and video not in VIDEO_CODECS:
            raise LocalError(f"no video codec: {video}")
        if audio is not None and (audio not in STREAM_TYPE_OF or audio in VIDEO_CODECS):
            raise LocalError(f"no audio codec: {audio}")
        if not 64 <= max_pes_length <= MAX_LENGTH:
            raise LocalError(f"PES length limit {max_pes_length} outside 64-65535")
        self._codecs = {"video": video, "audio": audio}
        self._mux_rate = mux_rate
        self._max_pes_length = max_pes_length
        self._sets = ParameterSets(video) if video in NAL_RULES else None
        self._headers_due = 0
        entries = []
        if video is not None:
            entries.append((STREAM_TYPE_OF[video], VIDEO_ID))
        if audio is not None:
            entries.append((STREAM_TYPE_OF[audio], AUDIO_ID))
        ids = [stream_id for _, stream_id in entries]
        self._headers = build_system_header(ids) + build_psm(entries, version=map_version)

    def mux(self, unit: AccessUnit, audio: Iterable[AccessUnit] = ()) -> bytes:
        """The pack of ``unit``, with the PES of ``audio`` units inside behind the video.

        Raises LocalError when a unit is not of the codec this muxer was made for.
        """
        parts: list[bytes | memoryview] = [self._pack_header(unit)]
        if unit.track == "video":
            parts += self._video(unit)
        else:
            parts += self._lone_audio(unit)
        for inner in audio:
            parts += self._pes(inner, AUDIO_ID)
        return b"".join(parts)

    def learn(self, parameter_sets: bytes) -> None:
        """Parameter sets that were told outside the stream (an SDP), as a byte stream."""
        if self._sets is not None:
            self._sets.absorb_stream(parameter_sets)

    def _pack_header(self, unit: AccessUnit) -> bytes:
        dts = unit.dts & PTS_MASK
        return build_pack_header(max(0, dts - SCR_LEAD), mux_rate=self._mux_rate)

    def _video(self, unit: AccessUnit) -> list[bytes | memoryview]:
        data = unit.data
        if not unit.key:
            return self._pes(unit, VIDEO_ID)
        if self._sets is not None:
            self._sets.absorb_stream(data)
            data = self._sets.completed(data)
        return [self._headers, *self._pes(unit, VIDEO_ID, data)]

    def _lone_audio(self, unit: AccessUnit) -> list[bytes | memoryview]:
        pes = self._pes(unit, AUDIO_ID)
        if self._codecs["video"] is None and unit.pts >= self._headers_due:
            self._headers_due = unit.pts + CLOCK_HZ
            return [self._headers, *pes]
        return pes

    def _pes(self, unit: AccessUnit, stream_id: int, data: bytes | None = None) -> list[bytes | memoryview]:
        if unit.codec != self._codecs[unit.track]:
            raise LocalError(f"{unit.track} of this stream is {self._codecs[unit.track]}, not {unit.codec}")
        return list(
            build_pes(
                stream_id,
                unit.data if data is None else data,
                unit.pts & PTS_MASK,
                unit.dts & PTS_MASK,
                aligned=unit.key and unit.track == "video",
                max_length=self._max_pes_length,
            )
        )
