"""Sample entries: avc1 and hvc1 (ISO/IEC 14496-15), mp4a (ISO/IEC 14496-14)."""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack

from media.errors import LocalError
from media.es import h264, h265
from media.es.aac import RATES
from media.es.annexb import nal_units
from media.es.bits import unescape
from media.es.codecs import H264
from media.es.picture import PictureSize
from media.es.rules import NAL_RULES
from media.mp4.boxes import box, full_box

_LENGTH_SIZE = 4
_HIGH_PROFILES = (100, 110, 122, 144)
_AAC_OBJECT, _AUDIO_STREAM = 0x40, 0x15


def video_entry(codec: str, parameter_sets: bytes) -> tuple[bytes, PictureSize]:
    """avc1 or hvc1 box of the parameter sets in a byte stream, and what the SPS says.

    Raises LocalError when a kind of set is missing or the SPS cannot be read.
    """
    rules = NAL_RULES[codec]
    found: dict[int, list[bytes]] = {kind: [] for kind in rules.parameter_sets}
    for nal in nal_units(parameter_sets):
        kind = rules.nal_type(nal[0])
        if kind in found and nal not in found[kind]:
            found[kind].append(nal)
    if not all(found.values()):
        raise LocalError(f"{codec} parameter sets incomplete")
    size = rules.picture_size(found[rules.sps][0])
    if size is None:
        raise LocalError(f"{codec} sequence parameter set cannot be read")
    if codec == H264:
        return _visual(b"avc1", size, box(b"avcC", _avc_configuration(found, size))), size
    return _visual(b"hvc1", size, box(b"hvcC", _hevc_configuration(found, size))), size


def _visual(kind: bytes, size: PictureSize, configuration: bytes) -> bytes:
    return box(
        kind,
        pack(">6xH16xHHIIIH32xHh", 1, size.width, size.height, 0x480000, 0x480000, 0, 1, 0x18, -1),
        configuration,
    )


def _avc_configuration(found: dict[int, list[bytes]], size: PictureSize) -> bytes:
    sps, pps = found[h264.SPS], found[h264.PPS]
    parts = [bytes((1, sps[0][1], sps[0][2], sps[0][3], 0xFC | _LENGTH_SIZE - 1, 0xE0 | len(sps)))]
    parts += [pack(">H", len(nal)) + nal for nal in sps]
    parts.append(bytes((len(pps),)))
    parts += [pack(">H", len(nal)) + nal for nal in pps]
    if sps[0][1] in _HIGH_PROFILES:
        parts.append(bytes((0xFC | size.chroma_format, 0xF8 | size.luma_bits - 8, 0xF8 | size.chroma_bits - 8, 0)))
    return b"".join(parts)


def _hevc_configuration(found: dict[int, list[bytes]], size: PictureSize) -> bytes:
    sps = unescape(found[h265.SPS][0])
    sub_layers, nested = (sps[2] >> 1 & 7) + 1, sps[2] & 1
    depths = bytes((0xFC | size.chroma_format, 0xF8 | size.luma_bits - 8, 0xF8 | size.chroma_bits - 8))
    layers = bytes((0, 0, sub_layers << 3 | nested << 2 | _LENGTH_SIZE - 1, len(found)))
    parts = [b"\x01", sps[3:15], b"\xf0\x00\xfc", depths, layers]
    for kind, nals in found.items():
        parts.append(bytes((0x80 | kind,)) + pack(">H", len(nals)))
        parts += [pack(">H", len(nal)) + nal for nal in nals]
    return b"".join(parts)


def audio_entry(rate: int, channels: int, object_type: int = 2) -> bytes:
    """mp4a box of AAC. Raises LocalError for a sampling rate AAC does not have."""
    if rate not in RATES:
        raise LocalError(f"AAC has no sampling rate of {rate} Hz")
    config = pack(">H", object_type << 11 | RATES.index(rate) << 7 | channels << 3)
    decoder = _descriptor(4, bytes((_AAC_OBJECT, _AUDIO_STREAM, 0, 0, 0)) + bytes(8) + _descriptor(5, config))
    esds = full_box(b"esds", 0, 0, _descriptor(3, bytes(3) + decoder + _descriptor(6, b"\x02")))
    return box(b"mp4a", pack(">6xH8xHHHHI", 1, channels, 16, 0, 0, rate << 16), esds)


def _descriptor(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def length_prefixed(codec: str, data: bytes, dropped: Sequence[int]) -> bytes:
    """A byte stream as a sample: each NAL unit behind its 4-byte length, the types in ``dropped`` left out."""
    nal_type = NAL_RULES[codec].nal_type
    kept = [nal for nal in nal_units(data) if nal and nal_type(nal[0]) not in dropped]
    return b"".join(len(nal).to_bytes(_LENGTH_SIZE, "big") + nal for nal in kept)
