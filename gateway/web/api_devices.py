"""Lower peers over the API (下级设备与平台)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.rtsp.target import CHANNEL_TYPES, settled
from gateway.store.devices import Device, MediaTransport, RtspTransport, Tolerance
from gateway.store.registrations import Registration
from gateway.web.context import WebContext
from gateway.web.errors import wrong_field
from gateway.web.field_words import WrongValue
from gateway.web.resource import Resource, Strict, refuse_null, secret
from gateway.web.route import Call, Route
from gateway.zones import UnknownZone, Zones
from media.errors import LocalError
from media.rtsp.address import RtspAddress, split

Code = Field(pattern=r"^[0-9]{20}$", description="20-digit code")
Tolerances = Field(default=(), max_length=64, description="Names of quirks allowed for this peer")
ZoneName = Field(None, max_length=32, description="Network zone; null: that of its address")
_OPTIONAL = ("charset", "edition", "media_transport", "zone", "max_sessions")
_MAX_SESSIONS = "Streams it sends at once; null: learned from its refusals"
_RTSP_ONLY = ("url", "username", "channel_id", "always_on")


class DeviceChange(Strict):
    """What can be changed of a lower peer; what is left out stays."""

    name: str = Field("", max_length=256)
    kind: Literal["device", "platform", "rtsp"] = "device"
    password: SecretStr = Field(SecretStr(""), max_length=128, description="Digest or RTSP password; never shown")
    allow_no_password: bool = Field(False, description="Let it register without a password")
    charset: Literal["GB2312", "GB18030", "UTF-8"] | None = None
    edition: Literal["2016", "2022"] | None = None
    media_transport: MediaTransport | None = None
    tolerances: tuple[Tolerance, ...] = Tolerances
    zone: str | None = ZoneName
    enabled: bool = True
    url: str = Field("", max_length=1024, description="rtsp://host:port/path of an RTSP camera")
    username: str = Field("", max_length=128, description="User name of an RTSP camera")
    channel_id: str = Field("", pattern=r"^([0-9]{20})?$", description="Code of its channel; empty: made from the id")
    rtsp_transport: RtspTransport = Field("tcp", description="How an RTSP camera is to send its media")
    always_on: bool = Field(False, description="Keep the stream of an RTSP camera running without a viewer")
    max_sessions: int | None = Field(None, ge=1, le=100_000, description=_MAX_SESSIONS)

    @model_validator(mode="before")
    @classmethod
    def _login_apart(cls, given: Any) -> Any:
        """A user and password written into the url go where they belong, unless they are given there too."""
        if not isinstance(given, dict) or not isinstance(given.get("url"), str):
            return given
        try:
            address, username, password = split(given["url"])
        except LocalError:
            return given
        login = {name: value for name, value in (("username", username), ("password", password)) if value}
        return {**login, **given, "url": str(address)}

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        try:
            return str(RtspAddress.parse(url)) if url else ""
        except LocalError as error:
            raise WrongValue(str(error), "不是有效的 RTSP 地址，如 rtsp://主机:端口/路径") from None

    @field_validator("channel_id")
    @classmethod
    def _is_channel(cls, code: str) -> str:
        if code and code[10:13] not in CHANNEL_TYPES:
            kinds = " or ".join(CHANNEL_TYPES)
            raise WrongValue(f"digits 11-13 of a channel are {kinds}", f"第 11-13 位须为 {' 或 '.join(CHANNEL_TYPES)}")
        return code


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


class SourceShown(Strict):
    """What is known of an RTSP camera: online, offline (and why) or unknown, and what it offers."""

    state: str
    step: str
    message: str
    message_zh: str
    hint: str
    checked_at: float | None
    video_codec: str | None
    audio_codec: str | None


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
    online: bool = Field(description="Registered, or an RTSP camera that answers")
    state: Literal["online", "offline", "unstable"] = Field(
        description="unstable: registered, but it came and went too often, and others see it off until it stays"
    )
    last_contact: float | None = Field(None, description="Its last valid message, unix seconds")
    offline_reason: str | None = Field(None, description="Why it is not online")
    offline_reason_zh: str | None = None
    registration: BindingShown | None
    source: SourceShown | None


def _binding(registration: Registration | None) -> BindingShown | None:
    if registration is None:
        return None
    return BindingShown(**{name: getattr(registration, name) for name in BindingShown.model_fields})


def _refuse(field: str, problem: str, problem_zh: str) -> None:
    raise wrong_field(field, problem, problem_zh)


def check_rtsp(device: Device) -> None:
    """Raise 400 naming the field when an RTSP camera lacks something, or something else has what only it can have."""
    if device.kind == "rtsp":
        if not device.url:
            _refuse("url", "is needed for kind rtsp", "为 rtsp 类型必填")
        if device.channel_id == device.id:
            _refuse("channel_id", "must not be the device's own id", "不能与设备编码相同")
        return
    for name in _RTSP_ONLY:
        if getattr(device, name):
            _refuse(name, "is for kind rtsp only", "仅用于 rtsp 类型")


def _may_become(_call: Call, before: Device, after: Device | None) -> None:
    if after is None:
        return
    if "rtsp" in (before.kind, after.kind) and before.kind != after.kind:
        _refuse("kind", "cannot be changed to or from rtsp; remove the device and add it again", "不能与 rtsp 互换")
    check_rtsp(after)


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
        source = ctx.source_state(device.id) if device.kind == "rtsp" else None
        online = binding is not None and binding.expires_at > ctx.clock()
        online = online or (source is not None and source["state"] == "online")
        plain |= {"has_password": bool(device.password), "online": online, "registration": _binding(binding)}
        known: dict[str, Any] = {"state": "online" if online else "offline", **ctx.device_state(device.id)}
        return DeviceShown(**plain, **known, source=SourceShown(**source) if source is not None else None)

    async def make(body: DeviceNew) -> Device:
        check_zone(zones, body.zone)
        values = body.model_dump() | {"password": secret(body.password), "created_at": ctx.clock()}
        device = settled(Device(**values))
        check_rtsp(device)
        return device

    async def changes(before: Device, given: dict[str, Any]) -> dict[str, Any]:
        refuse_null(given, _OPTIONAL)
        check_zone(zones, given.get("zone"))
        if before.kind == "rtsp" and given.get("channel_id") == "":
            given = given | {"channel_id": settled(Device(before.id, kind="rtsp")).channel_id}
        return given | ({"password": secret(given["password"])} if "password" in given else {})

    resource = Resource(
        "device", ctx.stores.devices, DeviceNew, DeviceChange, DeviceShown, show, make, changes, _may_become
    )
    return resource.routes()
