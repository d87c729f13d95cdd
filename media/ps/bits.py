"""Clock fields of MPEG-2 systems (ISO/IEC 13818-1 2.4.3.6, 2.5.3.3): SCR of packs, PTS and DTS of PES."""

from __future__ import annotations

PTS_ONLY, PTS_OF_BOTH, DTS_OF_BOTH = 2, 3, 1

Buffer = bytes | bytearray | memoryview


def write_timestamp(prefix: int, ticks: int) -> bytes:
    """Five bytes of a 33-bit time stamp; ``prefix`` 2 for a lone PTS, 3 and 1 for PTS and DTS together."""
    return bytes(
        (
            prefix << 4 | (ticks >> 29) & 0x0E | 1,
            (ticks >> 22) & 0xFF,
            (ticks >> 14) & 0xFF | 1,
            (ticks >> 7) & 0xFF,
            (ticks << 1) & 0xFF | 1,
        )
    )


def read_timestamp(buf: Buffer, at: int) -> int:
    """33-bit time stamp of the five bytes at ``at``; marker bits are not checked."""
    high = (buf[at] >> 1 & 7) << 30
    return high | buf[at + 1] << 22 | (buf[at + 2] >> 1) << 15 | buf[at + 3] << 7 | buf[at + 4] >> 1


def write_scr(base: int, extension: int = 0) -> bytes:
    """Six bytes of a system clock reference: 33-bit ``base`` in 90 kHz, ``extension`` 0-299 in 27 MHz."""
    return bytes(
        (
            0x44 | (base >> 27) & 0x38 | (base >> 28) & 3,
            (base >> 20) & 0xFF,
            0x04 | (base >> 12) & 0xF8 | (base >> 13) & 3,
            (base >> 5) & 0xFF,
            0x04 | (base << 3) & 0xF8 | (extension >> 7) & 3,
            (extension << 1) & 0xFF | 1,
        )
    )


def read_scr(buf: Buffer, at: int) -> tuple[int, int]:
    """(base, extension) of the six bytes at ``at``."""
    b0, b1, b2, b3, b4, b5 = buf[at : at + 6]
    base = (b0 >> 3 & 7) << 30 | (b0 & 3) << 28 | b1 << 20 | (b2 >> 3) << 15 | (b2 & 3) << 13 | b3 << 5 | b4 >> 3
    return base, (b4 & 3) << 7 | b5 >> 1
