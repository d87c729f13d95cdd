"""CRC-32 of MPEG-2 systems (ISO/IEC 13818-1 annex A): polynomial 04C11DB7, start FFFFFFFF, not reflected."""

from __future__ import annotations

_POLYNOMIAL = 0x04C11DB7


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ _POLYNOMIAL if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        rows.append(value)
    return tuple(rows)


_TABLE = _table()


def crc32_mpeg2(data: bytes) -> int:
    """CRC of ``data``; 0 over a structure that ends with its own CRC."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value << 8) & 0xFFFFFFFF ^ _TABLE[value >> 24 ^ byte]
    return value
