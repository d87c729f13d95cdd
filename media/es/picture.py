"""What a sequence parameter set says about the picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PictureSize:
    """Cropped ``width`` and ``height`` in pixels, the ``codecs`` string of RFC 6381 (avc1..., hvc1...) and whether
    pictures may be coded as fields."""

    width: int
    height: int
    codecs: str
    interlaced: bool
