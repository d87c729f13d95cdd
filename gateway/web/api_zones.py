"""Network zones over the API (网络区域): what peers and viewers of each are told, and what is wrong with them."""

from __future__ import annotations

from pydantic import Field

from gateway.operations.checks.addresses import belongs_here
from gateway.web.context import WebContext
from gateway.web.resource import Strict
from gateway.web.route import Call, Route
from gateway.zones import Zone, Zones


class ZoneShown(Strict):
    """One zone. An empty host: the local address towards each peer."""

    name: str
    networks: tuple[str, ...] = Field(description="Whoever is in one of them belongs to this zone; the longest decides")
    sip_host: str = Field(description="What requests to peers leave from")
    sip_port: int
    sip_told: str = Field(description="What Via and Contact name")
    media_host: str
    media_told: str = Field(description="What SDP names")
    media_port_min: int
    media_port_max: int
    connect_to_devices: str
    public_url: str = Field(description="Base URL of the browser streams; empty: the host the API was reached at")
    peers: tuple[str, ...] = Field(description="Devices and upper platforms given to it by name")
    problems: tuple[str, ...] = Field(description="What is wrong; empty: nothing that can be seen from here")
    problems_zh: tuple[str, ...]


class LostPeer(Strict):
    """A device or upper platform given to a zone that is not configured; it is in the zone of its address meanwhile."""

    id: str
    zone: str
    message: str
    message_zh: str


class ZonesShown(Strict):
    """All zones, the default zone first, and the peers whose zone there is not."""

    items: list[ZoneShown]
    lost: list[LostPeer]


def routes(ctx: WebContext) -> list[Route]:
    """Routes of ``/api/v1/zones``."""

    async def show(_call: Call) -> ZonesShown:
        zones = Zones(ctx.config)
        given = {record.id: record.zone for record in (*ctx.stores.devices, *ctx.stores.uppers) if record.zone}
        lost = [_lost(peer, zone, zones) for peer, zone in sorted(given.items()) if zones.get(zone) is None]
        return ZonesShown(items=[_shown(zone, ctx, given) for zone in zones.all()], lost=lost)

    return [Route("GET", "/api/v1/zones", show, "Network zones", "operator", "system", reply=ZonesShown)]


def _shown(zone: Zone, ctx: WebContext, given: dict[str, str]) -> ZoneShown:
    media = ctx.config.media
    first, last = zone.ports or (media.port_min, media.port_max)
    away = [host for host in dict.fromkeys((zone.sip_host, zone.media_host)) if not belongs_here(host)]
    return ZoneShown(
        name=zone.name,
        networks=tuple(str(network) for network in zone.networks),
        sip_host=zone.sip_host,
        sip_port=zone.sip_port,
        sip_told=zone.sip_shown,
        media_host=zone.media_host,
        media_told=zone.media_shown,
        media_port_min=first,
        media_port_max=last,
        connect_to_devices=zone.connect_to_devices,
        public_url=zone.public_url,
        peers=tuple(sorted(peer for peer, name in given.items() if name == zone.name)),
        problems=tuple(f"{host} is not an address of this machine" for host in away),
        problems_zh=tuple(f"{host} 不是本机地址" for host in away),
    )


def _lost(peer: str, zone: str, zones: Zones) -> LostPeer:
    names = ", ".join(zones.names)
    return LostPeer(
        id=peer,
        zone=zone,
        message=f"{peer} is given to zone {zone}, which is not configured; there are {names}",
        message_zh=f"{peer} 指定的网络区域“{zone}”未配置；已配置的有：{names}",
    )
