"""Start codes of a program stream in a buffer (ISO/IEC 13818-1 2.5.2): the three-byte prefix and a code of B9 or above.

Lower codes belong to the elementary streams inside.
"""

from __future__ import annotations

from media.ps.pes import is_pes_header

PREFIX = b"\x00\x00\x01"
FIRST_STRUCTURE = 0xB9
SOUND_SIZE = 9
"""Bytes `is_sound_start` looks at."""

_PACK, _MAP = 0xBA, 0xBC
_MAP_LENGTH_HIGH = 4


def next_structure(buffer: bytearray, begin: int, end: int) -> int | None:
    """Offset of the first start code of a structure whose prefix lies within ``begin`` and ``end``."""
    at = buffer.find(PREFIX, begin, end)
    while at >= 0 and at + 3 < len(buffer):
        if buffer[at + 3] >= FIRST_STRUCTURE:
            return at
        at = buffer.find(PREFIX, at + 3, end)
    return None


def may_begin_structure(buffer: bytearray) -> bool:
    """Is the beginning of the buffer a structure's start code, as far as it is there?"""
    head = bytes(buffer[:4])
    return PREFIX.startswith(head[:3]) and (len(head) < 4 or head[3] >= FIRST_STRUCTURE)


def is_sound_start(buffer: bytearray, at: int) -> bool:
    """Is the start code at ``at`` that of a pack, or of a map or PES whose header makes sense? Needs 9 bytes there."""
    code = buffer[at + 3]
    if code == _PACK:
        return True
    return (code == _MAP and buffer[at + 4] < _MAP_LENGTH_HIGH) or is_pes_header(buffer, at)
