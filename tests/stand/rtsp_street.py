"""A whole node with a hand-written RTSP camera below it and a hand-written upper platform above it."""

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
from interop.wire.platform import WirePlatform
from tests.stand.node import NODE_ID, PASSWORD, running_node, share_everything_with
from tests.stand.street import UPPER_ID, Street, settings
from tests.stand.wire_rtsp import WireRtsp

RTSP_ID, RTSP_CHANNEL = "34020000001110000007", "34020000001320000007"
RTSP_KEY = StreamKey(RTSP_ID, RTSP_CHANNEL)


def rtsp_settings(folder: Path, **sections: dict[str, Any]) -> Config:
    """Short waits, one source worker; cameras are not asked on their own unless `rtsp` says so."""
    rtsp = {"probe_seconds": 0.0, "answer_seconds": 2.0, "stall_seconds": 2.0, **sections.pop("rtsp", {})}
    media = {"source_workers": 1, **sections.pop("media", {})}
    return settings(folder, rtsp=rtsp, media=media, **sections)


def rtsp_device(camera: WireRtsp, **fields: Any) -> Device:
    """The camera as it is entered."""
    made: dict[str, Any] = {
        "id": RTSP_ID, "name": "东门", "kind": "rtsp", "url": camera.url, "channel_id": RTSP_CHANNEL,
        "username": "u", "password": Secret(camera.password),
    }  # fmt: skip
    return Device(**(made | fields))


@contextlib.asynccontextmanager
async def running_rtsp_street(
    made: Config, *, camera: WireRtsp | None = None, shown: bool = True, **fields: Any
) -> AsyncIterator[tuple[Street, WireRtsp]]:
    """The three of them, the camera's channel in the catalogue and shown above."""
    below = camera or WireRtsp()
    async with WirePlatform(UPPER_ID, PASSWORD) as upper, below, running_node(made) as node:
        await share_everything_with(node, UPPER_ID, upper.port.port)
        await node.stores.devices.create(rtsp_device(below, **fields))
        await upper.wait_registered(NODE_ID)
        async with asyncio.timeout(10):
            while shown and (await node.cascade.shared(UPPER_ID)).real(RTSP_CHANNEL) is None:
                await asyncio.sleep(0.02)
        yield Street(node, None, upper), below  # type: ignore[arg-type]  # no camera that registers
