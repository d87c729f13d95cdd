"""Judging recordings that another program's writer made."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from interop.demo.pictures import judge
from interop.device import PictureSettings
from interop.device.picture import MovingPicture


def _record(path: Path, encoder: str, frames: list[Any]) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(encoder, rate=15)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.time_base = Fraction(1, 15)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("encoder", "name"), [("libx264", "H.264"), ("libx265", "H.265"), ("mpeg4", "mpeg4")])
def test_a_running_clock_is_seen(tmp_path: Path, encoder: str, name: str) -> None:
    picture = MovingPicture(PictureSettings(width=320, height=180), "gate")
    path = _record(tmp_path / "a.mp4", encoder, [picture.frame(n, 1000 + n / 15) for n in range(30)])
    seen = judge(path)
    assert (seen.codec, seen.width, seen.height, seen.frames) == (name, 320, 180, 30)
    assert seen.seconds == pytest.approx(29 / 15, abs=0.01)
    assert seen.moving


def test_a_frozen_picture_is_not_moving_and_neither_is_a_short_one(tmp_path: Path) -> None:
    picture = MovingPicture(PictureSettings(width=320, height=180), "gate")
    still = [picture.frame(0, 1000.0)] * 30
    assert not judge(_record(tmp_path / "still.mp4", "libx264", still)).moving
    short = [picture.frame(n, 1000.0 + n) for n in range(5)]
    assert not judge(_record(tmp_path / "short.mp4", "libx264", short)).moving
    black = [np.zeros((180, 320, 3), dtype=np.uint8)] * 20
    assert judge(_record(tmp_path / "black.mp4", "libx264", black)).clock_changes == 0


def test_what_is_no_recording_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no recording at all" * 100)
    with pytest.raises(av.error.FFmpegError):
        judge(tmp_path / "no.mp4")
