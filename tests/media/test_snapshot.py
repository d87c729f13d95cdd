from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from media.errors import LocalError, RemoteError
from media.snapshot import jpeg_of, picture_of


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_a_key_frame_becomes_a_jpeg(encode, codec: str) -> None:
    unit = encode(codec)[0]
    picture = picture_of(unit)
    assert (picture.width, picture.height, picture.pts) == (128, 96, unit.pts)
    image = Image.open(io.BytesIO(picture.jpeg))
    assert image.format == "JPEG"
    assert image.size == (128, 96)
    left, right = image.convert("L").getpixel((4, 50)), image.convert("L").getpixel((120, 50))
    assert right - left > 60
    assert jpeg_of(unit) == picture.jpeg


def test_later_units_move_the_picture_on(encode) -> None:
    units = encode("H264", b_frames=2)
    assert picture_of(units[:6]).pts == max(u.pts for u in units[:6])


def test_a_broken_tail_still_gives_a_picture(encode) -> None:
    units = encode("H264")
    assert picture_of([units[0], replace(units[1], data=b"\0\0\0\1\x09")]).width == 128


def test_garbage_is_the_peers_fault(encode) -> None:
    unit = encode("H264")[0]
    with pytest.raises(RemoteError):
        jpeg_of(replace(unit, data=b"\0\0\0\1\x65" + bytes(50)))
    with pytest.raises(RemoteError):
        jpeg_of(replace(unit, data=b"\1\2\3"))


def test_without_a_key_frame_it_is_our_fault(encode) -> None:
    unit = encode("H264")[1]
    for wrong in (unit, [], replace(unit, key=True, codec="SVAC")):
        with pytest.raises(LocalError):
            jpeg_of(wrong)
