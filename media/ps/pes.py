"""PES packets (ISO/IEC 13818-1 2.4.3.6, 2.4.3.7) of video (E0-EF) and audio (C0-DF)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from media.ps.bits import DTS_OF_BOTH, PTS_OF_BOTH, PTS_ONLY, read_timestamp, write_timestamp

VIDEO_ID, AUDIO_ID = 0xE0, 0xC0
MAX_LENGTH = 0xFFFF
"""Largest PES_packet_length. Some decoders want at most 0xFF80."""
FIXED_SIZE = 9
_FLAGS_SIZE = 3


def build_pes(
    stream_id: int,
    data: bytes,
    pts: int,
    dts: int | None = None,
    *,
    aligned: bool = False,
    max_length: int = MAX_LENGTH,
) -> Iterator[bytes | memoryview]:
    """``data`` in as many PES packets as it needs; the first carries the time stamps, the others none.

    Yields headers and views of ``data`` in turn, ready to join. ``aligned`` sets data_alignment_indicator on the first.
    """
    if dts is None or dts == pts:
        flags, stamps = 0x80, write_timestamp(PTS_ONLY, pts)
    else:
        flags, stamps = 0xC0, write_timestamp(PTS_OF_BOTH, pts) + write_timestamp(DTS_OF_BOTH, dts)
    first = 0x84 if aligned else 0x80
    view = memoryview(data)
    at = 0
    while True:
        take = min(len(data) - at, max_length - _FLAGS_SIZE - len(stamps))
        length = _FLAGS_SIZE + len(stamps) + take
        yield bytes((0, 0, 1, stream_id, length >> 8, length & 0xFF, first, flags, len(stamps))) + stamps
        yield view[at : at + take]
        at += take
        if at >= len(data):
            return
        first, flags, stamps = 0x80, 0, b""


class PesHeader(NamedTuple):
    """``payload_at``: offset of the payload in the buffer; ``pts`` and ``dts`` 33 bit as sent; ``shifted``: the second
    flags byte was missing."""

    payload_at: int
    pts: int | None
    dts: int | None
    shifted: bool = False


def read_pes_header(buffer: bytearray, at: int, *, shifted: bool = False) -> PesHeader:
    """The header of the PES at ``at`` (needs 9 bytes there; times that are not there yet are None).

    With ``shifted`` a header length at offset 7 instead of 8 is recognised.
    """
    flags, size = buffer[at + 7], buffer[at + 8]
    if shifted and flags and flags < 0x40 and _is_shifted(buffer, at):
        has_time = flags >= 5 and size >> 4 in (2, 3)
        return PesHeader(at + 8 + flags, read_timestamp(buffer, at + 8) if has_time else None, None, True)
    payload_at = at + FIXED_SIZE + size
    if flags < 0x80 or size < 5 or len(buffer) < at + 14:
        return PesHeader(payload_at, None, None)
    pts = read_timestamp(buffer, at + 9)
    if flags >= 0xC0 and size >= 10 and len(buffer) >= at + 19:
        return PesHeader(payload_at, pts, read_timestamp(buffer, at + 14))
    return PesHeader(payload_at, pts, None)


def is_pes_header(buffer: bytearray, at: int) -> bool:
    """Is there an audio or video PES header at ``at`` (9 bytes) whose fields agree with each other?"""
    code, length = buffer[at + 3], buffer[at + 4] << 8 | buffer[at + 5]
    return 0xC0 <= code <= 0xEF and buffer[at + 6] >> 6 == 2 and (length == 0 or length >= 3 + buffer[at + 8])


def _is_shifted(buffer: bytearray, at: int) -> bool:
    """Does the jump by the byte at offset 7 land on a start code, and the regular one not?"""
    regular, other = at + FIXED_SIZE + buffer[at + 8], at + 8 + buffer[at + 7]
    return not _starts_nal(buffer, regular) and _starts_nal(buffer, other)


def _starts_nal(buffer: bytearray, at: int) -> bool:
    return buffer[at : at + 3] == b"\x00\x00\x01" or buffer[at : at + 4] == b"\x00\x00\x00\x01"
