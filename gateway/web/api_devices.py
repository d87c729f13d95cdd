"""Lower peers over the API (下级设备与平台)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr

from gateway.store.devices import Device, MediaTransport, Tolerance
from gateway.store.registrations import Registration
from gateway.web.context import WebContext
from gateway.web.resource import Resource, Strict, refuse_null, secret, unguarded
from gateway.web.route import Route

Code = Field(pattern=r"^[0-9]{20}$", description="20-digit code")
Tolerances = Field(default=(), max_length=64, description="Names of quirks allowed for this peer")
_OPTIONAL = ("charset", "edition", "media_transport")


class DeviceChange(Strict):
    """What can be changed of a lower peer; what is left out stays."""

    name: str = Field("", max_length=256)
    kind: Literal["device", "platform"] = "device"
    password: SecretStr = Field(SecretStr(""), max_length=128, description="Digest password; never shown")
    allow_no_password: bool = Field(False, description="Let it register without a password")
    charset: Literal["GB2312", "GB18030", "UTF-8"] | None = None
    edition: Literal["2016", "2022"] | None = None
    media_transport: MediaTransport | None = None
    tolerances: tuple[Tolerance, ...] = Tolerances
    enabled: bool = True


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
    enabled: bool
    created_at: float
    online: bool
    registration: BindingShown | None


def _binding(registration: Registration | None) -> BindingShown | None:
    if registration is None:
        return None
    return BindingShown(**{name: getattr(registration, name) for name in BindingShown.model_fields})


def routes(ctx: WebContext) -> list[Route]:
    """Routes of ``/api/v1/devices``."""

    def show(device: Device) -> DeviceShown:
        binding = ctx.stores.registrations.get(device.id)
        plain = {name: getattr(device, name) for name in DeviceShown.model_fields if hasattr(device, name)}
        online = binding is not None and binding.expires_at > ctx.clock()
        return DeviceShown(**plain, has_password=bool(device.password), online=online, registration=_binding(binding))

    async def make(body: DeviceNew) -> Device:
        values = body.model_dump() | {"password": secret(body.password), "created_at": ctx.clock()}
        return Device(**values)

    async def changes(_before: Device, given: dict[str, Any]) -> dict[str, Any]:
        refuse_null(given, _OPTIONAL)
        return given | ({"password": secret(given["password"])} if "password" in given else {})

    resource = Resource(
        "device", ctx.stores.devices, DeviceNew, DeviceChange, DeviceShown, show, make, changes, unguarded
    )
    return resource.routes()
