"""Elementary streams straight in RTP (ES mode): H.264 (RFC 6184), H.265 (RFC 7798), G.711 (RFC 3551)."""

from __future__ import annotations

from media.errors import LocalError
from media.es import h264, h265
from media.es.annexb import join
from media.es.codecs import H264, H265, PCMA, PCMU
from media.es.g711 import RATE_HZ
from media.es.parameter_sets import ParameterSets
from media.es.rules import NAL_RULES
from media.serial import TIMESTAMP_BITS, Unwrapper
from media.unit import CLOCK_HZ, AccessUnit

_MAX_UNIT = 10 << 20
_STAP_A, _STAP_B, _FU_A, _FU_B = 24, 25, 28, 29


class EsDepacketizer:
    """RTP payloads of one elementary stream to access units; ``codec`` is "H264", "H265", "PCMA" or "PCMU".

    Feed payloads in order. A picture ends at the marker, or when the timestamp changes. Times are the RTP timestamp
    unwrapped, in 90 kHz. Malformed payloads are counted in ``malformed`` and damage the picture at hand.
    """

    def __init__(self, codec: str, *, max_unit: int = _MAX_UNIT) -> None:
        if codec not in (H264, H265, PCMA, PCMU):
            raise LocalError(f"no elementary stream payload format for {codec}")
        self.codec = codec
        self.malformed = 0
        self.sets = ParameterSets(codec) if codec in NAL_RULES else None
        self._max_unit = max_unit
        self._clock = Unwrapper(TIMESTAMP_BITS)
        self._timestamp: int | None = None
        self._nals: list[bytes] = []
        self._size = 0
        self._fragment: bytearray | None = None
        self._damaged = False
        self._lost = False

    def feed(self, payload: bytes, *, timestamp: int, marker: bool = False, gap: bool = False) -> list[AccessUnit]:
        """One RTP payload; ``gap``: packets were lost before it. Returns the units it completed."""
        if self.sets is None:
            return self._audio(payload, timestamp, gap)
        units = []
        if self._timestamp is not None and timestamp != self._timestamp:
            # The loss may have taken the end of the picture at hand as well as the beginning of the next one.
            self._damaged = self._damaged or gap
            units += self._finish()
        self._timestamp = timestamp
        if gap:
            self._fragment = None
            self._lost = True
            self._damaged = self._damaged or bool(self._nals)
        self._take(payload)
        if marker:
            units += self._finish()
        return units

    def flush(self) -> list[AccessUnit]:
        """End of the stream: the picture at hand."""
        return self._finish() if self.sets is not None else []

    def _audio(self, payload: bytes, timestamp: int, gap: bool) -> list[AccessUnit]:
        if not payload:
            return []
        pts = self._clock.unwrap(timestamp) * (CLOCK_HZ // 1000) // (RATE_HZ // 1000)
        return [AccessUnit(self.codec, pts, pts, True, payload, "audio", False, gap)]

    def _take(self, payload: bytes) -> None:
        taken = self._take_h264(payload) if self.codec == H264 else self._take_h265(payload)
        if not taken:
            self.malformed += 1
            self._damaged = True
            self._fragment = None

    def _take_h264(self, payload: bytes) -> bool:
        if len(payload) < 2:
            return False
        kind = payload[0] & 0x1F
        if 1 <= kind <= 23:
            return self._add(payload)
        if kind in (_STAP_A, _STAP_B):
            return self._aggregate(payload, 1 if kind == _STAP_A else 3)
        if kind in (_FU_A, _FU_B):
            head = bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))
            return self._part(payload[1], head, payload[2 if kind == _FU_A or payload[1] < 0x80 else 4 :])
        return False

    def _take_h265(self, payload: bytes) -> bool:
        if len(payload) < 3:
            return False
        kind = h265.nal_type(payload[0])
        if kind < h265.AP:
            return self._add(payload)
        if kind == h265.AP:
            return self._aggregate(payload, 2)
        if kind == h265.FU:
            head = bytes((payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]))
            return self._part(payload[2], head, payload[3:])
        return False

    def _aggregate(self, payload: bytes, at: int) -> bool:
        """Length-prefixed NAL units of an aggregation packet."""
        while at + 2 <= len(payload):
            size = payload[at] << 8 | payload[at + 1]
            at += 2
            if size == 0 or at + size > len(payload):
                return False
            self._add(payload[at : at + size])
            at += size
        return at == len(payload)

    def _part(self, flags: int, head: bytes, data: bytes) -> bool:
        """A fragment: top bit of ``flags`` starts a NAL unit, the next one ends it."""
        if flags & 0x80:
            self._fragment = bytearray(head)
        elif self._fragment is None:
            self._damaged = True
            return True
        self._fragment += data
        if len(self._fragment) > self._max_unit:
            return False
        if flags & 0x40:
            whole, self._fragment = bytes(self._fragment), None
            return self._add(whole)
        return True

    def _add(self, nal: bytes) -> bool:
        self._size += len(nal)
        if self._size > self._max_unit:
            self._nals.clear()
            return False
        self._nals.append(nal)
        return True

    def _finish(self) -> list[AccessUnit]:
        if self._fragment is not None:
            self._damaged = True
            self._fragment = None
        rules = NAL_RULES[self.codec]
        kinds = [rules.nal_type(nal[0]) for nal in self._nals]
        slices = [kind for kind in kinds if rules.is_vcl(kind)]
        if not slices or self.sets is None or self._timestamp is None:
            # Parameter sets in a frame of their own belong to the next picture, unless their own was lost.
            if self._damaged and self.sets is not None:
                self._forget(self.sets)
            return []
        for nal in self._nals:
            self.sets.absorb(nal)
        data = join(self._nals)
        key = rules.is_random_access(slices[0]) or self._recovers(kinds)
        repaired: tuple[str, ...] = ()
        if key:
            completed = self.sets.completed(data)
            repaired = ("insert_parameter_sets",) if completed is not data else ()
            data = completed
        pts = self._clock.unwrap(self._timestamp)
        unit = AccessUnit(self.codec, pts, pts, key, data, "video", self._damaged, self._lost, repaired)
        self._nals = []
        self._size = 0
        self._damaged = self._lost = False
        return [unit]

    def _forget(self, sets: ParameterSets) -> None:
        for nal in self._nals:
            sets.absorb(nal)
        self._nals = []
        self._size = 0
        self._damaged = False
        self._lost = True

    def _recovers(self, kinds: list[int]) -> bool:
        """I slice behind a recovery point message (H.264 only)."""
        if self.codec != H264 or h264.SEI not in kinds:
            return False
        sei = self._nals[kinds.index(h264.SEI)]
        first = next(nal for nal in self._nals if h264.is_vcl(nal[0] & 0x1F))
        return h264.has_recovery_point(sei) and h264.is_intra_slice(first)
