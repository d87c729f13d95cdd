"""One picture of a stream as JPEG (图像抓拍)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from PIL import Image

from media.errors import LocalError, RemoteError
from media.es.codecs import H264, H265
from media.unit import CLOCK_HZ, AccessUnit

_DECODERS = {H264: "h264", H265: "hevc"}
DEFAULT_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Picture:
    """``jpeg`` bytes, size in pixels, and the 90 kHz time of the picture shown."""

    jpeg: bytes
    width: int
    height: int
    pts: int


def picture_of(units: AccessUnit | Iterable[AccessUnit], *, quality: int = DEFAULT_QUALITY) -> Picture:
    """Decode a key frame, and the units after it if given, and return the last picture.

    Takes 10 to 50 ms: call it in a thread. Raises LocalError when the first unit is no key frame of H.264 or H.265,
    RemoteError when the decoder makes no picture of the bytes.
    """
    listed = [units] if isinstance(units, AccessUnit) else list(units)
    if not listed or not listed[0].key or listed[0].codec not in _DECODERS:
        raise LocalError("a snapshot begins with a key frame of H.264 or H.265")
    frame = _decode_last(listed)
    if frame is None:
        raise RemoteError("video", "the key frame cannot be decoded", listed[0].codec)
    buffer = io.BytesIO()
    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    image.save(buffer, "JPEG", quality=quality)
    return Picture(buffer.getvalue(), frame.width, frame.height, frame.pts if frame.pts is not None else listed[0].pts)


def jpeg_of(units: AccessUnit | Iterable[AccessUnit], *, quality: int = DEFAULT_QUALITY) -> bytes:
    """The JPEG of ``picture_of``."""
    return picture_of(units, quality=quality).jpeg


def _decode_last(units: list[AccessUnit]) -> VideoFrame | None:
    decoder = cast(VideoCodecContext, av.CodecContext.create(_DECODERS[units[0].codec], "r"))
    decoder.thread_count = 1
    frame: VideoFrame | None = None
    try:
        for unit in units:
            packet = av.Packet(unit.data)
            packet.pts, packet.dts, packet.time_base = unit.pts, unit.dts, Fraction(1, CLOCK_HZ)
            for decoded in decoder.decode(packet):
                frame = decoded
        for decoded in decoder.decode(None):
            frame = decoded
    except av.FFmpegError as error:
        if frame is None:
            raise RemoteError("video", "the key frame cannot be decoded", str(error)) from error
    return frame
