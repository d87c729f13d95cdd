"""PES packets (ISO/IEC 13818-1 2.4.3.6, 2.4.3.7) of video (E0-EF) and audio (C0-DF)."""

from __future__ import annotations

from collections.abc import Iterator

from media.ps.bits import DTS_OF_BOTH, PTS_OF_BOTH, PTS_ONLY, write_timestamp

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
