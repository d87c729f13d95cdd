"""Parameter sets of a stream: remembered, and put before a key frame that comes without them."""

from __future__ import annotations

from media.es.annexb import LONG_START_CODE, nal_headers, nal_units
from media.es.picture import PictureSize
from media.es.rules import NAL_RULES

_MAX_SETS = 64
_MAX_SIZE = 4096


class ParameterSets:
    """The latest VPS, SPS and PPS by id of one H.264 or H.265 stream."""

    def __init__(self, codec: str) -> None:
        self._rules = NAL_RULES[codec]
        self._sets: dict[tuple[int, int], bytes] = {}
        self.codec = codec
        self.configuration = 0
        """Counts changes of the content of a sequence parameter set: a new value means a new codec configuration."""

    @property
    def complete(self) -> bool:
        """Is at least one set of each kind known?"""
        return {kind for kind, _ in self._sets} >= set(self._rules.parameter_sets)

    def annexb(self) -> bytes:
        """All known sets as a byte stream, in the order VPS, SPS, PPS."""
        return self._joined(self._rules.parameter_sets)

    def picture_size(self) -> PictureSize | None:
        """Of the first known sequence parameter set that can be read."""
        for (kind, _), nal in sorted(self._sets.items()):
            if kind == self._rules.sps:
                return self._rules.picture_size(nal)
        return None

    def absorb(self, nal: bytes) -> None:
        """Remember a NAL unit (without start code) if it is a parameter set."""
        if not nal or len(nal) > _MAX_SIZE:
            return
        kind = self._rules.nal_type(nal[0])
        if kind not in self._rules.parameter_sets or len(nal) <= self._rules.header_size:
            return
        key = (kind, self._rules.set_id(nal))
        if self._sets.get(key) == nal or (key not in self._sets and len(self._sets) >= _MAX_SETS):
            return
        if kind == self._rules.sps:
            self.configuration += 1
        self._sets[key] = nal

    def absorb_stream(self, data: bytes) -> None:
        """Remember the parameter sets in front of the first slice of an access unit."""
        rules = self._rules
        end = len(data)
        for header in nal_headers(data):
            if rules.is_vcl(rules.nal_type(data[header])):
                end = header - 3
                break
        for nal in nal_units(data[:end]):
            self.absorb(nal)

    def completed(self, data: bytes) -> bytes:
        """``data`` of a key frame with the kinds of sets it lacks put first (behind an access unit delimiter).

        Returns ``data`` itself when nothing is lacking or nothing is known.
        """
        rules = self._rules
        present: set[int] = set()
        aud_end = 0
        for header in nal_headers(data):
            kind = rules.nal_type(data[header])
            if rules.is_vcl(kind):
                break
            if kind == rules.aud and aud_end == 0 and not present:
                aud_end = _end_of_nal(data, header)
            present.add(kind)
        lacking = self._joined(tuple(kind for kind in rules.parameter_sets if kind not in present))
        return data[:aud_end] + lacking + data[aud_end:] if lacking else data

    def _joined(self, kinds: tuple[int, ...]) -> bytes:
        known = self._sets.items()
        ordered = sorted((kinds.index(kind), number, nal) for (kind, number), nal in known if kind in kinds)
        return b"".join(LONG_START_CODE + nal for _, _, nal in ordered)


def _end_of_nal(data: bytes, header: int) -> int:
    following = data.find(b"\x00\x00\x01", header)
    if following < 0:
        return len(data)
    return following - 1 if data[following - 1] == 0 else following
