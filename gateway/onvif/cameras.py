"""The ONVIF cameras of this node: what each said of itself, its channels, and where their streams are right now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from catalog import Item
from catalog.store import CatalogStore
from gateway.errors import Failure, Reason
from gateway.onvif.camera import CameraFacts, inspect
from gateway.onvif.camera_http import CameraHttp
from gateway.onvif.channels import Channels, assign, codes_from, items_of, numbered
from gateway.onvif.client import OnvifClient
from gateway.onvif.clock import clock_words
from gateway.onvif.profiles import VideoSource
from gateway.relay.hub import StreamKey
from gateway.rtsp.asker import RtspAsker
from gateway.rtsp.state import CameraDetails, SourceState
from gateway.rtsp.target import RtspTarget
from gateway.store.devices import Device, Devices
from gateway.store.video_sources import VideoSources

log = structlog.get_logger("onvif")

INSPECT_EVERY = 20
"""Every so many times it is asked everything anew: profiles and addresses change in the camera's own web page."""


@dataclass(slots=True)
class KnownCamera:
    """One camera as it last described itself. `asked`: how often it was asked since then."""

    device: Device
    client: OnvifClient
    facts: CameraFacts
    channels: Channels
    asked: int = 0

    def source(self, code: str) -> VideoSource:
        """The video source of a channel. Raises Failure."""
        source = self.channels.sources.get(code)
        if source is None or source.chosen is None:
            raise Failure(Reason.UNKNOWN_CHANNEL, peer_id=self.device.id, channel=code)
        return source

    @property
    def details(self) -> CameraDetails:
        facts = self.facts
        clock, clock_zh = clock_words(facts.clock_offset_s)
        left_out, left_out_zh = self.channels.warning
        return CameraDetails(
            facts.manufacturer,
            facts.model,
            facts.firmware,
            facts.serial,
            facts.clock_offset_s,
            " ".join(part for part in (clock, left_out) if part),
            clock_zh + left_out_zh,
        )


class OnvifCameras:
    """Asks them (an `Asker`), and knows what they said. `rtsp` asks for the stream itself."""

    def __init__(self, devices: Devices, video_sources: VideoSources, catalog: CatalogStore, http: CameraHttp) -> None:
        self._devices = devices
        self._video_sources = video_sources
        self._catalog = catalog
        self._http = http
        self._rtsp: RtspAsker
        self._known: dict[str, KnownCamera] = {}
        self._codes: dict[str, list[str]] = {}
        self._details: dict[str, CameraDetails] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self.on_known: Callable[[KnownCamera], None] = lambda _camera: None
        """Told of every camera that has described itself."""

    def reach(self, rtsp: RtspAsker) -> None:
        """How a stream is asked for."""
        self._rtsp = rtsp

    def client(self, device: Device) -> OnvifClient:
        """A way to ask a camera that need not be entered."""
        return OnvifClient(self._http, device.url, device.username, device.password, tolerances=device.tolerances)

    def get(self, peer_id: str) -> KnownCamera | None:
        """A camera that has described itself."""
        return self._known.get(peer_id)

    def codes(self, device: Device) -> list[str]:
        """The codes of a camera's channels as it last described itself; the first alone before that."""
        return self._codes.get(device.id) or [device.channel_id]

    # -- an Asker

    async def ask(self, device: Device) -> SourceState | None:
        """Ask by ONVIF, then for the stream of the first channel by RTSP."""
        try:
            camera = await self._ask(device)
        except Failure as failure:
            self._known.pop(device.id, None)
            return SourceState(online=False, failure=_of(failure, device), camera=self._details.get(device.id))
        code = next(iter(camera.channels.sources))
        state = await self._rtsp.ask_at(self._target(camera, code))
        if state is None:
            return None
        if not state.online:
            camera.asked = INSPECT_EVERY  # its address may have changed
        return replace(state, camera=camera.details)

    async def _ask(self, device: Device) -> KnownCamera:
        known = self._known.get(device.id)
        if known is None or known.asked + 1 >= INSPECT_EVERY:
            return await self._inspected(device, afresh=True)
        known.asked += 1
        await known.client.learn_clock()
        known.facts = replace(known.facts, clock_offset_s=known.client.clock_offset_s)
        await known.client.call("device", "GetDeviceInformation")
        return known

    def items(self, device: Device) -> list[Item] | None:
        camera = self._known.get(device.id)
        return items_of(device, camera.facts, camera.channels) if camera is not None else None

    def knows(self, device: Device) -> bool:
        return device.id in self._known

    def forget(self, peer_id: str) -> None:
        self._known.pop(peer_id, None)
        self._codes.pop(peer_id, None)
        self._details.pop(peer_id, None)
        self._asking.pop(peer_id, None)

    # -- what is asked of one camera

    async def _inspected(self, device: Device, *, afresh: bool) -> KnownCamera:
        """The camera, having described itself just now (`afresh`) or before. Raises Failure."""
        async with self._asking.setdefault(device.id, asyncio.Lock()):
            known = self._known.get(device.id)
            if known is not None and not afresh:
                return known
            client = self.client(device)
            try:
                facts = await inspect(client, device.profile)
            except Failure:
                self._note_clock(device, client.clock_offset_s)
                raise
            channels = await self._channels(device, facts)
            if not channels.sources:
                raise Failure(Reason.ONVIF_NO_PROFILE, "its first video source has none", channel=device.channel_id)
            camera = KnownCamera(device, client, facts, channels)
            if self._devices.get(device.id) == device:
                self._known[device.id] = camera
                self._codes[device.id] = list(channels.sources)
                self._details[device.id] = camera.details
                self.on_known(camera)
            return camera

    def _note_clock(self, device: Device, offset_s: float | None) -> None:
        """What a camera that refuses us told anyway: it may be the reason."""
        if offset_s is not None and self._devices.get(device.id) == device:
            words, words_zh = clock_words(offset_s)
            before = self._details.get(device.id, CameraDetails())
            self._details[device.id] = replace(before, clock_offset_s=offset_s, warning=words, warning_zh=words_zh)

    async def _channels(self, device: Device, facts: CameraFacts) -> Channels:
        """Its channels; each video source keeps the one it once got."""
        known = await self._video_sources.of(device)
        count = len(numbered(facts.sources, known))
        channels = assign(device.channel_id, facts.sources, await self._taken(device, count), known)
        if channels.tokens != known:
            await self._video_sources.keep(device, channels.tokens)
        return channels

    async def camera(self, peer_id: str) -> KnownCamera:
        """The camera; asked now if it has not described itself yet. Raises Failure."""
        known = self._known.get(peer_id)
        if known is not None:
            return known
        device = self._devices.get(peer_id)
        if device is None or device.kind != "onvif":
            raise Failure(Reason.UNKNOWN_CHANNEL, peer_id=peer_id)
        if not device.enabled:
            raise Failure(Reason.DEVICE_OFFLINE, "it is disabled", peer_id=peer_id)
        try:
            return await self._inspected(device, afresh=False)
        except Failure as failure:
            raise _of(failure, device) from failure

    async def target(self, key: StreamKey) -> RtspTarget:
        """Where the stream of a channel is to be had. Raises Failure."""
        known = self._known.get(key.peer_id)
        if known is not None and known.asked >= INSPECT_EVERY:
            self._known.pop(key.peer_id)  # a stream was not where the camera had said it would be
        camera = await self.camera(key.peer_id)
        camera.source(key.code)
        return self._target(camera, key.code)

    def _target(self, camera: KnownCamera, code: str) -> RtspTarget:
        device, source = camera.device, camera.source(code)
        return RtspTarget(
            StreamKey(device.id, code),
            camera.facts.streams[source.token],
            device.username,
            device.password,
            device.rtsp_transport,
            takes_commands=True,
        )

    def doubt(self, peer_id: str) -> None:
        """A call did not get what the camera promised: it is asked for everything anew the next time."""
        camera = self._known.get(peer_id)
        if camera is not None:
            camera.asked = INSPECT_EVERY

    async def _taken(self, device: Device, count: int) -> set[str]:
        """Codes among those that would be this camera's that are somebody else's."""
        wanted = codes_from(device.channel_id, count)
        listed = await self._catalog.keys(wanted)
        taken = {code for code, keys in listed.items() if any(key.peer_id != device.id for key in keys)}
        for other in self._devices.all():
            taken |= {code for code in (other.id, other.channel_id) if code and other.id != device.id}
        return (taken | {device.id}) & set(wanted)


def _of(failure: Failure, device: Device) -> Failure:
    """The failure with the camera's name on it."""
    return Failure(
        failure.reason,
        failure.detail,
        peer_id=device.id,
        channel=failure.channel or device.channel_id,
        detail_zh=failure.detail_zh,
    )
