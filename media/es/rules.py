"""The NAL unit rules that H.264 and H.265 share in form, one table row per codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from media.es import h264, h265
from media.es.codecs import H264, H265
from media.es.picture import PictureSize


@dataclass(frozen=True, slots=True)
class NalRules:
    """How to read NAL units of one codec. ``parameter_sets`` lists the types in the order they are written;
    ``sps`` is the type whose content is the codec configuration."""

    codec: str
    header_size: int
    nal_type: Callable[[int], int]
    is_vcl: Callable[[int], bool]
    is_random_access: Callable[[int], bool]
    starts_access_unit: Callable[[int], bool]
    parameter_sets: tuple[int, ...]
    sps: int
    aud: int
    set_id: Callable[[bytes], int]
    picture_size: Callable[[bytes], PictureSize | None]

    def is_first_slice(self, nal: bytes | bytearray, header: int) -> bool:
        """Is the slice whose NAL header is at ``header`` the first of its picture?"""
        at = header + self.header_size
        return at < len(nal) and nal[at] >= 0x80


def _is_idr(kind: int) -> bool:
    return kind == h264.IDR


NAL_RULES: dict[str, NalRules] = {
    H264: NalRules(
        codec=H264,
        header_size=1,
        nal_type=h264.nal_type,
        is_vcl=h264.is_vcl,
        is_random_access=_is_idr,
        starts_access_unit=h264.starts_access_unit,
        parameter_sets=(h264.SPS, h264.PPS),
        sps=h264.SPS,
        aud=h264.AUD,
        set_id=h264.parameter_set_id,
        picture_size=h264.picture_size,
    ),
    H265: NalRules(
        codec=H265,
        header_size=2,
        nal_type=h265.nal_type,
        is_vcl=h265.is_vcl,
        is_random_access=h265.is_irap,
        starts_access_unit=h265.starts_access_unit,
        parameter_sets=(h265.VPS, h265.SPS, h265.PPS),
        sps=h265.SPS,
        aud=h265.AUD,
        set_id=h265.parameter_set_id,
        picture_size=h265.picture_size,
    ),
}


def codec_of_header(first: int, second: int) -> str | None:
    """Codec told by a NAL header: only from H.265 parameter sets or an H.264 SPS.

    A slice of one codec looks like one of the other, and an H.264 PPS like an H.265 IDR.
    """
    if h265.is_parameter_set(first, second):
        return H265
    return H264 if h264.is_sps(first) else None
