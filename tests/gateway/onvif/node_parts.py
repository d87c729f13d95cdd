"""What is known of ONVIF cameras, without a node around it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.store import CatalogStore
from gateway.errors import Failure, Reason
from gateway.onvif.camera_http import CameraHttp
from gateway.onvif.cameras import OnvifCameras
from gateway.rtsp.state import SourceState
from gateway.rtsp.target import RtspTarget
from gateway.secrets import Secret
from gateway.store.devices import Device
from gateway.store.stores import Stores
from interop.onvif.camera import OnvifCamera
from tests.gateway.onvif.stand import PASSWORD, USER, url_of

ID, CHANNEL, SECOND = "34020000001110000007", "34020000001320000007", "34020000001320000008"


class Streams:
    """Answers for the RTSP server: online, unless told otherwise."""

    def __init__(self) -> None:
        self.asked: list[RtspTarget] = []
        self.answer: SourceState | None = SourceState(True, video_codec="H265")

    async def ask_at(self, target: RtspTarget) -> SourceState | None:
        self.asked.append(target)
        return self.answer

    def fails(self) -> None:
        self.answer = SourceState(False, Failure(Reason.RTSP_NO_SUCH_PATH))


@dataclass
class Parts:
    stores: Stores
    catalog: CatalogStore
    cameras: OnvifCameras
    streams: Streams

    @property
    def device(self) -> Device:
        return self.stores.devices.require(ID)


def entered(simulated: OnvifCamera, **fields: Any) -> Device:
    """The camera as it is entered."""
    made: dict[str, Any] = {
        "id": ID, "name": "gate", "kind": "onvif", "url": url_of(simulated), "channel_id": CHANNEL,
        "username": USER, "password": Secret(PASSWORD),
    }  # fmt: skip
    return Device(**(made | fields))


@contextlib.asynccontextmanager
async def parts(folder: Path, simulated: OnvifCamera, *, enter: bool = True, **fields: Any) -> AsyncIterator[Parts]:
    """A store with that camera in it (entered now, or before), and what is known of it."""
    stores = await Stores.open(folder / "stores")
    catalog = CatalogStore(stores.database.writer, write_turn=stores.database.write_turn)
    http = CameraHttp(answer_s=2.0)
    cameras = OnvifCameras(stores.devices, stores.video_sources, catalog, http)
    streams = Streams()
    cameras.reach(streams)  # type: ignore[arg-type]
    try:
        if enter:
            await stores.devices.create(entered(simulated, **fields))
        yield Parts(stores, catalog, cameras, streams)
    finally:
        await http.close()
        await stores.close()
