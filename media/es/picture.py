"""What a sequence parameter set says about the picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PictureSize:
    """Cropped ``width`` and ``height`` in pixels, the ``codecs`` string of RFC 6381 (avc1..., hvc1...), whether
    pictures may be coded as fields, chroma_format_idc and bits per sample of luma and chroma."""

    width: int
    height: int
    codecs: str
    interlaced: bool
    chroma_format: int = 1
    luma_bits: int = 8
    chroma_bits: int = 8
