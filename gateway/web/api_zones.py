"""The network zones (网络区域) of this node over the API, read-only: they are made in the configuration."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway.relay.addresses import usable_ip
from gateway.web.context import WebContext
from gateway.web.resource import Strict
from gateway.web.route import Call, Route
from gateway.zones import Zone, Zones


class ZoneShown(Strict):
    """One zone: whom it takes in by address, and where its devices and platforms reach this node."""

    name: str
    networks: tuple[str, ...] = Field(description="Whoever is here belongs to it unless it is given another")
    sip_host: str
    sip_port: int


def shown(zone: Zone, seen_host: str) -> ZoneShown:
    """A zone as the API shows it; ``seen_host`` stands for the address of a node that listens everywhere."""
    host = zone.sip_advertised_host or usable_ip(zone.sip_host) or seen_host
    return ZoneShown(name=zone.name, networks=tuple(map(str, zone.networks)), sip_host=host, sip_port=zone.sip_port)


def routes(ctx: WebContext) -> list[Route]:
    """The route of ``/api/v1/zones``."""
    zones = Zones(ctx.config)

    async def listed(call: Call) -> dict[str, Any]:
        seen_host = call.request.url.host or ""
        return {"items": [shown(zone, seen_host) for zone in zones.all()]}

    return [Route("GET", "/api/v1/zones", listed, "Network zones", "operator", "system", reply=dict[str, Any])]
