"""Joins video PES payloads to access units and cuts them where the pictures begin (组帧).

A frame ends, best evidence first: where a PES with another PTS begins a picture, where a NAL unit begins a new access
unit, or on a hint of the RTP packets (marker, timestamp) that has proven right.
"""

from __future__ import annotations

from media.es import h264
from media.es.annexb import START_CODE
from media.es.codecs import H264, H265
from media.es.parameter_sets import ParameterSets
from media.es.rules import NAL_RULES, NalRules, codec_of_header
from media.ps.clock import VideoClock
from media.ps.counters import PsCounters
from media.ps.tolerance import PsTolerance
from media.ps.trust import BoundaryTrust
from media.unit import AccessUnit

_FORBIDDEN = 0x80
_LOOK_AHEAD = 12
_BEGINS, _INSIDE, _UNKNOWN = range(3)


class VideoAssembler:
    """One video track. Finished units are appended to ``units``."""

    def __init__(self, tolerance: PsTolerance, counters: PsCounters, max_unit: int, units: list[AccessUnit]) -> None:
        self._tolerance = tolerance
        self._counters = counters
        self._max_unit = max_unit
        self._units = units
        self._rules: NalRules | None = None
        self._fields = False
        self._proven = False
        self.codec: str | None = None
        self.sets: ParameterSets | None = None
        self.clock = VideoClock(tolerance, counters.tolerated)
        self.marker = BoundaryTrust()
        self.stamp = BoundaryTrust()
        self.timestamp: int | None = None
        """RTP timestamp of the bytes being delivered, None for plain bytes."""
        self.marked = False
        """Did the packet that completed the bytes so far carry the marker?"""
        self._lost_before = False
        self._discontinuity = False
        self._last_pts: int | None = None
        self._handed_early = False
        self._start()

    def _start(self, pts: int | None = None, dts: int | None = None) -> None:
        self._data = bytearray()
        self._scan = 0
        self._set_at = -1
        self._has_slice = False
        self._key = False
        self._recovery = False
        self._delimiter = 0
        self._delimiter_strong = False
        self._damaged = False
        self._broken = False
        self._repairs: list[str] = []
        self._pts, self._dts = pts, dts
        self._unit_stamp = self.timestamp
        self.marked = False

    @property
    def open(self) -> bool:
        """Is a picture at hand that a hint may complete?"""
        return bool(self._data) and (self._has_slice or (self._rules is None and self.codec is not None))

    def announce(self, codec: str | None) -> None:
        """The program stream map names the codec. Parameter sets in the stream overrule it."""
        if codec is None or codec == self.codec or (self._proven and self._tolerance.bitstream_over_map):
            return
        if self.codec is None and self._data:
            self._drop()
        self.finish()
        self._switch(codec)

    def _switch(self, codec: str) -> None:
        self.codec = codec
        self._rules = NAL_RULES.get(codec)
        self._fields = False
        self.sets = ParameterSets(codec) if self._rules else None

    def loss(self) -> None:
        """Bytes are missing here. A picture whose last packet had the marker was complete before."""
        if self.open and self.marked:
            self.finish()
        if self._data:
            self._damaged = self._broken = True
        else:
            self._lost_before = True

    def repaired(self, name: str) -> None:
        """The picture at hand needed a tolerance."""
        if self._data and name not in self._repairs:
            self._repairs.append(name)

    def pack(self) -> None:
        """A pack begins: the end of a frame only for codecs without NAL units."""
        if self._rules is None and self.open:
            self.finish()

    def add(self, pts: int | None, dts: int | None, data: memoryview) -> None:
        """Payload of a PES (times None when it has none) or a further part of it."""
        if self._data and self._ends_here(pts, data):
            (self.marker.confirm if self.marked else self.marker.deny)()
            (self.stamp.confirm if self._unit_stamp != self.timestamp else self.stamp.deny)()
            self.finish()
        elif self._has_slice:
            self._check_hints()
        elif len(self._data) > 3 and (self.codec is None or self._broken) and START_CODE in bytes(data[:4]):
            self._drop()
        if not self._data and not self._accept(pts, data):
            return
        self._take_times(pts, dts)
        offset = len(self._data)
        self._data += data
        if len(self._data) > self._max_unit:
            self._drop()
            return
        self._walk(offset, pts, dts)

    def _take_times(self, pts: int | None, dts: int | None) -> None:
        """The times of a PES are those of its unit when it begins one or only parameter sets came before."""
        if not self._data:
            self._start(pts, dts)
            self._discontinuity, self._lost_before = self._lost_before, False
        elif pts is not None and not self._has_slice:
            self._pts, self._dts, self._unit_stamp = pts, dts, self.timestamp
        self.marked = False
        self._last_pts = self._last_pts if pts is None else pts

    def _check_hints(self) -> None:
        """The picture goes on although a hint said that it had ended."""
        if self.marked:
            self.marker.deny()
        if self._unit_stamp != self.timestamp:
            self.stamp.deny()

    def _ends_here(self, pts: int | None, data: memoryview) -> bool:
        """Does the picture at hand end before ``data``?"""
        if not self.open:
            return False
        if self._broken and self.timestamp is not None and self._unit_stamp != self.timestamp:
            return True
        if pts is None or pts == self._pts:
            return False
        return self._opening(data) != _INSIDE

    def _opening(self, data: memoryview) -> int:
        """Does ``data`` begin a picture, go on inside one, or can it not be told?"""
        head = bytes(data[:_LOOK_AHEAD])
        at = head.find(START_CODE)
        if self._rules is None:
            return _UNKNOWN
        if at < 0 or at > 1 or (at == 1 and head[0]):
            return _INSIDE if len(head) >= 4 else _UNKNOWN
        header = at + 3
        if header + self._rules.header_size >= len(head):
            return _UNKNOWN
        kind = self._rules.nal_type(head[header])
        if self._rules.is_vcl(kind) and not self._rules.is_first_slice(head, header):
            return _INSIDE
        return _BEGINS

    def _accept(self, pts: int | None, data: memoryview) -> bool:
        """May a new unit begin with ``data``? Torsos without beginning are dropped."""
        opening = self._opening(data)
        if self._handed_early and opening == _INSIDE and pts in (None, self._last_pts):
            self.marker.deny()
            self.stamp.deny()
        self._handed_early = False
        if opening != _INSIDE or bytes(data[:3]) == START_CODE or bytes(data[:4]) == b"\0\0\0\1":
            return True
        self._counters.dropped += 1
        self._lost_before = True
        return False

    def _drop(self) -> None:
        self._counters.dropped += 1
        self._start()
        self._lost_before = True

    def _walk(self, offset: int, pts: int | None, dts: int | None) -> None:
        """Look at the NAL headers not looked at yet. ``offset`` is where the newest PES payload, with these times,
        begins in the unit."""
        if self._rules is None and self.codec not in (None, H264, H265):
            return
        size = len(self._data)
        at = self._data.find(START_CODE, self._scan)
        while at >= 0:
            if at + 6 > size:
                self._scan = at
                return
            cut = self._visit(at + 3)
            if cut:
                mine = cut >= offset - 1
                self._split(cut, pts if mine else None, dts if mine else None)
                if mine:
                    pts = dts = None
                offset -= cut
                size = len(self._data)
                at = self._data.find(START_CODE)
                continue
            at = self._data.find(START_CODE, at + 3)
        self._scan = max(0, size - 2)

    def _visit(self, header: int) -> int:
        """One NAL header; returns where to cut when it begins a new access unit, else 0."""
        data = self._data
        first = data[header]
        if first >= _FORBIDDEN:
            self._damaged = True
            return 0
        if self._set_at >= 0:
            self._end_set(header - 3)
        found = codec_of_header(first, data[header + 1])
        if found is not None and not self._adopt(found):
            return 0
        rules = self._rules
        if rules is None:
            return 0
        kind = rules.nal_type(first)
        slice_ = rules.is_vcl(kind)
        if self._has_slice:
            return self._cut_before(rules, kind, slice_, header)
        if slice_:
            self._first_slice(rules, kind, header)
        elif kind in rules.parameter_sets:
            self._set_at = header
        elif kind == h264.SEI and rules.codec == H264:
            self._recovery = self._recovery or h264.has_recovery_point(bytes(data[header : header + 64]))
        return 0

    def _adopt(self, found: str) -> bool:
        """A parameter set proves its codec."""
        if found == self.codec:
            self._proven = True
            return True
        if self.codec is None and not self._tolerance.guess_codec:
            return False
        if self.codec is not None:
            if not self._tolerance.bitstream_over_map or self._has_slice:
                return self.codec in NAL_RULES
            self._counters.tolerated["bitstream_over_map"] += 1
        else:
            self._counters.tolerated["guess_codec"] += 1
        self._proven = True
        self._switch(found)
        return True

    def _cut_before(self, rules: NalRules, kind: int, slice_: bool, header: int) -> int:
        """Delimiters behind a slice (AUD, parameter sets, SEI) begin a new unit once the first slice of a picture
        follows; before another slice of the same picture they only stand in an odd place."""
        if not self._tolerance.split_by_nal:
            return 0
        begin = header - 4 if self._data[header - 4] == 0 else header - 3
        if not slice_:
            if rules.starts_access_unit(kind):
                self._delimiter = self._delimiter or begin
                self._delimiter_strong |= kind in rules.parameter_sets or kind == rules.aud
            return 0
        if rules.is_first_slice(self._data, header) and not self._fields:
            return self._delimiter or begin
        self._delimiter = 0
        self._delimiter_strong = False
        return 0

    def _first_slice(self, rules: NalRules, kind: int, header: int) -> None:
        self._has_slice = True
        self._key = rules.is_random_access(kind)
        if self._recovery and not self._key and rules.codec == H264:
            self._key = h264.is_intra_slice(bytes(self._data[header : header + 16]))
        if not rules.is_first_slice(self._data, header):
            self._damaged = True

    def _end_set(self, end: int) -> None:
        """A parameter set is whole: remember it."""
        nal = bytes(self._data[self._set_at : end]).rstrip(b"\x00")
        self._set_at = -1
        if self.sets is None:
            return
        before = self.sets.configuration
        self.sets.absorb(nal)
        if self.sets.configuration != before:
            size = self.sets.picture_size()
            self._fields = size is not None and size.interlaced

    def _split(self, cut: int, pts: int | None, dts: int | None) -> None:
        """Hand out what stands before ``cut``; the rest is the next unit."""
        rest = self._data[cut:]
        del self._data[cut:]
        self._delimiter = 0
        if pts is None or pts == self._pts:
            self._counters.tolerated["split_by_nal"] += 1
        self.finish()
        self._take_times(pts, dts)
        self._data = rest

    def finish(self, *, early: bool = False) -> None:
        """The picture at hand is complete: hand it out. Parameter sets without picture stay for the next one."""
        if not self._data or (self._rules is not None and not self._has_slice):
            return
        self._handed_early = early
        if self.codec is None:
            self._drop()
            return
        rest = self._data[self._delimiter :] if self._delimiter_strong and self._delimiter else b""
        data = bytes(self._data[: -len(rest)] if rest else self._data)
        repairs = self._repairs
        key = self._key
        if key and self.sets is not None and self._tolerance.insert_parameter_sets:
            completed = self.sets.completed(data)
            if completed is not data:
                repairs.append("insert_parameter_sets")
                self._counters.tolerated["insert_parameter_sets"] += 1
                data = completed
        pts, dts, replaced = self.clock.resolve(self._pts, self._dts, self._unit_stamp)
        if replaced:
            repairs.append("wrong_clock")
        damaged = self._damaged
        unit = AccessUnit(self.codec, pts, dts, key, data, "video", damaged, self._discontinuity, tuple(repairs))
        self._counters.units += 1
        self._counters.damaged += damaged
        self._lost_before = self._broken
        self._units.append(unit)
        self._start()
        if rest:
            self._take_times(None, None)
            self._data = bytearray(rest)
