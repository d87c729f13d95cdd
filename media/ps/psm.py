"""Program stream map (PSM, 节目流映射, ISO/IEC 13818-1 2.5.4): which codec each stream id carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from media.ps.crc import crc32_mpeg2

START_CODE = b"\x00\x00\x01\xbc"
MAX_LENGTH = 1018
_FIXED = 10
_CRC = 4
_IGNORED_TYPES = frozenset((0x00, 0x06, 0xBD))


@dataclass(frozen=True, slots=True)
class ProgramStreamMap:
    """``entries``: (stream_type, elementary_stream_id) in order; padding and private entries are left out."""

    version: int
    entries: tuple[tuple[int, int], ...]

    def type_of(self, stream_id: int) -> int | None:
        """stream_type of a stream id, None when the map does not name it."""
        for stream_type, entry_id in self.entries:
            if entry_id == stream_id:
                return stream_type
        return None


def build_psm(entries: Sequence[tuple[int, int]], *, version: int = 1) -> bytes:
    """Map without descriptors, CRC right."""
    body = b"".join(bytes((stream_type, stream_id, 0, 0)) for stream_type, stream_id in entries)
    head = bytes((0xE0 | version & 0x1F, 0xFF, 0, 0)) + len(body).to_bytes(2, "big")
    section = START_CODE + (len(head) + len(body) + _CRC).to_bytes(2, "big") + head + body
    return section + crc32_mpeg2(section).to_bytes(4, "big")


def has_valid_crc(section: bytes) -> bool:
    """Is the CRC of a whole map (start code included) right? Many senders write 0."""
    return crc32_mpeg2(section) == 0


def parse_psm(section: bytes) -> ProgramStreamMap | None:
    """Read a whole map, start code included.

    Only program_stream_map_length is trusted: elementary_stream_map_length, descriptor lengths and CRC are wrong in
    the field. None when there is no entry at all.
    """
    end = len(section) - _CRC
    if end < _FIXED + 2:
        return None
    info = int.from_bytes(section[8:10], "big")
    start = _FIXED + info + 2
    if start > end:
        start = _FIXED + 2
    entries = []
    at = start
    while at + 4 <= end:
        stream_type, stream_id = section[at], section[at + 1]
        if stream_type not in _IGNORED_TYPES and 0xC0 <= stream_id <= 0xEF:
            entries.append((stream_type, stream_id))
        at += 4 + int.from_bytes(section[at + 2 : at + 4], "big")
    return ProgramStreamMap(section[6] & 0x1F, tuple(entries)) if entries else None
