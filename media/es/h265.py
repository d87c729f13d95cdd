"""H.265 byte streams (ITU-T H.265 7.3, 7.4, annex B): NAL units, key frames, parameter sets."""

from __future__ import annotations

from media.es.bits import BitReader, unescape
from media.es.picture import PictureSize

VPS, SPS, PPS, AUD, PREFIX_SEI, SUFFIX_SEI = 32, 33, 34, 35, 39, 40
AP, FU = 48, 49


def nal_type(header: int) -> int:
    """nal_unit_type of the first NAL header byte."""
    return (header >> 1) & 0x3F


def is_vcl(kind: int) -> bool:
    """Does this type carry slice segment data?"""
    return kind < 32


def is_irap(kind: int) -> bool:
    """Intra random access point: BLA, IDR, CRA (types 16-21; 22 and 23 are reserved)."""
    return 16 <= kind <= 21


def is_parameter_set(first: int, second: int) -> bool:
    """VPS, SPS or PPS by both header bytes: layer 0, temporal id 1."""
    return second == 0x01 and first in (0x40, 0x42, 0x44)


def starts_access_unit(kind: int) -> bool:
    """Types that, after a slice, begin the next access unit (H.265 7.4.2.4.4)."""
    return kind in (VPS, SPS, PPS, AUD, PREFIX_SEI) or 41 <= kind <= 44 or 48 <= kind <= 55


def is_first_slice(byte_after_header: int) -> bool:
    """first_slice_segment_in_pic_flag: top bit right after the 2-byte header."""
    return byte_after_header >= 0x80


def picture_size(sps: bytes) -> PictureSize | None:
    """Size, profile and level of a sequence parameter set (NAL unit with its header); None when it is broken."""
    try:
        return _read_sps(unescape(sps))
    except EOFError:
        return None


def _read_sps(sps: bytes) -> PictureSize:
    reader = BitReader(sps)
    reader.skip(16 + 4)
    sub_layers = reader.bits(3)
    reader.skip(1)
    text = _read_profile_tier_level(reader, sub_layers)
    reader.ue()
    chroma = reader.ue()
    if chroma == 3:
        reader.skip(1)
    width, height = reader.ue(), reader.ue()
    if reader.bits(1):
        left, right, top, bottom = reader.ue(), reader.ue(), reader.ue(), reader.ue()
        width -= (2 if chroma in (1, 2) else 1) * (left + right)
        height -= (2 if chroma == 1 else 1) * (top + bottom)
    luma_bits, chroma_bits = 8 + reader.ue(), 8 + reader.ue()
    return PictureSize(width, height, text, False, chroma, luma_bits, chroma_bits)


def _read_profile_tier_level(reader: BitReader, sub_layers: int) -> str:
    """Reads the structure and returns the codecs string of ISO/IEC 14496-15 annex E."""
    space, tier, profile = reader.bits(2), reader.bits(1), reader.bits(5)
    compatibility = reader.bits(32)
    constraints = reader.bits(48).to_bytes(6, "big").rstrip(b"\x00")
    level = reader.bits(8)
    present = [(reader.bits(1), reader.bits(1)) for _ in range(sub_layers)]
    if sub_layers:
        reader.skip(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        reader.skip(88 * has_profile + 8 * has_level)
    reversed_flags = int(f"{compatibility:032b}"[::-1], 2)
    text = f"hvc1.{('', 'A', 'B', 'C')[space]}{profile}.{reversed_flags:X}.{'LH'[tier]}{level}"
    return text + "".join(f".{byte:X}" for byte in constraints)


def parameter_set_id(nal: bytes) -> int:
    """Id of a VPS, SPS or PPS NAL unit; 0 when it is broken."""
    reader = BitReader(unescape(nal))
    try:
        reader.skip(16)
        kind = nal_type(nal[0])
        if kind == VPS:
            return reader.bits(4)
        if kind == SPS:
            reader.skip(4)
            sub_layers = reader.bits(3)
            reader.skip(1)
            _read_profile_tier_level(reader, sub_layers)
        return reader.ue()
    except EOFError:
        return 0
