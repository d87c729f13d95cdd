"""The quiet 440 Hz tone as AAC (a real encoder, through PyAV)."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from interop.device.picture import AUDIO_HZ, CLOCK_HZ
from interop.rtsp.medium import AAC_HZ
from media import AccessUnit

FRAME = 1024
"""Samples of one AAC access unit."""


class AacTone:
    """AAC-LC, 16 kHz, one channel; raw access units without ADTS headers."""

    def __init__(self) -> None:
        context = av.CodecContext.create("aac", "w")
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate = AAC_HZ
        context.layout = "mono"
        context.format = "fltp"
        context.bit_rate = 24_000
        context.time_base = Fraction(1, AAC_HZ)
        self._context = context
        self._made = 0
        self._due = 0
        self._frames = 0

    def encode(self, samples: int, pts: int) -> list[AccessUnit]:
        """The access units that `samples` more samples of 8 kHz complete; their times follow from their number.

        `pts` is not needed: sound without a break tells its own time.
        """
        self._due += samples * AAC_HZ // AUDIO_HZ
        units = []
        while self._made + FRAME <= self._due:
            position = (np.arange(FRAME) + self._made) / AAC_HZ
            wave = (np.sin(2 * np.pi * 440 * position) * 0.09).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave[None, :], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = AAC_HZ, self._made
            self._made += FRAME
            units += [self._unit(bytes(packet)) for packet in self._context.encode(frame)]
        return units

    def _unit(self, data: bytes) -> AccessUnit:
        pts = self._frames * FRAME * CLOCK_HZ // AAC_HZ
        self._frames += 1
        return AccessUnit(codec="AAC", pts=pts, dts=pts, key=False, data=data, track="audio")
