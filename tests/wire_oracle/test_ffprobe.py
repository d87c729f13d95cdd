"""ffprobe as decoder of what the project writes: codecs, times and key frames of its program stream."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path

import pytest

from interop.wire import psbytes
from interop.wire.media import Picture
from media.ps.muxer import PsMuxer
from media.unit import AccessUnit

pytestmark = pytest.mark.ffprobe


@pytest.mark.parametrize(("codec", "kind", "name"), [("H264", psbytes.H264, "h264"), ("H265", psbytes.H265, "hevc")])
async def test_the_program_stream_decodes_with_its_times_and_key_frames(
    tmp_path: Path, codec: str, kind: int, name: str
) -> None:
    muxer, path = PsMuxer(codec), tmp_path / "stream.mpg"
    source = list(itertools.islice(Picture(kind, 1, 4886718345), 25))
    path.write_bytes(b"".join(muxer.mux(AccessUnit(codec, pts, pts, key, unit, "video")) for unit, pts, key in source))
    process = await asyncio.create_subprocess_exec(
        "ffprobe", "-v", "error", "-of", "json", "-show_frames", "-show_streams", "-select_streams", "v", str(path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert errors == b""
    seen = json.loads(out)
    stream = seen["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == (name, 352, 288)
    assert [frame["pts"] for frame in seen["frames"]] == [pts for _, pts, _ in source]
    assert [frame["key_frame"] for frame in seen["frames"]] == [int(key) for _, _, key in source]
