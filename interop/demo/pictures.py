"""Judging what was recorded: is it video, of which codec, and does the picture move where the clock is burnt in?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

CODEC_NAMES = {"h264": "H.264", "hevc": "H.265"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a recording holds. `clock_changes` counts pictures whose clock differs from the picture before."""

    codec: str
    width: int
    height: int
    frames: int
    seconds: float
    clock_changes: int

    @property
    def moving(self) -> bool:
        return self.frames > 10 and self.clock_changes > self.frames // 20


def judge(path: Path) -> Judgement:
    """Decode a whole recording. Raises av.FFmpegError when it is none."""
    frames, changes, first, last = 0, 0, None, None
    previous: np.ndarray[tuple[int, ...], np.dtype[np.int16]] | None = None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = CODEC_NAMES.get(stream.codec_context.name, stream.codec_context.name)
        width, height = stream.codec_context.width, stream.codec_context.height
        for frame in container.decode(stream):
            frames += 1
            first = frame.time if first is None else first
            last = frame.time
            # The clock is drawn in the second line of text: below one, above two and a half text heights.
            top, bottom = height // 14, height * 5 // 28
            clock = frame.to_ndarray(format="gray")[top:bottom, : width // 2].astype(np.int16)
            bright = clock > 180
            if previous is not None and np.count_nonzero(bright != (previous > 180)) > 4:
                changes += 1
            previous = clock
    seconds = float(last - first) if first is not None and last is not None else 0.0
    return Judgement(codec, width, height, frames, seconds, changes)
