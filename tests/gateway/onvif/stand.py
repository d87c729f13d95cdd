"""Simulated cameras for tests, and a way to ask them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from gateway.onvif.camera_http import CameraHttp
from gateway.onvif.client import OnvifClient
from gateway.secrets import Secret
from interop.onvif.camera import OnvifCamera
from interop.onvif.settings import CameraSettings, Preset, Profile, VideoSource

USER, PASSWORD = "viewer", "s3cret"
PICTURE = (
    b"\xff\xd8\xff\xe0\x00\x04JF\xff\xc0\x00\x0b\x08\x00\xb4\x01\x40\x01\x01\x11\x00"
    b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00\xff\xd9"
)
"""A JPEG of 320x180, as far as its markers go."""
DOME = VideoSource(
    "dome",
    (Profile("sub", width=640, height=360), Profile("main", encoding="H265", width=3840, height=2160)),
    ptz=True,
    imaging=True,
    presets=(Preset("5", "made in the camera"),),
)
FIXED = VideoSource("fixed", (Profile("other", rtsp_uri="rtsp://127.0.0.1:554/other"),))


@contextlib.asynccontextmanager
async def camera(**settings: Any) -> AsyncIterator[OnvifCamera]:
    """A camera with two lenses, the first of which moves."""
    made = {"username": USER, "password": PASSWORD, "sources": (DOME, FIXED), "manufacturer": "Acme"} | settings
    async with OnvifCamera(CameraSettings(**made)) as started:
        yield started


def url_of(simulated: OnvifCamera) -> str:
    return f"http://127.0.0.1:{simulated.port}/onvif/device_service"


@contextlib.asynccontextmanager
async def asking(simulated: OnvifCamera, password: str = PASSWORD, **options: Any) -> AsyncIterator[OnvifClient]:
    """A client of that camera."""
    http = CameraHttp(answer_s=options.pop("answer_s", 5.0), max_bytes=options.pop("max_bytes", 1 << 20))
    try:
        yield OnvifClient(http, options.pop("url", url_of(simulated)), USER, Secret(password), **options)
    finally:
        await http.close()
