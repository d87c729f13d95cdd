from __future__ import annotations

import pytest

from media.es.rules import NAL_RULES, codec_of_header


@pytest.mark.parametrize(
    ("first", "second", "codec"),
    [
        (0x67, 0x42, "H264"),
        (0x47, 0x4D, "H264"),
        (0x27, 0x64, "H264"),
        (0x40, 0x01, "H265"),
        (0x42, 0x01, "H265"),
        (0x44, 0x01, "H265"),
        (0x41, 0x9A, None),
        (0x40, 0x9A, None),
        (0x02, 0x01, None),
        (0x26, 0x01, None),
        (0x28, 0x01, None),
        (0x68, 0xCE, None),
    ],
)
def test_only_parameter_sets_tell_the_codec(first: int, second: int, codec: str | None) -> None:
    assert codec_of_header(first, second) == codec


def test_first_slices() -> None:
    h264, h265 = NAL_RULES["H264"], NAL_RULES["H265"]
    assert h264.is_first_slice(b"\x65\x88", 0)
    assert not h264.is_first_slice(b"\x65\x28", 0)
    assert not h264.is_first_slice(b"\x65", 0)
    assert h265.is_first_slice(b"\x26\x01\xaf", 0)
    assert not h265.is_first_slice(b"\x26\x01", 0)
    assert h264.is_random_access(5)
    assert not h264.is_random_access(1)
