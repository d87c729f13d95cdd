from __future__ import annotations

from media.es.picture import PictureSize


def test_eight_bit_420_is_the_usual_case() -> None:
    size = PictureSize(1920, 1080, "avc1.64001F", interlaced=False)
    assert (size.chroma_format, size.luma_bits, size.chroma_bits) == (1, 8, 8)
