"""Finds the structures of a program stream in bytes that arrive piece by piece, some of them missing."""

from __future__ import annotations

from media.ps.counters import PsCounters
from media.ps.pack_header import START_CODE as PACK
from media.ps.start_codes import FIRST_STRUCTURE, PREFIX, may_begin_structure
from media.ps.structures import STRAY, PesSink, StructureParser
from media.ps.tolerance import PsTolerance


class PsReader:
    """Incremental and bounded: holds at most one PES packet besides the bytes fed.

    ``clean`` tells that everything fed has been delivered, so that a frame may end here.
    """

    __slots__ = ("_buffer", "_counters", "_parser", "_sink", "_tolerance")

    def __init__(self, sink: PesSink, tolerance: PsTolerance, counters: PsCounters) -> None:
        self._sink = sink
        self._tolerance = tolerance
        self._counters = counters
        self._parser = StructureParser(sink, tolerance, counters)
        self._buffer = self._parser.buffer

    @property
    def clean(self) -> bool:
        """Has everything fed been delivered? (Video of unknown length counts as delivered.)"""
        return self._parser.open.stream_id is not None or (self._parser.synced and not self._buffer)

    def feed(self, payload: bytes, *, gap: bool, whole: bool) -> None:
        """``gap``: bytes are missing before ``payload``. ``whole``: the caller vouches that nothing else is missing."""
        parser, buffer = self._parser, self._buffer
        parser.whole = whole
        start = payload.find(PACK, 0, STRAY + 4)
        if gap:
            self._break_off(payload)
        if start == 0:
            if buffer or parser.open.stream_id is not None:
                self._end_before_pack()
        elif start > 0 and self._is_interrupted(payload[:start]):
            self._counters.tolerated["stray_bytes"] += 1
            self._end_before_pack()
            payload = payload[start:]
        buffer += payload
        if len(buffer) >= parser.need:
            parser.parse()

    def drain(self) -> None:
        """Deliver video of unknown length up to the last byte: its frame is known to end here."""
        self._parser.drain()

    def flush(self) -> None:
        """End of the stream: deliver what can be, forget the rest."""
        if self._buffer or self._parser.open.stream_id is not None:
            self._end_before_pack()
        self._parser.reset(synced=False)

    def _break_off(self, payload: bytes) -> None:
        """A gap: hand out the beginning of the PES at hand, then look for structure in what follows."""
        self._counters.gaps += 1
        self._parser.deliver_partial()
        self._sink.loss()
        structure = payload[:3] == PREFIX and len(payload) > 3 and payload[3] >= FIRST_STRUCTURE
        self._parser.reset(synced=structure)

    def _end_before_pack(self) -> None:
        """A pack starts although the PES at hand lacks bytes: its length lied, or data was lost unnoticed."""
        parser = self._parser
        if parser.open.stream_id is not None:
            parser.deliver_partial()
        elif self._buffer and parser.synced and not self._is_stray():
            if parser.after_video and self._tolerance.wrong_pes_length and not may_begin_structure(self._buffer):
                parser.continue_video()
            self._tell_cut_off(parser.deliver_partial(), parser.whole)
        parser.reset(synced=True)

    def _tell_cut_off(self, delivered: bool, whole: bool) -> None:
        """``delivered``: the PES cut off was video."""
        self._counters.dropped += not delivered
        if delivered and whole and self._tolerance.wrong_pes_length:
            self._counters.tolerated["wrong_pes_length"] += 1
            self._sink.repaired("wrong_pes_length")
        elif delivered or not whole:
            self._sink.loss()

    def _is_stray(self) -> bool:
        return self._tolerance.stray_bytes and len(self._buffer) <= STRAY and max(self._buffer) <= 1

    def _is_interrupted(self, stray: bytes) -> bool:
        """Do ``stray`` bytes before a pack cut off the structure at hand, instead of ending it?"""
        if not self._tolerance.stray_bytes or self._parser.open.stream_id is not None or not self._buffer:
            return False
        return max(stray) <= 1 and len(self._buffer) + len(stray) < self._parser.need
