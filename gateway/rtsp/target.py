"""Where the stream of an RTSP camera is to be had, and the channel it appears as."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from catalog import Item, civil_code_of, full_name
from gateway.relay.hub import StreamKey
from gateway.secrets import Secret
from gateway.store.devices import Device, RtspTransport
from media.errors import LocalError
from media.rtsp.address import RtspAddress

CAMERA, NETWORK_CAMERA = "131", "132"
CHANNEL_TYPES = (CAMERA, NETWORK_CAMERA)
"""Digits 11-13 of a code: what a video channel is (摄像机, 网络摄像机; GB/T 28181-2022 Annex E)."""


@dataclass(frozen=True, slots=True)
class RtspTarget:
    """A stream and the camera it comes from; the password is never part of a text. `takes_commands`: it can be asked
    for a key frame, by other means than RTSP."""

    key: StreamKey
    url: str
    username: str = ""
    password: Secret = field(default=Secret(""))
    rtsp_transport: RtspTransport = "tcp"
    takes_commands: bool = False

    @classmethod
    def of(cls, device: Device) -> RtspTarget:
        """The stream of a camera as configured."""
        key = StreamKey(device.id, device.channel_id)
        return cls(key, device.url, device.username, device.password, device.rtsp_transport)

    @property
    def peer(self) -> str:
        """The address in words, without its path: some cameras put the password there."""
        try:
            return f"rtsp://{RtspAddress.parse(self.url).netloc}"
        except LocalError:
            return "no address"

    @property
    def transport(self) -> str:
        """How its media travel, as the list of streams shows it."""
        return f"rtsp_{self.rtsp_transport}"

    @property
    def remote(self) -> tuple[str, int]:
        """Host and port."""
        address = RtspAddress.parse(self.url)
        return address.host, address.port


@dataclass(frozen=True, slots=True)
class UnresolvedTarget:
    """A stream whose address has to be asked for first; `resolve` raises Failure."""

    key: StreamKey
    resolve: Callable[[], Awaitable[RtspTarget]]


def derived_channel_id(device_id: str) -> str:
    """The code of the channel where none is given: the device's own, as a network camera.

    A device that is one by its own code becomes a camera (131), since a device and its channel cannot be the same.
    """
    kind = CAMERA if device_id[10:13] == NETWORK_CAMERA else NETWORK_CAMERA
    return device_id[:10] + kind + device_id[13:]


def settled(device: Device) -> Device:
    """The device with a channel id, given or derived."""
    if not device.is_called or device.channel_id:
        return device
    return replace(device, channel_id=derived_channel_id(device.id))


def item_of(device: Device) -> Item:
    """The channel in the catalogue (目录项), as a camera that lists itself would describe it."""
    region = civil_code_of(device.channel_id)
    return Item(
        code=device.channel_id,
        peer_id=device.id,
        name=device.name or device.channel_id,
        civil_code=region,
        address=full_name(region),
        parent_ids=(device.id,),
    ).storable()
