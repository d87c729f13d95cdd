"""ONVIF cameras, assembled: what is known of them, what they are told to do, and where they are looked for."""

from __future__ import annotations

from catalog.store import CatalogStore
from gateway.alarms.book import AlarmBook
from gateway.config import Config
from gateway.errors import Failure
from gateway.onvif.camera_http import CameraHttp
from gateway.onvif.cameras import OnvifCameras
from gateway.onvif.discovery import Discovery
from gateway.onvif.event_watch import EventWatch
from gateway.onvif.ptz_commands import OnvifCommands
from gateway.onvif.snapshot import Snapshots
from gateway.relay.hub import StreamKey
from gateway.rtsp.sources import RtspSources
from gateway.signalling.control import Commands
from gateway.store.devices import Device
from gateway.store.repository import Change
from gateway.store.stores import Stores
from gateway.zones import Zones


class Onvif:
    """Made with the RTSP cameras, which carry their streams."""

    def __init__(
        self,
        config: Config,
        stores: Stores,
        catalog: CatalogStore,
        zones: Zones,
        sources: RtspSources,
        alarms: AlarmBook,
    ) -> None:
        self._stores = stores
        self._sources = sources
        self.http = CameraHttp(answer_s=config.onvif.answer_seconds)
        self.cameras = OnvifCameras(stores.devices, stores.video_sources, catalog, self.http)
        self.snapshots = Snapshots(self.cameras)
        self.commands = OnvifCommands(self.cameras, move_s=config.onvif.move_seconds)
        self.events = EventWatch(alarms.raise_)
        if config.onvif.alarms:
            self.cameras.on_known = self.events.follow
        self.discovery = Discovery(zones, config.onvif.discovery_targets)

    def reach(self) -> None:
        """The workers are there: the cameras can be asked."""
        self.cameras.reach(self._sources.rtsp)
        self._sources.ask_by("onvif", self.cameras)

    def carries_out(self, peer_id: str) -> Commands | None:
        """Who carries out commands for a camera; None when it is no ONVIF camera."""
        device = self._stores.devices.get(peer_id)
        return self.commands if device is not None and device.kind == "onvif" else None

    def seen(self, peer_id: str, failure: Failure | None) -> None:
        """What a call showed of a camera."""
        if failure is not None:
            self.cameras.doubt(peer_id)
        self._sources.seen(peer_id, failure)

    def start(self) -> None:
        """Follow the configuration."""
        self._stores.devices.on_change(self._changed)

    def _changed(self, change: Change[Device]) -> None:
        self.commands.forget(change.id)
        self.events.forget(change.id)

    def channels(self, device: Device) -> list[str]:
        """The codes of the channels of a camera that is called, as far as they are known."""
        return self.cameras.codes(device) if device.kind == "onvif" else [device.channel_id]

    def firmware(self, key: StreamKey) -> str:
        """The firmware a camera says it has; "" when unknown."""
        camera = self.cameras.get(key.peer_id)
        return camera.facts.firmware if camera is not None else ""

    async def stop(self) -> None:
        """Carry out nothing any more, close every connection."""
        await self.events.stop()
        await self.commands.stop()
        await self.http.close()
