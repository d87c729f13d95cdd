"""Lower peers over the API (下级设备与平台)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

import media.errors
from gateway.errors import LocalError
from gateway.onvif.address import device_service
from gateway.rtsp.target import CHANNEL_TYPES, settled
from gateway.signalling.reachability import MediaWay
from gateway.store.devices import CALLED_KINDS, Device, Devices, MediaTransport, PeerKind, RtspTransport, Tolerance
from gateway.store.registrations import Registration
from gateway.web.context import WebContext
from gateway.web.errors import wrong_field
from gateway.web.field_words import WrongValue
from gateway.web.resource import Resource, Strict, refuse_null, secret
from gateway.web.route import Call, Route
from gateway.zones import UnknownZone, Zones
from media.rtsp.address import split

Code = Field(pattern=r"^[0-9]{20}$", description="20-digit code")
Tolerances = Field(default=(), max_length=64, description="Names of quirks allowed for this peer")
ZoneName = Field(None, max_length=32, description="Network zone; null: that of its address")
_OPTIONAL = ("charset", "edition", "media_transport", "zone", "max_sessions")
_MAX_SESSIONS = "Streams it sends at once; null: learned from its refusals"
_CALLED_ONLY = ("url", "username", "channel_id", "always_on", "profile")


class DeviceChange(Strict):
    """What can be changed of a lower peer; what is left out stays."""

    name: str = Field("", max_length=256)
    kind: PeerKind = "device"
    password: SecretStr = Field(
        SecretStr(""), max_length=128, description="Digest, RTSP or ONVIF password; never shown"
    )
    allow_no_password: bool = Field(False, description="Let it register without a password")
    charset: Literal["GB2312", "GB18030", "UTF-8"] | None = None
    edition: Literal["2016", "2022"] | None = None
    media_transport: MediaTransport | None = None
    tolerances: tuple[Tolerance, ...] = Tolerances
    zone: str | None = ZoneName
    enabled: bool = True
    url: str = Field(
        "",
        max_length=1024,
        description="rtsp://host:port/path of an RTSP camera, or http://host/onvif/device_service of an ONVIF camera",
    )
    username: str = Field("", max_length=128, description="User name at an RTSP or ONVIF camera")
    channel_id: str = Field(
        "", pattern=r"^([0-9]{20})?$", description="Code of its (first) channel; empty: made from the id"
    )
    rtsp_transport: RtspTransport = Field("tcp", description="How an RTSP or ONVIF camera is to send its media")
    always_on: bool = Field(False, description="Keep the stream of an RTSP or ONVIF camera running without a viewer")
    max_sessions: int | None = Field(None, ge=1, le=100_000, description=_MAX_SESSIONS)
    profile: str = Field("", max_length=64, description="Token of an ONVIF media profile; empty: the best per source")

    @model_validator(mode="before")
    @classmethod
    def _login_apart(cls, given: Any) -> Any:
        """A user and password written into the url go where they belong, unless they are given there too."""
        if not isinstance(given, dict) or not isinstance(given.get("url"), str):
            return given
        try:
            address, username, password = _apart(given["url"])
        except ValueError:
            return given
        login = {name: value for name, value in (("username", username), ("password", password)) if value}
        return {**login, **given, "url": address}

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        address, username, password = _apart(url) if url else ("", "", "")
        if username or password:
            raise WrongValue("user and password do not belong into the address", "地址中不要包含用户名和密码")
        return address

    @field_validator("channel_id")
    @classmethod
    def _is_channel(cls, code: str) -> str:
        if code and code[10:13] not in CHANNEL_TYPES:
            kinds = " or ".join(CHANNEL_TYPES)
            raise WrongValue(f"digits 11-13 of a channel are {kinds}", f"第 11-13 位须为 {' 或 '.join(CHANNEL_TYPES)}")
        return code


def _apart(url: str) -> tuple[str, str, str]:
    """A URL, and the user and password in it: of an ONVIF device service, or of an RTSP stream. Raises ValueError."""
    try:
        if url.strip().lower().startswith(("http://", "https://")):
            return device_service(url)
        address, username, password = split(url)
    except (LocalError, media.errors.LocalError) as error:
        zh = "地址无效，应如 rtsp://主机:端口/路径 或 http://主机/onvif/device_service"
        raise WrongValue(str(error), zh) from None
    return str(address), username, password


class DeviceNew(DeviceChange):
    """A lower peer to be enrolled."""

    id: str = Code


class BindingShown(Strict):
    """A live registration."""

    transport: str
    host: str
    port: int
    expires_at: float
    registered_at: float
    last_seen: float
    gb_ver: str
    user_agent: str


class MediaShown(Strict):
    """How a registered peer is asked for its media, seen from this node."""

    configured: MediaTransport
    transport: MediaTransport = Field(description="What is asked for: a device behind a NAT is not connected to")
    behind_nat: bool = Field(description="Nobody can connect to it, as its zone says or its registration shows")
    own_address: str = Field(description="The address it says it has; empty: not told, or its zone says so of all")
    seen_address: str = Field(description="The address its requests come from")
    message: str
    message_zh: str


def media_shown(way: MediaWay | None, seen: str) -> MediaShown | None:
    """For a peer whose requests come from `seen`; None for one that is not registered."""
    if way is None:
        return None
    nat = way.behind_nat
    return MediaShown(
        configured=way.configured,
        transport=way.transport,
        behind_nat=nat is not None,
        own_address=nat.own if nat is not None else "",
        seen_address=seen,
        message=nat.message if nat is not None else "",
        message_zh=nat.message_zh if nat is not None else "",
    )


class SourceShown(Strict):
    """What is known of a camera that is called: online, offline (and why) or unknown, what it offers, and what it says
    of itself."""

    state: str
    step: str
    message: str
    message_zh: str
    hint: str
    checked_at: float | None
    video_codec: str | None
    audio_codec: str | None
    manufacturer: str | None = Field(None, description="ONVIF only, as the following")
    model: str | None = None
    firmware: str | None = None
    serial: str | None = None
    clock_offset_s: float | None = Field(None, description="How far the camera's clock is ahead of ours")
    warning: str = Field("", description="What to look at though the camera works")
    warning_zh: str = ""


class DeviceShown(Strict):
    """A lower peer as shown."""

    id: str
    name: str
    kind: str
    has_password: bool
    allow_no_password: bool
    charset: str | None
    edition: str | None
    media_transport: str | None
    tolerances: tuple[str, ...]
    zone: str | None
    enabled: bool
    created_at: float
    url: str
    username: str
    channel_id: str
    rtsp_transport: str
    always_on: bool
    max_sessions: int | None
    profile: str
    online: bool = Field(description="Registered, or a camera that answers when it is called")
    state: Literal["online", "offline", "unstable"] = Field(
        description="unstable: registered, but it came and went too often, and others see it off until it stays"
    )
    last_contact: float | None = Field(None, description="Its last valid message, unix seconds")
    offline_reason: str | None = Field(None, description="Why it is not online")
    offline_reason_zh: str | None = None
    registration: BindingShown | None
    media: MediaShown | None = Field(None, description="null: not registered, or an RTSP camera")
    source: SourceShown | None


def _binding(registration: Registration | None) -> BindingShown | None:
    if registration is None:
        return None
    return BindingShown(**{name: getattr(registration, name) for name in BindingShown.model_fields})


def _refuse(field: str, problem: str, problem_zh: str) -> None:
    raise wrong_field(field, problem, problem_zh)


def check_called(device: Device) -> None:
    """Raise 400 naming the field when a camera that is called lacks something, or something else has what only it can
    have."""
    if device.is_called:
        if not device.url:
            _refuse("url", f"is needed for kind {device.kind}", f"为 {device.kind} 类型必填")
        if device.url.startswith("rtsp:") != (device.kind == "rtsp"):
            scheme = "rtsp://" if device.kind == "rtsp" else "http:// or https://"
            _refuse("url", f"begins with {scheme} for kind {device.kind}", f"在 {device.kind} 类型下须以 {scheme} 开头")
        if device.profile and device.kind != "onvif":
            _refuse("profile", "is for kind onvif only", "仅用于 onvif 类型")
        if device.channel_id == device.id:
            _refuse("channel_id", "must not be the device's own id", "不能与设备编码相同")
        return
    for name in _CALLED_ONLY:
        if getattr(device, name):
            _refuse(name, "is for kinds rtsp and onvif only", "仅用于 rtsp 与 onvif 类型")


def _may_become(_call: Call, before: Device, after: Device | None) -> None:
    if after is None:
        return
    for kind in CALLED_KINDS:
        if kind in (before.kind, after.kind) and before.kind != after.kind:
            words = f"cannot be changed to or from {kind}; remove the device and add it again"
            _refuse("kind", words, f"不能与 {kind} 互换")
    check_called(after)


def check_code(devices: Devices, device: Device) -> None:
    """Raise 400 when the channel of an ONVIF camera would have the code of another device or of another camera."""
    for other in devices.all() if device.kind == "onvif" else ():
        if other.id != device.id and device.channel_id in (other.id, other.channel_id):
            _refuse("channel_id", f"{device.channel_id} belongs to device {other.id}", f"已被设备 {other.id} 使用")


def check_zone(zones: Zones, name: str | None) -> None:
    """Raise 400 when that is no zone of this node."""
    try:
        if name is not None:
            zones.require(name)
    except UnknownZone as error:
        hint = "Zones are made in the configuration."
        raise wrong_field("zone", str(error), error.zh.rstrip("。"), hint=hint) from error


def routes(ctx: WebContext) -> list[Route]:
    """Routes of ``/api/v1/devices``."""
    zones = Zones(ctx.config)

    def show(device: Device) -> DeviceShown:
        binding = ctx.stores.registrations.get(device.id)
        plain = {name: getattr(device, name) for name in DeviceShown.model_fields if hasattr(device, name)}
        source = ctx.source_state(device.id) if device.is_called else None
        online = binding is not None and binding.expires_at > ctx.clock()
        online = online or (source is not None and source["state"] == "online")
        plain |= {"has_password": bool(device.password), "online": online, "registration": _binding(binding)}
        known: dict[str, Any] = {"state": "online" if online else "offline", **ctx.device_state(device.id)}
        known["media"] = media_shown(ctx.media_way(device.id), binding.host if binding is not None else "")
        return DeviceShown(**plain, **known, source=SourceShown(**source) if source is not None else None)

    async def make(body: DeviceNew) -> Device:
        check_zone(zones, body.zone)
        values = body.model_dump() | {"password": secret(body.password), "created_at": ctx.clock()}
        device = settled(Device(**values))
        check_called(device)
        check_code(ctx.stores.devices, device)
        return device

    async def changes(before: Device, given: dict[str, Any]) -> dict[str, Any]:
        refuse_null(given, _OPTIONAL)
        check_zone(zones, given.get("zone"))
        if before.is_called and given.get("channel_id") == "":
            given = given | {"channel_id": settled(Device(before.id, kind=before.kind)).channel_id}
        if before.kind == "onvif" and given.get("channel_id", before.channel_id) != before.channel_id:
            check_code(ctx.stores.devices, replace(before, channel_id=given["channel_id"]))
        return given | ({"password": secret(given["password"])} if "password" in given else {})

    resource = Resource(
        "device", ctx.stores.devices, DeviceNew, DeviceChange, DeviceShown, show, make, changes, _may_become
    )
    return resource.routes()
