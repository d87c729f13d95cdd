"""Real pictures: moving pattern with a burnt-in camera number and frame counter, encoded once per process by PyAV.

The numbers are burnt in as rows of black and white squares so that a decoder at the far end can read them back.
"""

from __future__ import annotations

import functools
import io
from fractions import Fraction

import av

from interop.wire import psbytes

WIDTH, HEIGHT, FPS, GOP, BITS, CELL = 352, 288, 10, 10, 16, 16
FRAMES = 3 * GOP
_MARK = b"wire-kit-counter"
_OPTIONS = {
    psbytes.H264: (
        "libx264",
        "x264-params",
        f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:repeat-headers=1:aud=0",
    ),
    psbytes.H265: (
        "libx265",
        "x265-params",
        f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:open-gop=0:repeat-headers=1:log-level=none:pools=1:frame-threads=1",
    ),
}


def _row_of_cells(value: int) -> bytes:
    return b"".join((b"\xeb" if value >> (BITS - 1 - bit) & 1 else b"\x10") * CELL for bit in range(BITS))


def picture(camera: int, counter: int) -> tuple[bytes, bytes, bytes]:
    """Y, U and V planes of one picture."""
    wave = bytes(40 + (x * 2 + camera * 7) % 160 for x in range(WIDTH * 2))
    rows = [wave[(y + counter * 3) % WIDTH :][:WIDTH] for y in range(HEIGHT)]
    for y in range(CELL):
        rows[y] = _row_of_cells(counter) + rows[y][BITS * CELL :]
        rows[y + 2 * CELL] = _row_of_cells(camera) + rows[y + 2 * CELL][BITS * CELL :]
    quarter = WIDTH * HEIGHT // 4
    return b"".join(rows), bytes([128]) * quarter, bytes([(camera * 37) % 160 + 48]) * quarter


@functools.lru_cache(maxsize=64)
def encoded(video: int, camera: int) -> tuple[tuple[bytes, bool], ...]:
    """Access units (Annex B, key flag) of three seconds of one camera; every tenth is a key frame."""
    name, key, value = _OPTIONS[video]
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate, context.thread_count = Fraction(1, FPS), Fraction(FPS), 1
    context.options = {"preset": "ultrafast", "tune": "zerolatency", key: value}
    units = []
    for counter in range(FRAMES):
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for number, (plane, data) in enumerate(zip(frame.planes, picture(camera, counter), strict=True)):
            width, stride = (WIDTH if number == 0 else WIDTH // 2), plane.line_size
            lines = [data[at : at + width].ljust(stride, b"\0") for at in range(0, len(data), width)]
            plane.update(b"".join(lines))
        frame.pts = counter
        units += [bytes(packet) for packet in context.encode(frame)]
    units += [bytes(packet) for packet in context.encode(None)]
    return tuple((unit, psbytes.is_key(unit, video)) for unit in units)


def counted(unit: bytes, video: int, number: int) -> bytes:
    """The access unit with an SEI that carries a running number, so that no two sent units are equal."""
    payload = b"\x05" + bytes([len(_MARK) + 10]) + _MARK + b"%010d" % number + b"\x80"
    sei = b"\0\0\0\1" + (b"\x4e\x01" if video == psbytes.H265 else b"\x06") + payload
    for at in psbytes.nal_offsets(unit):
        slice_ = unit[at] >> 1 & 0x3F < 32 if video == psbytes.H265 else unit[at] & 0x1F in (1, 5)
        if slice_:
            cut = at - 4 if at >= 4 and unit[at - 4] == 0 else at - 3
            return unit[:cut] + sei + unit[cut:]
    return unit


def burnt_in(ps: bytes, *, kind: str = "mpeg") -> list[tuple[int, int, int | None]]:
    """Decode program-stream bytes (or a file of another kind) and read (camera, counter, pts) off each picture."""
    out = []
    with av.open(io.BytesIO(ps), "r", format=kind) as container:
        for frame in container.decode(container.streams.video[0]):
            plane = frame.planes[0]
            y, stride = bytes(plane), plane.line_size

            def read(row: int, y: bytes = y, stride: int = stride) -> int:
                line = (row * CELL + CELL // 2) * stride
                return sum((y[line + bit * CELL + CELL // 2] > 126) << (BITS - 1 - bit) for bit in range(BITS))

            out.append((read(2), read(0), frame.pts))
    return out
