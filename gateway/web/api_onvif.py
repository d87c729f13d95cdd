"""Finding ONVIF cameras and looking at them before they are entered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, field_validator

from gateway.errors import Failure, LocalError, Reason
from gateway.onvif.address import device_service, host_of
from gateway.onvif.camera import CameraFacts, inspect
from gateway.store.devices import Device, Tolerance
from gateway.web.api_devices import check_zone
from gateway.web.errors import wrong_field
from gateway.web.field_words import WrongValue
from gateway.web.resource import Strict, secret
from gateway.web.route import Call, Route

if TYPE_CHECKING:
    from gateway.app import Node

MAX_AT_ONCE = 8
"""Discoveries and probes at the same time."""


class DiscoveryBody(Strict):
    """Where cameras are looked for, and how long."""

    zone: str | None = Field(None, max_length=32, description="Network zone; null: all of them")
    seconds: float = Field(3.0, ge=1, le=10)


class FoundShown(Strict):
    """A camera that answered."""

    address: str
    url: str = Field(description="Its device service")
    name: str
    hardware: str
    location: str
    device_id: str | None = Field(description="The device that is entered with this address already")


class ProbeBody(Strict):
    """A camera to be looked at."""

    url: str = Field(min_length=1, max_length=1024, description="http://host/onvif/device_service, or the host alone")
    username: str = Field("", max_length=128)
    password: SecretStr = Field(SecretStr(""), max_length=128)
    tolerances: tuple[Tolerance, ...] = Field((), max_length=8, description="As those of a device")

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        try:
            address, username, password = device_service(url)
        except LocalError as error:
            raise WrongValue(str(error), "地址无效，应如 http://主机/onvif/device_service") from None
        if username or password:
            raise WrongValue("user and password do not belong into the address", "地址中不要包含用户名和密码")
        return address


class ProfileShown(Strict):
    """A media profile."""

    token: str
    name: str
    codec: str
    width: int
    height: int
    fps: float


class VideoSourceShown(Strict):
    """A video source with its profiles."""

    token: str
    name: str
    profiles: list[ProfileShown]
    chosen: str | None = Field(description="Token of the profile that is taken where none is named")
    ptz: bool


class ProbeShown(Strict):
    """What a camera says of itself."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    clock_offset_s: float | None = Field(description="How far its clock is ahead of ours")
    sources: list[VideoSourceShown]
    snapshot: bool
    events: bool


def routes(node: Node) -> list[Route]:
    """Routes of ``/api/v1/onvif``."""
    turns = asyncio.Semaphore(MAX_AT_ONCE)

    async def discover(call: Call) -> list[FoundShown]:
        body = call.body(DiscoveryBody)
        check_zone(node.zones.zones, body.zone)
        entered = {host_of(device.url): device.id for device in node.stores.devices.all() if device.kind == "onvif"}
        _take(turns)
        async with turns:
            try:
                found = await node.onvif.discovery.search(body.zone, body.seconds)
            except OSError as error:
                said = f"nothing can be sent from its address: {error.strerror or type(error).__name__}"
                hint = "The address of a zone is one of this machine; see [[zones]] in the configuration."
                raise wrong_field("zone", said, "无法从该网络域的地址发送探测", hint=hint) from error
        return [
            FoundShown(
                address=one.address,
                url=one.url,
                name=one.name,
                hardware=one.hardware,
                location=one.location,
                device_id=entered.get(host_of(one.url)) or entered.get(one.address),
            )
            for one in found
        ]

    async def look(call: Call) -> ProbeShown:
        body = call.body(ProbeBody)
        device = Device(
            "", kind="onvif", url=body.url, username=body.username, password=secret(body.password),
            tolerances=body.tolerances,
        )  # fmt: skip
        _take(turns)
        async with turns:
            return shown(await inspect(node.onvif.cameras.client(device)))

    base = "/api/v1/onvif"
    return [
        Route(
            "POST", f"{base}/discoveries", discover, "Look for ONVIF cameras", "admin", "onvif", DiscoveryBody,
            reply=list[FoundShown],
        ),
        Route(
            "POST", f"{base}/probes", look, "Ask an ONVIF camera what it is", "admin", "onvif", ProbeBody,
            reply=ProbeShown,
        ),
    ]  # fmt: skip


def _take(turns: asyncio.Semaphore) -> None:
    if turns.locked():
        raise Failure(Reason.BUSY, f"{MAX_AT_ONCE} searches are running")


def shown(facts: CameraFacts) -> ProbeShown:
    """A camera as the API shows it."""
    offset = facts.clock_offset_s
    return ProbeShown(
        manufacturer=facts.manufacturer,
        model=facts.model,
        firmware=facts.firmware,
        serial=facts.serial,
        clock_offset_s=round(offset, 1) if offset is not None else None,
        sources=[
            VideoSourceShown(
                token=source.token,
                name=source.name,
                profiles=[
                    ProfileShown(
                        token=profile.token,
                        name=profile.name,
                        codec=profile.codec,
                        width=profile.width,
                        height=profile.height,
                        fps=profile.fps,
                    )
                    for profile in source.profiles
                ],
                chosen=source.chosen.token if source.chosen is not None else None,
                ptz=facts.source_moves(source),
            )
            for source in facts.sources
        ],
        snapshot=bool(facts.snapshots),
        events=facts.has_events,
    )
