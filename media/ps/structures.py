"""The structures of a program stream in a buffer that grows at its end (ISO/IEC 13818-1 2.5.3, 2.4.3.6)."""

from __future__ import annotations

from typing import Protocol

from media.ps.counters import PsCounters
from media.ps.open_video import OpenVideo, VideoSink
from media.ps.pack_header import START_CODE as PACK
from media.ps.pack_header import pack_header_size
from media.ps.pes import read_pes_header
from media.ps.psm import ProgramStreamMap, has_valid_crc, parse_psm
from media.ps.start_codes import FIRST_STRUCTURE, PREFIX, SOUND_SIZE, is_sound_start, next_structure
from media.ps.tolerance import PsTolerance

STRAY = 4
"""Most bytes that may stand before a pack without meaning."""
_HEADER_LIMIT = 1024


class PesSink(VideoSink, Protocol):
    """Receives what the parser finds, in order. Views are valid during the call only."""

    def pack(self) -> None:
        """A pack begins."""

    def map(self, found: ProgramStreamMap) -> None:
        """A program stream map."""

    def audio(self, stream_id: int, pts: int | None, data: bytes) -> None:
        """Payload of a whole audio PES."""

    def loss(self) -> None:
        """Bytes are missing here."""

    def repaired(self, name: str) -> None:
        """The video just delivered needed this tolerance."""


class StructureParser:
    """Takes structures off the front of ``buffer`` as soon as they are complete.

    ``need``: bytes the buffer must hold before parsing again can find more. ``synced``: structures follow each other
    here. ``open``: video of unknown length that is being delivered. ``after_video``: stream id of the video PES just
    delivered, 0 after anything else. ``whole``: the caller vouches that no byte is missing.
    """

    __slots__ = (
        "_counters",
        "_pos",
        "_sink",
        "_tolerance",
        "after_video",
        "buffer",
        "need",
        "open",
        "synced",
        "whole",
    )

    def __init__(self, sink: PesSink, tolerance: PsTolerance, counters: PsCounters) -> None:
        self._sink = sink
        self._tolerance = tolerance
        self._counters = counters
        self._pos = 0
        self.buffer = bytearray()
        self.need = 4
        self.synced = False
        self.open = OpenVideo(sink)
        self.after_video = 0
        self.whole = False

    def parse(self) -> None:
        """Deliver every structure that is complete, and open video as far as it is certain."""
        while True:
            if self.open.stream_id is not None:
                step = self._pass_open_on()
            elif not self.synced:
                step = self._search()
            else:
                step = self._structure()
            if not step:
                break
        self._compact()

    def reset(self, *, synced: bool) -> None:
        """Forget the buffer; ``synced``: what comes next is a structure."""
        self.buffer.clear()
        self._pos = 0
        self.need = 4
        self.synced = synced
        self.open.end()
        self.after_video = 0

    # the end of what is in the buffer

    def drain(self) -> None:
        """Deliver open video up to the last byte: its frame is known to end here."""
        if self.open.stream_id is not None and self.buffer:
            self._pos = self.open.deliver(self.buffer, self._pos, len(self.buffer))
            self._compact()

    def deliver_partial(self) -> bool:
        """Deliver the video of the incomplete PES at the front; True when there was one."""
        buffer = self.buffer
        if self.open.stream_id is not None:
            self._pos = self.open.deliver(buffer, self._pos, len(buffer))
            return True
        if not self.synced or len(buffer) < 9 or buffer[3] & 0xF0 != 0xE0 or buffer[:3] != PREFIX:
            return False
        payload_at, pts, dts = self._pes_header(0)
        with memoryview(buffer) as view, view[payload_at:] as data:
            self._sink.video(buffer[3], pts, dts, data)
        return True

    # structures

    def _structure(self) -> bool:
        """The structure at the current position; False when it is not complete."""
        buffer, at = self.buffer, self._pos
        left = len(buffer) - at
        if left < 4:
            return self._wait(4)
        code = buffer[at + 3]
        if buffer[at] or buffer[at + 1] or buffer[at + 2] != 1 or code < FIRST_STRUCTURE:
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
        self.after_video = 0
        return True

    def _pack(self, left: int) -> bool:
        if left < 14:
            return self._wait(14)
        size = pack_header_size(self.buffer, self._pos)
        if size == 4:
            if not self._tolerance.bare_pack_start:
                return self._lose()
            self._counters.tolerated["bare_pack_start"] += 1
        self._counters.packs += 1
        self._pos += size
        self.after_video = 0
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
        buffer, at = self.buffer, self._pos
        if total < 9 or 9 + buffer[at + 8] > total:
            return self._bad_pes_header(total)
        payload_at, pts, _ = self._pes_header(at)
        data = bytes(buffer[payload_at : at + total])
        self._pos += total
        self.after_video = 0
        self._sink.audio(code, pts, data)
        return True

    def _video(self, code: int, left: int) -> bool:
        buffer, at = self.buffer, self._pos
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
        self.after_video = code
        if end < at + total:
            self._overran()
        return True

    def _end_of_video(self, begin: int, end: int, behind: int) -> int:
        """``end``, or the structure inside the payload that tells of lost bytes. When the caller vouches for the bytes,
        a start code behind the payload is proof enough that the length is right."""
        if not self._tolerance.pack_inside_video:
            return end
        if self.whole and (behind < 3 or self.buffer[end : end + 3] == PREFIX):
            return end
        return next_structure(self.buffer, begin, end) or end

    def _overran(self) -> None:
        self._counters.tolerated["pack_inside_video"] += 1
        if self.whole:
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
        self.after_video = 0
        return True

    def _pes_header(self, at: int) -> tuple[int, int | None, int | None]:
        """(payload offset, PTS, DTS) of the PES at ``at``; times 33 bit as sent."""
        header = read_pes_header(self.buffer, at, shifted=self._tolerance.shifted_pes_header)
        if header.shifted:
            self._counters.tolerated["shifted_pes_header"] += 1
        return header.payload_at, header.pts, header.dts

    # video of unknown length

    def _begin_open(self, code: int, at: int) -> None:
        payload_at, pts, dts = self._pes_header(at)
        self._counters.tolerated["wrong_pes_length"] += 1
        self._pos = payload_at
        self.open.begin(code, payload_at, pts, dts)

    def continue_video(self) -> None:
        """What follows the video PES just delivered is more of it, up to the next structure."""
        self.open.begin(self.after_video, self._pos)

    def _pass_open_on(self) -> bool:
        """Deliver open video as far as it is certain; True when a structure ends it."""
        self._pos = self.open.pass_on(self.buffer, self._pos)
        if self.open.stream_id is None:
            self.after_video = 0
            return True
        self.need = len(self.buffer) + 1
        return False

    # no structure where one must stand

    def _mismatch(self, left: int) -> bool:
        buffer, at = self.buffer, self._pos
        if self._tolerance.stray_bytes:
            if left < STRAY + 4:
                return self._wait(STRAY + 4)
            pack = buffer.find(PACK, at, at + STRAY + 4)
            if pack >= 0:
                self._counters.tolerated["stray_bytes"] += 1
                self._pos = pack
                return True
        if self.after_video and self._tolerance.wrong_pes_length:
            self._counters.tolerated["wrong_pes_length"] += 1
            self._sink.repaired("wrong_pes_length")
            self.continue_video()
            return True
        return self._lose()

    def _lose(self) -> bool:
        self._counters.resyncs += 1
        self._sink.loss()
        self.synced = False
        self.after_video = 0
        self._pos += 1
        self._counters.skipped += 1
        return True

    def _search(self) -> bool:
        """Look for a pack, or for a header that makes sense; True when found."""
        buffer = self.buffer
        at = buffer.find(PREFIX, self._pos)
        while at >= 0:
            if at + SOUND_SIZE > len(buffer):
                self._skip_to(at)
                return self._wait(SOUND_SIZE)
            if is_sound_start(buffer, at):
                self._skip_to(at)
                self.synced = True
                return True
            at = buffer.find(PREFIX, at + 3)
        self._skip_to(max(self._pos, len(buffer) - 2))
        self.need = len(buffer) + 1
        return False

    # the position in the buffer

    def _skip_to(self, at: int) -> None:
        self._counters.skipped += at - self._pos
        self._pos = at

    def _wait(self, size: int) -> bool:
        """More bytes are needed: ``size`` from the current position on."""
        self.need = self._pos + size
        return False

    def _compact(self) -> None:
        del self.buffer[: self._pos]
        self.need = max(self.need - self._pos, 1)
        self.open.moved(self._pos)
        self._pos = 0
