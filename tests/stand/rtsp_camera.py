"""An RTSP camera of somebody else's making: GStreamer's server in a process of its own (`rtsp_server.py`)."""

from __future__ import annotations

import asyncio
import functools
import subprocess
from pathlib import Path

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
PACKAGES = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly} gstreamer1.0-libav"
ELEMENTS = ("x264enc", "x265enc", "avenc_aac", "alawenc", "rtph265pay", "jpegenc")
_QUESTION = (
    "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0');"
    "from gi.repository import Gst, GstRtspServer; Gst.init(None);"
    f"raise SystemExit(not all(Gst.ElementFactory.find(name) for name in {ELEMENTS!r}))"
)


@functools.cache
def gstreamer_is_here() -> bool:
    """Whether the system's Python has everything the server needs."""
    try:
        return subprocess.run([SYSTEM_PYTHON, "-c", _QUESTION], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class RtspCamera:
    """`async with RtspCamera(codec="H265", user="u", password="p") as camera: camera.url`."""

    def __init__(
        self,
        *,
        codec: str = "H264",
        audio: str = "",
        user: str = "",
        password: str = "",
        auth: str = "digest",
        sets: bool = True,
    ) -> None:
        self.port = 0
        self._options = ["--codec", codec, "--audio", audio, "--user", user, "--password", password, "--auth", auth]
        if not sets:
            self._options.append("--no-sets")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Its address, without user and password."""
        return f"rtsp://127.0.0.1:{self.port}/live"

    async def start(self) -> None:
        """Start, at the same port as before if there was one."""
        process = self._process = await asyncio.create_subprocess_exec(
            SYSTEM_PYTHON, str(SERVER), "--port", str(self.port), *self._options,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode().split()
        assert line and line[0] == "ready", "the server did not start"
        self.port = int(line[1])

    async def kill(self) -> None:
        """Gone without a word."""
        if self._process is not None:
            self._process.kill()
            await self._end()

    async def stop(self) -> None:
        """Switched off."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        await process.communicate()

    async def __aenter__(self) -> RtspCamera:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
