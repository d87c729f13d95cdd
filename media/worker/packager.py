"""Access units of one input to what its viewers are sent: init segments and fragments, in order.

Synchronous and without I/O; it may transcode audio, so it is run in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass

from media.errors import LocalError
from media.es.aac import AdtsHeader, parse_adts
from media.es.codecs import AAC, PCMA, PCMU
from media.fmp4 import Fmp4Writer
from media.unit import CLOCK_HZ, AccessUnit
from media.worker.broadcast import Fragment

AUDIO_WAIT = CLOCK_HZ * 2 // 5
"""How much video may pass, in 90 kHz, before a stream is taken to be without audio."""
_MOST_HELD = 100


@dataclass(frozen=True, slots=True)
class Started:
    """A (new) init segment. ``anew``: another codec or track than before, so that players must begin again."""

    init: bytes
    anew: bool
    mime: str
    codecs: str
    video_codec: str
    audio_codec: str | None
    width: int
    height: int


Made = Started | Fragment


class Packager:
    """Chooses the tracks of a stream and writes them as fragmented MP4."""

    def __init__(self) -> None:
        self._writer: Fmp4Writer | None = None
        self._codec = ""
        self._audio: str | None = None
        self._adts: AdtsHeader | None = None
        self._held: list[AccessUnit] = []
        self._init = b""

    def package(self, units: list[AccessUnit]) -> list[Made]:
        """What ``units`` add to the stream. Units before the first key frame add nothing."""
        made: list[Made] = []
        for unit in units:
            if unit.track == "audio":
                self._hear(unit)
            elif unit.key and unit.codec != self._codec:
                self._begin(unit)
            if self._writer is not None:
                made += self._write(unit)
            elif self._held or (unit.track == "video" and unit.key):
                self._held.append(unit)
                made += self._decide(unit)
        return made

    def _begin(self, key: AccessUnit) -> None:
        """Another video codec: everything is chosen anew."""
        self._codec = key.codec
        self._writer = None
        self._held = []

    def _hear(self, unit: AccessUnit) -> None:
        if self._audio is not None:
            return
        if unit.codec == AAC:
            self._adts = parse_adts(unit.data)
            self._audio = AAC if self._adts is not None else None
        elif unit.codec in (PCMA, PCMU):
            self._audio = unit.codec

    def _decide(self, unit: AccessUnit) -> list[Made]:
        """Start once audio is known or has been waited for; then write what was held."""
        first = self._held[0]
        waited = unit.track == "video" and unit.dts - first.dts >= AUDIO_WAIT
        if self._audio is None and not waited and len(self._held) < _MOST_HELD:
            return []
        held, self._held = self._held, []
        try:
            self._writer = Fmp4Writer(first.codec, first.data, self._audio, adts=self._adts)
        except LocalError:
            return []  # a codec that MP4 does not carry, or no parameter sets yet: the next key frame is another try
        made: list[Made] = [self._started(anew=bool(self._init))]
        for one in held:
            made += self._write(one)
        return made

    def _started(self, *, anew: bool) -> Started:
        writer = self._writer
        assert writer is not None
        self._init = writer.init_segment
        return Started(
            init=writer.init_segment,
            anew=anew,
            mime=writer.mime,
            codecs=writer.codecs,
            video_codec=self._codec,
            audio_codec=self._audio,
            width=writer.width,
            height=writer.height,
        )

    def _write(self, unit: AccessUnit) -> list[Made]:
        writer = self._writer
        assert writer is not None
        if unit.track == "video" and unit.codec != self._codec:
            return []
        data = writer.write(unit)
        if not data:
            return []
        if writer.init_segment is not self._init:
            return [self._started(anew=False), Fragment(data[len(self._init) :], unit.key)]
        return [Fragment(data, unit.key)]
