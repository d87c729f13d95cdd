"""Pack header (PS包头, ISO/IEC 13818-1 2.5.3.3)."""

from __future__ import annotations

from media.ps.bits import Buffer, write_scr

START_CODE = b"\x00\x00\x01\xba"
SIZE = 14
MPEG1_SIZE = 12
CUSTOMARY_MUX_RATE = 6106
"""program_mux_rate in units of 50 bytes/s; receivers do not use it."""


def build_pack_header(scr_base: int, *, scr_extension: int = 0, mux_rate: int = CUSTOMARY_MUX_RATE) -> bytes:
    """14 bytes without stuffing."""
    rate = bytes(((mux_rate >> 14) & 0xFF, (mux_rate >> 6) & 0xFF, (mux_rate << 2) & 0xFF | 3))
    return START_CODE + write_scr(scr_base, scr_extension) + rate + b"\xf8"


def pack_header_size(buf: Buffer, at: int) -> int:
    """Size of the header whose start code is at ``at`` (needs 14 bytes there), stuffing included.

    12 for an MPEG-1 pack, 4 for a bare start code that another start code follows at once.
    """
    first = buf[at + 4]
    if first >> 4 == 2:
        return MPEG1_SIZE
    if first == 0 and buf[at + 5] == 0 and buf[at + 6] == 1:
        return 4
    return SIZE + (buf[at + 13] & 7)
