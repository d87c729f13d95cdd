"""G.711: one byte per sample at 8 kHz (RFC 3551 4.5.14)."""

from __future__ import annotations

from media.es.codecs import PCMA, PCMU
from media.unit import CLOCK_HZ

RATE_HZ = 8000
SILENCE = {PCMA: 0xD5, PCMU: 0xFF}
_HISILICON_HEADER = 4


def duration(size: int) -> int:
    """Ticks of 90 kHz that ``size`` bytes last (rounded down)."""
    return size * CLOCK_HZ // RATE_HZ


def silence(codec: str, samples: int) -> bytes:
    """``samples`` bytes of silence in A-law or mu-law."""
    return bytes((SILENCE[codec],)) * samples


def strip_hisilicon(data: bytes) -> bytes:
    """``data`` without the 4-byte header 00 01 n 00 (n = half the audio length) that some chips put before it."""
    rest = len(data) - _HISILICON_HEADER
    if rest > 0 and data[0] == 0 and data[1] == 1 and 2 * data[2] == rest and data[3] == 0:
        return data[_HISILICON_HEADER:]
    return data
