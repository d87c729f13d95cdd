"""H.264 byte streams (ITU-T H.264 7.3, 7.4, annex B): NAL units, key frames, parameter sets."""

from __future__ import annotations

from media.es.bits import BitReader, unescape
from media.es.picture import PictureSize

SLICE, IDR, SEI, SPS, PPS, AUD = 1, 5, 6, 7, 8, 9
STAP_A, FU_A = 24, 28
_RECOVERY_POINT = 6
_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))


def nal_type(header: int) -> int:
    """nal_unit_type of a NAL header byte."""
    return header & 0x1F


def is_vcl(kind: int) -> bool:
    """Does this type carry slice data?"""
    return 1 <= kind <= 5


def is_sps(header: int) -> bool:
    """Sequence parameter set by header byte: forbidden bit 0, nal_ref_idc not 0."""
    return header in (0x67, 0x47, 0x27)


def starts_access_unit(kind: int) -> bool:
    """Types that, after a slice, begin the next access unit (H.264 7.4.1.2.3)."""
    return kind in (SEI, SPS, PPS, AUD) or 14 <= kind <= 18


def is_first_slice(byte_after_header: int) -> bool:
    """first_mb_in_slice equal to 0: its Exp-Golomb code is a single 1 bit."""
    return byte_after_header >= 0x80


def is_intra_slice(nal: bytes) -> bool:
    """Is the slice of this NAL unit (header byte first) an I or SI slice?"""
    reader = BitReader(unescape(nal[1:13]))
    try:
        reader.ue()
        return reader.ue() % 5 in (2, 4)
    except EOFError:
        return False


def has_recovery_point(nal: bytes) -> bool:
    """Does this SEI NAL unit hold a recovery point message with recovery_frame_cnt 0 (decoding may start here)?"""
    data = unescape(nal[1:])
    at = 0
    while at + 1 < len(data) and data[at] != 0x80:
        kind, at = _sei_number(data, at)
        size, at = _sei_number(data, at)
        if kind == _RECOVERY_POINT:
            return at < len(data) and data[at] >= 0x80
        at += size
    return False


def _sei_number(data: bytes, at: int) -> tuple[int, int]:
    total = 0
    while at < len(data) and data[at] == 0xFF:
        total += 255
        at += 1
    return total + (data[at] if at < len(data) else 0), at + 1


def picture_size(sps: bytes) -> PictureSize | None:
    """Size, profile and level of a sequence parameter set (NAL unit with its header byte); None when it is broken."""
    try:
        return _read_sps(unescape(sps))
    except EOFError:
        return None


def _read_sps(sps: bytes) -> PictureSize:
    reader = BitReader(sps)
    reader.skip(8)
    profile, compatibility, level = reader.bits(8), reader.bits(8), reader.bits(8)
    reader.ue()
    chroma, luma_bits, chroma_bits = 1, 8, 8
    if profile in _HIGH_PROFILES:
        chroma, luma_bits, chroma_bits = _read_chroma(reader)
    reader.ue()
    order = reader.ue()
    if order == 0:
        reader.ue()
    elif order == 1:
        reader.skip(1)
        reader.se()
        reader.se()
        for _ in range(min(reader.ue(), 255)):
            reader.se()
    reader.ue()
    reader.skip(1)
    width = 16 * (reader.ue() + 1)
    map_units = reader.ue() + 1
    frame_only = bool(reader.bits(1))
    height = 16 * map_units * (1 if frame_only else 2)
    if not frame_only:
        reader.skip(1)
    reader.skip(1)
    if reader.bits(1):
        left, right, top, bottom = reader.ue(), reader.ue(), reader.ue(), reader.ue()
        unit_x = 1 if chroma in (0, 3) else 2
        unit_y = (2 if chroma == 1 else 1) * (1 if frame_only else 2)
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    text = f"avc1.{profile:02X}{compatibility:02X}{level:02X}"
    return PictureSize(width, height, text, not frame_only, chroma, luma_bits, chroma_bits)


def _read_chroma(reader: BitReader) -> tuple[int, int, int]:
    """(chroma_format_idc, luma bits, chroma bits) of the high profiles."""
    chroma = reader.ue()
    if chroma == 3:
        reader.skip(1)
    luma_bits, chroma_bits = 8 + reader.ue(), 8 + reader.ue()
    reader.skip(1)
    if reader.bits(1):
        for index in range(8 if chroma != 3 else 12):
            if reader.bits(1):
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return chroma, luma_bits, chroma_bits


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def parameter_set_id(nal: bytes) -> int:
    """seq_parameter_set_id or pic_parameter_set_id of a parameter set NAL unit; 0 when it is broken."""
    skipped = 4 if nal_type(nal[0]) == SPS else 1
    try:
        return BitReader(unescape(nal[skipped : skipped + 8])).ue()
    except EOFError:
        return 0
