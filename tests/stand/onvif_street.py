"""A whole node with a simulated ONVIF camera below it, whose stream is hand-written, and an upper platform above it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.relay.hub import StreamKey
from gateway.secrets import Secret
from gateway.store.devices import Device
from interop.onvif.camera import OnvifCamera
from interop.onvif.settings import CameraSettings, Profile, VideoSource
from interop.wire.platform import WirePlatform
from tests.stand.node import NODE_ID, PASSWORD, running_node, share_everything_with
from tests.stand.rtsp_street import rtsp_settings
from tests.stand.street import UPPER_ID, Street
from tests.stand.wire_rtsp import WireRtsp

ONVIF_ID, ONVIF_CHANNEL, ONVIF_SECOND = "34020000001110000007", "34020000001320000007", "34020000001320000008"
ONVIF_KEY = StreamKey(ONVIF_ID, ONVIF_CHANNEL)
USER, LOGIN = "u", "s3cret"


def onvif_settings(folder: Path, **sections: dict[str, Any]) -> Config:
    """As for RTSP cameras, and cameras are asked often."""
    rtsp = {"probe_seconds": 0.5, **sections.pop("rtsp", {})}
    return rtsp_settings(folder, rtsp=rtsp, **sections)


@contextlib.asynccontextmanager
async def running_onvif_street(
    made: Config, *, fields: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[tuple[Street, OnvifCamera, WireRtsp]]:
    """The camera has two lenses with the same stream; the first moves. Both are in the catalogue and shown above."""
    async with WireRtsp(password=LOGIN) as stream:
        sources = (
            VideoSource("dome", (Profile("main", rtsp_uri=stream.url),), ptz=True, imaging=True),
            VideoSource("fixed", (Profile("other", rtsp_uri=stream.url),)),
        )
        camera = CameraSettings(**({"username": USER, "password": LOGIN, "sources": sources} | settings))
        async with WirePlatform(UPPER_ID, PASSWORD) as upper, OnvifCamera(camera) as below, running_node(made) as node:
            await share_everything_with(node, UPPER_ID, upper.port.port)
            device = {
                "id": ONVIF_ID, "name": "东门", "kind": "onvif", "channel_id": ONVIF_CHANNEL, "username": USER,
                "password": Secret(LOGIN), "url": f"http://127.0.0.1:{below.port}/onvif/device_service",
            }  # fmt: skip
            await node.stores.devices.create(Device(**(device | (fields or {}))))
            await upper.wait_registered(NODE_ID)
            async with asyncio.timeout(10):
                while (await node.cascade.shared(UPPER_ID)).real(ONVIF_SECOND) is None:
                    await asyncio.sleep(0.02)
            yield Street(node, None, upper), below, stream  # type: ignore[arg-type]  # no camera that registers
