"""RTP over TCP: RFC 4571 records, with the `$` interleaved variant of RTSP told apart (GB/T 28181-2022 annex D).

RFC 4571 puts a 16-bit length before each packet. Some devices write `$`, channel and length instead; the first record
decides for the connection. A sender that overwrote its buffer is resynchronised on two consecutive record headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from media.errors import LocalError, RemoteError
from media.rtp import Buffer
from media.sniff import alien_protocol

MAX_RECORD = 0xFFFF
RESYNC_LIMIT = 1 << 20
_DOLLAR = 0x24
_LARGEST_IN_SEARCH = 10 << 10
_SEARCH_STEP = 4 << 10
_RTP_HEADER = 12
_KNOWN_SSRCS = 4
_VERSION_2 = re.compile(rb"[\x80-\xbf]")


def frame(packet: bytes) -> bytes:
    """``packet`` with its RFC 4571 length before it. Raises LocalError above 65535 bytes."""
    if len(packet) > MAX_RECORD:
        raise LocalError(f"RFC 4571 record of {len(packet)} bytes")
    return len(packet).to_bytes(2, "big") + packet


def frame_interleaved(packet: bytes, channel: int = 0) -> bytes:
    """``packet`` as a `$` record (RFC 2326 10.12), the form some devices use instead."""
    if len(packet) > MAX_RECORD:
        raise LocalError(f"interleaved record of {len(packet)} bytes")
    return bytes((_DOLLAR, channel)) + len(packet).to_bytes(2, "big") + packet


@dataclass(slots=True)
class FramerCounters:
    """What a connection showed: whole ``records``, ``empty`` ones of length 0, ``resyncs`` (framing lost and searched
    for again) and bytes ``skipped`` while searching."""

    records: int = 0
    empty: int = 0
    resyncs: int = 0
    skipped: int = 0


class Rfc4571Framer:
    """Cuts the byte stream of one TCP connection into RTP and RTCP packets (tell them apart with ``rtp.is_rtcp``).

    Memory is bounded by two records plus the bytes of one feed. RemoteError means: close the connection, because
    another protocol speaks or framing was not found again within 1 MiB.
    """

    def __init__(self) -> None:
        self.counters = FramerCounters()
        self.interleaved: bool | None = None
        self._buffer = bytearray()
        self._ssrcs: list[bytes] = []
        self._lost = False
        self._lost_bytes = 0
        self._search_from = 0

    @property
    def buffered(self) -> int:
        """Bytes held back waiting for the rest of a record."""
        return len(self._buffer)

    def feed(self, data: Buffer) -> list[bytes]:
        """Add bytes as they came from the socket; returns the packets they complete, in order."""
        self._buffer += data
        packets: list[bytes] = []
        at = 0
        while True:
            if self._lost:
                found = self._search(at)
                at = found[1]
                if not found[0]:
                    break
            step = self._take(at, packets)
            if step == 0:
                break
            at += max(step, 0)
        del self._buffer[:at]
        self.counters.records += len(packets)
        return packets

    def _take(self, at: int, packets: list[bytes]) -> int:
        """One record at ``at``: bytes consumed, 0 when more are needed, -1 when framing is lost."""
        buffer = self._buffer
        head = self._head_size(at)
        if head == 0 or len(buffer) - at < head:
            return 0
        start = at + head
        size = buffer[start - 2] << 8 | buffer[start - 1]
        if size == 0:
            self.counters.empty += 1
            return head
        if len(buffer) <= start:
            return 0
        if buffer[start] >> 6 != 2:
            return self._lose(at)
        if len(buffer) < start + size:
            return 0
        if not self._trusted(start, size):
            after = self._confirmed(start, start + size)
            if after is None:
                return 0
            if not after:
                return self._lose(at)
            self._remember(start)
        packets.append(bytes(buffer[start : start + size]))
        return head + size

    def _head_size(self, at: int) -> int:
        """Bytes before the packet: 2 or 4; 0 while the first record does not tell yet."""
        buffer = self._buffer
        if self.interleaved is None:
            self._decide(at)
        if self.interleaved is None:
            return 0
        if self.interleaved and len(buffer) > at + 2 and buffer[at] != _DOLLAR and buffer[at + 2] >> 6 == 2:
            self.interleaved = False
        if self.interleaved and len(buffer) > at and buffer[at] != _DOLLAR:
            return 2 if len(buffer) - at > 2 else 0
        return 4 if self.interleaved else 2

    def _decide(self, at: int) -> None:
        """First record. `$`, channel 0-3, V=2 at byte 4 is interleaved; 0x24xx with V=2 at byte 2 is a length."""
        buffer = self._buffer
        if len(buffer) - at < 5:
            return
        alien = alien_protocol(bytes(buffer[at : at + 16]))
        if alien:
            raise RemoteError("RTP over TCP", "another protocol on the media port", alien)
        dollar = buffer[at] == _DOLLAR and buffer[at + 1] <= 3
        self.interleaved = dollar and buffer[at + 4] >> 6 == 2 and buffer[at + 2] >> 6 != 2

    def _trusted(self, start: int, size: int) -> bool:
        """Is the packet of a source already met (or RTCP, or the first one)?"""
        buffer = self._buffer
        if size < _RTP_HEADER or 192 <= buffer[start + 1] <= 223:
            return True
        ssrc = bytes(buffer[start + 8 : start + 12])
        if not self._ssrcs:
            self._ssrcs.append(ssrc)
        return ssrc in self._ssrcs

    def _remember(self, start: int) -> None:
        self._ssrcs.append(bytes(self._buffer[start + 8 : start + 12]))
        del self._ssrcs[:-_KNOWN_SSRCS]

    def _confirmed(self, start: int, at: int) -> bool | None:
        """Does a record of a known source, or of the one at ``start``, stand at ``at``? None: not enough bytes."""
        buffer = self._buffer
        head = 4 if self.interleaved else 2
        following = at + head
        if len(buffer) < following + _RTP_HEADER:
            return None
        if buffer[following] >> 6 != 2 or (head == 4 and buffer[at] != _DOLLAR):
            return False
        ssrc = bytes(buffer[following + 8 : following + 12])
        return ssrc in self._ssrcs or ssrc == bytes(buffer[start + 8 : start + 12])

    def _lose(self, at: int) -> int:
        self._lost = True
        self._lost_bytes = self._search_from = 0
        self.counters.resyncs += 1
        # The header that failed is not tried again.
        self._skip(1)
        del self._buffer[at]
        return -1

    def _skip(self, count: int) -> None:
        self.counters.skipped += count
        self._lost_bytes += count
        if self._lost_bytes > RESYNC_LIMIT:
            raise RemoteError("RTP over TCP", "framing lost and not found again within 1 MiB")

    def _search(self, at: int) -> tuple[bool, int]:
        """Look for two consecutive record headers of one SSRC from ``at`` on: (found, position to go on from)."""
        buffer = self._buffer
        if len(buffer) < self._search_from:
            return False, at
        head = 4 if self.interleaved else 2
        waiting: int | None = None
        for match in _VERSION_2.finditer(buffer, at + head):
            verdict = self._two_records(match.start(), head)
            if verdict:
                begin = match.start() - head
                self._skip(begin - at)
                self._lost = False
                return True, begin
            if verdict is None and waiting is None:
                waiting = match.start() - head
        keep = waiting if waiting is not None else max(at, len(buffer) - head)
        self._skip(keep - at)
        # Much held back is looked at again only when there is much more: a hostile sender must not buy our time.
        self._search_from = len(buffer) - keep + (_SEARCH_STEP if len(buffer) - keep > _SEARCH_STEP else 0)
        return False, keep

    def _two_records(self, start: int, head: int) -> bool | None:
        """Is the packet at ``start`` preceded by its length and followed by another of the same SSRC?"""
        buffer = self._buffer
        if head == 4 and buffer[start - 4] != _DOLLAR:
            return False
        size = buffer[start - 2] << 8 | buffer[start - 1]
        if not _RTP_HEADER <= size <= _LARGEST_IN_SEARCH:
            return False
        if len(buffer) < start + _RTP_HEADER:
            return None
        ssrc = buffer[start + 8 : start + 12]
        if self._ssrcs and bytes(ssrc) not in self._ssrcs:
            return False
        following = start + size + head
        if len(buffer) < following + _RTP_HEADER:
            return None
        return buffer[following] >> 6 == 2 and buffer[following + 8 : following + 12] == ssrc
