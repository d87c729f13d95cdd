"""A moving test picture with a clock and the channel's name burnt in, and its encoders (real ones, through PyAV)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
import av.video.frame
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from media import AccessUnit

Codec = Literal["H264", "H265"]
CLOCK_HZ = 90_000
AUDIO_HZ = 8000


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """What is encoded. `gop` is in frames, `bitrate` in bits per second."""

    codec: Codec = "H264"
    width: int = 640
    height: int = 360
    fps: int = 15
    gop: int = 30
    bitrate: int = 600_000
    audio: bool = True


class MovingPicture:
    """Draws frame after frame: colour bars that wander, a bouncing box, the name and the running clock."""

    def __init__(self, settings: PictureSettings, title: str) -> None:
        self._settings = settings
        self._title = title
        self._text_height = max(12, settings.height // 14)
        self._font = ImageFont.load_default(size=self._text_height)
        x = np.linspace(0, 255, settings.width, dtype=np.float32)
        y = np.linspace(0, 255, settings.height, dtype=np.float32)[:, None]
        self._base = np.stack(
            [
                np.broadcast_to(x, (settings.height, settings.width)),
                np.broadcast_to(y, (settings.height, settings.width)),
            ]
        )

    def frame(self, number: int, now: float) -> NDArray[np.uint8]:
        """Frame `number` at unix time `now`, as height x width x 3 RGB bytes."""
        settings = self._settings
        pixels = np.empty((settings.height, settings.width, 3), dtype=np.uint8)
        pixels[..., 0] = (self._base[0] + number * 3) % 256
        pixels[..., 1] = (self._base[1] + number * 2) % 256
        pixels[..., 2] = 96
        size = settings.height // 6
        left = (number * 7) % max(1, settings.width - size)
        pixels[settings.height // 2 : settings.height // 2 + size, left : left + size] = (255, 255, 255)
        image = Image.fromarray(pixels)
        draw = ImageDraw.Draw(image)
        whole = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now + 8 * 3600))
        clock = f"{whole}.{int(now % 1 * 10)}"
        for row, text in enumerate((self._title, clock, f"frame {number}")):
            draw.text((9, 9 + row * self._text_height * 1.3), text, fill=(0, 0, 0), font=self._font)
            draw.text((8, 8 + row * self._text_height * 1.3), text, fill=(255, 255, 0), font=self._font)
        return np.asarray(image)


class VideoEncoder:
    """libx264 or libx265, tuned for no delay; parameter sets come before each key frame."""

    def __init__(self, settings: PictureSettings) -> None:
        self._settings = settings
        name = {"H264": "libx264", "H265": "libx265"}[settings.codec]
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = settings.width, settings.height
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, settings.fps)
        context.framerate = Fraction(settings.fps, 1)
        context.bit_rate = settings.bitrate
        context.gop_size = settings.gop
        context.max_b_frames = 0
        context.thread_count = 1
        options = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
        if settings.codec == "H265":
            options["x265-params"] = (
                f"log-level=error:keyint={settings.gop}:min-keyint={settings.gop}:scenecut=0:bframes=0:"
                "repeat-headers=1:pools=none:frame-threads=1"
            )
        else:
            options["x264-params"] = f"keyint={settings.gop}:min-keyint={settings.gop}:scenecut=0:repeat-headers=1"
        context.options = options
        self._context = context

    def encode(self, pixels: NDArray[np.uint8], number: int, *, key: bool) -> list[AccessUnit]:
        """Zero or more access units; `key` asks for a key frame here."""
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        if key:
            frame.pict_type = av.video.frame.PictureType.I
        units = []
        for packet in self._context.encode(frame):
            pts = int(packet.pts or 0) * CLOCK_HZ // self._settings.fps
            units.append(
                AccessUnit(
                    codec=self._settings.codec,
                    pts=pts,
                    dts=pts,
                    key=bool(packet.is_keyframe),
                    data=bytes(packet),
                    track="video",
                )
            )
        return units


class ToneEncoder:
    """A quiet 440 Hz tone as G.711 A-law."""

    def __init__(self) -> None:
        self._at = 0

    def encode(self, samples: int, pts: int) -> list[AccessUnit]:
        """The next `samples` samples (8 kHz) at `pts` (90 kHz)."""
        position = (np.arange(samples) + self._at) / AUDIO_HZ
        self._at += samples
        wave = (np.sin(2 * np.pi * 440 * position) * 3000).astype("<i2")
        return [AccessUnit(codec="PCMA", pts=pts, dts=pts, key=False, data=a_law(wave), track="audio")]


def a_law(samples: NDArray[np.int16]) -> bytes:
    """16-bit samples as A-law: the decision values of ITU-T G.711 table 1, even bits inverted.

    A negative sample has the code of its one's complement with the sign bit cleared.
    """
    magnitude = (samples.astype(np.int32) ^ (samples >> 15)) >> 4
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 3, 0)
    mantissa = (magnitude >> np.maximum(exponent - 1, 0)) & 0x0F
    code = (exponent << 4) | mantissa
    return bytes(((code | np.where(samples >= 0, 0x80, 0)) ^ 0x55).astype(np.uint8).tobytes())
