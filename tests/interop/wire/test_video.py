"""Pictures are real video: they decode, and say who they are."""

from __future__ import annotations

import pytest

from interop.wire import psbytes, video


@pytest.mark.parametrize("codec", [psbytes.H264, psbytes.H265])
def test_encoded_seconds_decode_to_their_burnt_in_numbers(codec: int) -> None:
    units = video.encoded(codec, 5)
    assert [key for _, key in units] == ([True] + [False] * 9) * 3
    assert {psbytes.video_type(unit) for unit, key in units if key} == {codec}
    counted = [video.counted(unit, codec, 7_000_000 + n) for n, (unit, _) in enumerate(units)]
    raw = b"".join(counted)
    read = video.burnt_in(raw, kind="hevc" if codec == psbytes.H265 else "h264")
    assert [(camera, counter) for camera, counter, _ in read] == [(5, n) for n in range(30)]


def test_the_running_number_makes_equal_units_differ_and_nothing_else() -> None:
    unit = video.encoded(psbytes.H264, 5)[1][0]
    one, two = video.counted(unit, psbytes.H264, 1), video.counted(unit, psbytes.H264, 2)
    assert one != two
    assert one.replace(b"0000000001", b"0000000002") == two
    assert len(one) == len(unit) + 4 + 1 + 2 + 16 + 10 + 1
    assert video.counted(b"\0\0\1\x67x", psbytes.H264, 1) == b"\0\0\1\x67x"


def test_a_picture_differs_by_camera_and_by_counter() -> None:
    assert len({video.picture(camera, counter) for camera in (1, 2) for counter in (0, 1)}) == 4
    assert [len(plane) for plane in video.picture(1, 0)] == [352 * 288, 176 * 144, 176 * 144]
