"""Real pictures from real encoders, made once per run."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pytest

from media.unit import AccessUnit

Encode = Callable[..., tuple[AccessUnit, ...]]


@cache
def _encode(
    codec: str, frames: int, gop: int, b_frames: int, width: int, height: int, slices: int
) -> tuple[AccessUnit, ...]:
    name, private = {"H264": ("libx264", "x264-params"), "H265": ("libx265", "x265-params")}[codec]
    encoder = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 90000), Fraction(25, 1)
    encoder.thread_count = 1
    quiet = ":log-level=none:pools=1:repeat-headers=1" if codec == "H265" else f":slices={slices}"
    parameters = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}{quiet}"
    encoder.options = {"preset": "ultrafast", private: parameters}
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 60, (height, width), dtype=np.uint8)
    packets = []
    for index in range(frames):
        luma = np.roll(noise, index * 3, axis=1) + np.linspace(20, 180, width, dtype=np.uint8)
        picture = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
        picture[:height] = luma
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = index * 3600, Fraction(1, 90000)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    shift = -min(0, *(int(p.dts) for p in packets)) + 90000
    return tuple(
        AccessUnit(codec, int(p.pts) + shift, int(p.dts) + shift, bool(p.is_keyframe), bytes(p), "video")
        for p in packets
    )


@pytest.fixture(scope="session")
def encode() -> Encode:
    """``encode("H264", frames=30, gop=10, b_frames=0, width=128, height=96, slices=1)`` -> access units."""

    def make(
        codec: str, *, frames: int = 30, gop: int = 10, b_frames: int = 0, width: int = 128, height: int = 96,
        slices: int = 1,
    ) -> tuple[AccessUnit, ...]:  # fmt: skip
        return _encode(codec, frames, gop, b_frames, width, height, slices)

    return make
