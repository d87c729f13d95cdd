"""Finds the structures of a program stream in bytes that arrive piece by piece (ISO/IEC 13818-1 2.5.3)."""

from __future__ import annotations

from typing import Protocol

from media.ps.counters import PsCounters
from media.ps.pack_header import START_CODE as PACK
from media.ps.pack_header import pack_header_size
from media.ps.pes import is_pes_header, read_pes_header
from media.ps.psm import ProgramStreamMap, has_valid_crc, parse_psm
from media.ps.tolerance import PsTolerance

_PREFIX = b"\x00\x00\x01"
_FIRST_STRUCTURE = 0xB9
_HEADER_LIMIT = 1024
_STRAY = 4
_OPEN_PIECE = 16


class PesSink(Protocol):
    """Receives what the reader finds, in order. Views are valid during the call only."""

    def pack(self) -> None:
        """A pack begins."""

    def map(self, found: ProgramStreamMap) -> None:
        """A program stream map."""

    def video(self, stream_id: int, pts: int | None, dts: int | None, data: memoryview) -> None:
        """Payload of a video PES, or the next part of it (both times None)."""

    def audio(self, stream_id: int, pts: int | None, data: bytes) -> None:
        """Payload of a whole audio PES."""

    def loss(self) -> None:
        """Bytes are missing here."""

    def repaired(self, name: str) -> None:
        """The video just delivered needed this tolerance."""


class PsReader:
    """Incremental and bounded: holds at most one PES packet besides the bytes fed.

    ``clean`` tells that everything fed has been delivered, so that a frame may end here.
    """

    __slots__ = (
        "_after_video",
        "_buffer",
        "_counters",
        "_need",
        "_open",
        "_open_times",
        "_pos",
        "_scan",
        "_sink",
        "_synced",
        "_tolerance",
        "_whole",
    )

    def __init__(self, sink: PesSink, tolerance: PsTolerance, counters: PsCounters) -> None:
        self._sink = sink
        self._tolerance = tolerance
        self._counters = counters
        self._buffer = bytearray()
        self._pos = 0
        self._scan = 0
        self._need = 4
        self._synced = False
        self._open: int | None = None
        self._open_times: tuple[int | None, int | None] = (None, None)
        self._after_video = 0
        self._whole = False

    def _is_interrupted(self, stray: bytes) -> bool:
        """Do ``stray`` bytes before a pack cut off the structure at hand, instead of ending it?"""
        if not self._tolerance.stray_bytes or self._open is not None or not self._buffer:
            return False
        return max(stray) <= 1 and len(self._buffer) + len(stray) < self._need

    @property
    def clean(self) -> bool:
        """Has everything fed been delivered? (Video of unknown length counts as delivered.)"""
        return self._open is not None or (self._synced and not self._buffer)

    def feed(self, payload: bytes, *, gap: bool, whole: bool) -> None:
        """``gap``: bytes are missing before ``payload``. ``whole``: the caller vouches that nothing else is missing."""
        self._whole = whole
        start = payload.find(PACK, 0, _STRAY + 4)
        if gap:
            self._break_off(payload)
        if start == 0:
            if self._buffer or self._open is not None:
                self._end_before_pack()
        elif start > 0 and self._is_interrupted(payload[:start]):
            self._counters.tolerated["stray_bytes"] += 1
            self._end_before_pack()
            payload = payload[start:]
        buffer = self._buffer
        buffer += payload
        if len(buffer) >= self._need:
            self._parse()

    def drain(self) -> None:
        """Deliver video of unknown length up to the last byte: its frame is known to end here."""
        if self._open is not None and self._buffer:
            self._deliver_open(len(self._buffer))
            self._compact()

    def flush(self) -> None:
        """End of the stream: deliver what can be, forget the rest."""
        if self._buffer or self._open is not None:
            self._end_before_pack()
        self._reset(synced=False)

    def _reset(self, *, synced: bool) -> None:
        self._buffer.clear()
        self._pos = self._scan = 0
        self._need = 4
        self._synced = synced
        self._open = None
        self._after_video = 0

    def _break_off(self, payload: bytes) -> None:
        """A gap: hand out the beginning of the PES at hand, then look for structure in what follows."""
        self._counters.gaps += 1
        self._deliver_partial()
        self._sink.loss()
        structure = payload[:3] == _PREFIX and len(payload) > 3 and payload[3] >= _FIRST_STRUCTURE
        self._reset(synced=structure)

    def _end_before_pack(self) -> None:
        """A pack starts although the PES at hand lacks bytes: its length lied, or data was lost unnoticed."""
        if self._open is not None:
            self._deliver_open(len(self._buffer))
        elif self._buffer and self._synced and not self._is_stray():
            if self._after_video and self._tolerance.wrong_pes_length and not self._at_structure():
                self._continue_open(self._after_video)
            partial = self._deliver_partial()
            self._counters.dropped += not partial
            if partial and self._whole and self._tolerance.wrong_pes_length:
                self._counters.tolerated["wrong_pes_length"] += 1
                self._sink.repaired("wrong_pes_length")
            elif partial or not self._whole:
                self._sink.loss()
        self._reset(synced=True)

    def _is_stray(self) -> bool:
        return self._tolerance.stray_bytes and len(self._buffer) <= _STRAY and max(self._buffer) <= 1

    def _at_structure(self) -> bool:
        head = bytes(self._buffer[:4])
        return _PREFIX.startswith(head[:3]) and (len(head) < 4 or head[3] >= _FIRST_STRUCTURE)

    def _deliver_partial(self) -> bool:
        """Deliver the video of an incomplete PES; True when there was one."""
        buffer = self._buffer
        if self._open is not None:
            self._deliver_open(len(buffer))
            return True
        if not self._synced or len(buffer) < 9 or buffer[3] & 0xF0 != 0xE0 or buffer[:3] != _PREFIX:
            return False
        payload_at, pts, dts = self._pes_header(0)
        with memoryview(buffer) as view, view[payload_at:] as data:
            self._sink.video(buffer[3], pts, dts, data)
        return True

    def _parse(self) -> None:
        while True:
            if self._open is not None:
                step = self._drain_open()
            elif not self._synced:
                step = self._search()
            else:
                step = self._structure()
            if not step:
                break
        self._compact()

    def _compact(self) -> None:
        del self._buffer[: self._pos]
        self._need = max(self._need - self._pos, 1)
        self._scan = max(self._scan - self._pos, 0)
        self._pos = 0

    def _wait(self, size: int) -> bool:
        """More bytes are needed: ``size`` from the current position on."""
        self._need = self._pos + size
        return False

    def _structure(self) -> bool:
        """The structure at the current position; False when it is not complete."""
        buffer, at = self._buffer, self._pos
        left = len(buffer) - at
        if left < 4:
            return self._wait(4)
        code = buffer[at + 3]
        if buffer[at] or buffer[at + 1] or buffer[at + 2] != 1 or code < _FIRST_STRUCTURE:
            return self._mismatch(left)
        if code & 0xF0 == 0xE0:
            return self._video(code, left)
        if code == 0xBA:
            return self._pack(left)
        if code == 0xB9:
            self._pos += 4
            return True
        if left < 6:
            return self._wait(6)
        total = 6 + (buffer[at + 4] << 8 | buffer[at + 5])
        if code in (0xBB, 0xBC) and total > _HEADER_LIMIT:
            return self._lose()
        if left < total:
            return self._wait(total)
        if code == 0xBC:
            self._map(bytes(buffer[at : at + total]))
        elif 0xC0 <= code <= 0xDF:
            return self._audio(code, total)
        self._pos += total
        self._after_video = 0
        return True

    def _pack(self, left: int) -> bool:
        if left < 14:
            return self._wait(14)
        size = pack_header_size(self._buffer, self._pos)
        if size == 4:
            if not self._tolerance.bare_pack_start:
                return self._lose()
            self._counters.tolerated["bare_pack_start"] += 1
        self._counters.packs += 1
        self._pos += size
        self._after_video = 0
        self._sink.pack()
        return True

    def _map(self, section: bytes) -> None:
        if not self._tolerance.careless_map and not has_valid_crc(section):
            self._counters.dropped += 1
            return
        found = parse_psm(section)
        if found is not None:
            self._counters.maps += 1
            self._sink.map(found)

    def _audio(self, code: int, total: int) -> bool:
        buffer, at = self._buffer, self._pos
        if total < 9 or 9 + buffer[at + 8] > total:
            return self._bad_pes_header(total)
        payload_at, pts, _ = self._pes_header(at)
        data = bytes(buffer[payload_at : at + total])
        self._pos += total
        self._after_video = 0
        self._sink.audio(code, pts, data)
        return True

    def _video(self, code: int, left: int) -> bool:
        buffer, at = self._buffer, self._pos
        if left < 9:
            return self._wait(9)
        length = buffer[at + 4] << 8 | buffer[at + 5]
        header = 9 + buffer[at + 8]
        if length == 0 and self._tolerance.wrong_pes_length:
            if left < header:
                return self._wait(header)
            self._begin_open(code, at)
            return True
        total = 6 + length
        if left < total:
            return self._wait(total)
        payload_at, pts, dts = self._pes_header(at)
        if payload_at > at + total:
            return self._bad_pes_header(total)
        end = self._end_of_video(payload_at, at + total, left - total)
        with memoryview(buffer) as view, view[payload_at:end] as data:
            self._sink.video(code, pts, dts, data)
        self._pos = end
        self._after_video = code
        if end < at + total:
            self._overran()
        return True

    def _end_of_video(self, begin: int, end: int, behind: int) -> int:
        """``end``, or the structure inside the payload that tells of lost bytes. When the caller vouches for the bytes,
        a start code behind the payload is proof enough that the length is right."""
        if not self._tolerance.pack_inside_video:
            return end
        if self._whole and (behind < 3 or self._buffer[end : end + 3] == _PREFIX):
            return end
        return self._next_structure(begin, end) or end

    def _next_structure(self, begin: int, end: int) -> int | None:
        buffer = self._buffer
        at = buffer.find(_PREFIX, begin, end)
        while at >= 0 and at + 3 < len(buffer):
            if buffer[at + 3] >= _FIRST_STRUCTURE:
                return at
            at = buffer.find(_PREFIX, at + 3, end)
        return None

    def _overran(self) -> None:
        self._counters.tolerated["pack_inside_video"] += 1
        if self._whole:
            self._sink.repaired("wrong_pes_length")
        else:
            self._sink.loss()

    def _bad_pes_header(self, total: int) -> bool:
        """Header data longer than the packet."""
        self._counters.dropped += 1
        if not self._tolerance.overlong_pes_header:
            return self._lose()
        self._counters.tolerated["overlong_pes_header"] += 1
        self._sink.loss()
        self._pos += total
        self._after_video = 0
        return True

    def _pes_header(self, at: int) -> tuple[int, int | None, int | None]:
        """(payload offset, PTS, DTS) of the PES at ``at``; times 33 bit as sent."""
        header = read_pes_header(self._buffer, at, shifted=self._tolerance.shifted_pes_header)
        if header.shifted:
            self._counters.tolerated["shifted_pes_header"] += 1
        return header.payload_at, header.pts, header.dts

    def _begin_open(self, code: int, at: int) -> None:
        """Video of length 0: it runs to the next structure."""
        payload_at, pts, dts = self._pes_header(at)
        self._counters.tolerated["wrong_pes_length"] += 1
        self._pos = payload_at
        self._continue_open(code)
        self._open_times = pts, dts

    def _continue_open(self, code: int) -> None:
        self._open = code
        self._open_times = None, None
        self._scan = self._pos

    def _drain_open(self) -> bool:
        """Deliver open video as far as it is certain; True when a structure ends it."""
        buffer = self._buffer
        at = self._next_structure(max(self._scan, self._pos), len(buffer))
        if at is not None:
            self._deliver_open(at)
            self._open = None
            self._after_video = 0
            return True
        keep = len(buffer) - 3
        if keep >= self._pos + _OPEN_PIECE:
            self._deliver_open(keep)
        self._scan = self._pos
        self._need = len(buffer) + 1
        return False

    def _deliver_open(self, end: int) -> None:
        code = self._open
        if code is not None and end > self._pos:
            pts, dts = self._open_times
            self._open_times = None, None
            with memoryview(self._buffer) as view, view[self._pos : end] as data:
                self._sink.video(code, pts, dts, data)
            self._pos = end

    def _mismatch(self, left: int) -> bool:
        """No start code where one must stand."""
        buffer, at = self._buffer, self._pos
        if self._tolerance.stray_bytes:
            if left < _STRAY + 4:
                return self._wait(_STRAY + 4)
            pack = buffer.find(PACK, at, at + _STRAY + 4)
            if pack >= 0:
                self._counters.tolerated["stray_bytes"] += 1
                self._pos = pack
                return True
        if self._after_video and self._tolerance.wrong_pes_length:
            self._counters.tolerated["wrong_pes_length"] += 1
            self._sink.repaired("wrong_pes_length")
            self._continue_open(self._after_video)
            return True
        return self._lose()

    def _lose(self) -> bool:
        self._counters.resyncs += 1
        self._sink.loss()
        self._synced = False
        self._after_video = 0
        self._pos += 1
        self._counters.skipped += 1
        return True

    def _search(self) -> bool:
        """Look for a pack, or for a header that makes sense; True when found."""
        buffer = self._buffer
        at = buffer.find(_PREFIX, self._pos)
        while at >= 0:
            if at + 9 > len(buffer):
                self._skip_to(at)
                return self._wait(9)
            code = buffer[at + 3]
            if code == 0xBA or (code == 0xBC and buffer[at + 4] < 4) or is_pes_header(buffer, at):
                self._skip_to(at)
                self._synced = True
                return True
            at = buffer.find(_PREFIX, at + 3)
        self._skip_to(max(self._pos, len(buffer) - 2))
        self._need = len(buffer) + 1
        return False

    def _skip_to(self, at: int) -> None:
        self._counters.skipped += at - self._pos
        self._pos = at
