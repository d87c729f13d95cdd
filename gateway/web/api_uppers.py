"""Upper platforms over the API (上级平台)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.store.devices import MediaTransport
from gateway.store.uppers import MEDIA_TO_ANY_ADDRESS, SsrcPolicy, Upper, UpperTolerance
from gateway.web.api_devices import Code, ZoneName, check_zone
from gateway.web.context import WebContext
from gateway.web.resource import Resource, Strict, refuse_null, secret, unguarded
from gateway.web.route import Route
from gateway.zones import Zones

_OPTIONAL = ("charset", "edition", "media_transport", "rule_id", "zone")


def _ip(text: str) -> str:
    return str(ip_address(text))


IpAddress = Annotated[str, AfterValidator(_ip)]


class UpperChange(Strict):
    """What can be changed of an upper platform; what is left out stays."""

    name: str = Field("", max_length=256)
    host: str = Field("", pattern=r"^[A-Za-z0-9._:-]*$", max_length=255, description="Address or host name")
    port: int = Field(5060, ge=1, le=65535)
    transport: Literal["udp", "tcp"] = "udp"
    domain: str = Field("", pattern=r"^([0-9]{10})?$", description="SIP domain; empty: first ten digits of its code")
    local_id: str = Field("", pattern=r"^([0-9]{20})?$", description="Our code there; empty: the node's own")
    username: str = Field("", max_length=64, description="Digest user; empty: local_id")
    password: SecretStr = Field(SecretStr(""), max_length=128, description="Digest password; never shown")
    register_expires_seconds: int = Field(86_400, ge=60, le=604_800, description="New: the node's [uplink]")
    keepalive_seconds: int = Field(60, ge=5, le=3600, description="New: the node's [uplink]")
    charset: Literal["GB2312", "GB18030", "UTF-8"] | None = None
    edition: Literal["2016", "2022"] | None = None
    rule_id: str | None = Field(None, max_length=64, description="Sharing rule; without one nothing is shown")
    source_addresses: tuple[IpAddress, ...] = Field((), max_length=64, description="Where its requests may come from")
    ssrc_policy: SsrcPolicy = "upper"
    media_transport: MediaTransport | None = Field(None, description="Offered to an INVITE without SDP; null: udp")
    tolerances: tuple[UpperTolerance, ...] = Field(
        (MEDIA_TO_ANY_ADDRESS,), max_length=64, description="Names of quirks allowed for this platform"
    )
    zone: str | None = ZoneName
    enabled: bool = True


class UpperNew(UpperChange):
    """An upper platform to register at."""

    id: str = Code
    host: str = Field(pattern=r"^[A-Za-z0-9._:-]+$", max_length=255, description="Address or host name")


class UpperShown(Strict):
    """An upper platform as shown; ``state`` is that of our registration there."""

    id: str
    name: str
    host: str
    port: int
    transport: str
    domain: str
    local_id: str
    username: str
    has_password: bool
    register_expires_seconds: int
    keepalive_seconds: int
    charset: str | None
    edition: str | None
    rule_id: str | None
    source_addresses: tuple[str, ...]
    ssrc_policy: str
    media_transport: str | None
    tolerances: tuple[str, ...]
    zone: str | None
    enabled: bool
    created_at: float
    state: dict[str, Any] = Field(
        description="state; since; problem, hint and steps (at, message, failed), each also in Chinese (..._zh)"
    )


def routes(ctx: WebContext) -> list[Route]:
    """Routes of ``/api/v1/uppers``."""
    zones = Zones(ctx.config)

    def show(upper: Upper) -> UpperShown:
        plain = {name: getattr(upper, name) for name in UpperShown.model_fields if hasattr(upper, name)}
        return UpperShown(**plain, has_password=bool(upper.password), state=dict(ctx.upper_state(upper.id)))

    async def make(body: UpperNew) -> Upper:
        check_zone(zones, body.zone)
        made: dict[str, Any] = {"password": secret(body.password), "created_at": ctx.clock()}
        for name in ("register_expires_seconds", "keepalive_seconds"):
            if name not in body.model_fields_set:
                made[name] = getattr(ctx.config.uplink, name)
        return Upper(**(body.model_dump() | made))

    async def changes(_before: Upper, given: dict[str, Any]) -> dict[str, Any]:
        refuse_null(given, _OPTIONAL)
        check_zone(zones, given.get("zone"))
        return given | ({"password": secret(given["password"])} if "password" in given else {})

    resource = Resource("upper", ctx.stores.uppers, UpperNew, UpperChange, UpperShown, show, make, changes, unguarded)
    return resource.routes()
