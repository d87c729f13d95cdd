"""Who this node is and what a camera or a lower platform has to be told of it, over the API."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from gateway.relay.addresses import usable_ip
from gateway.web.resource import Strict
from gateway.web.route import Call, Route

DISTRIBUTION = "gb28181-gateway"


class SipShown(Strict):
    """Where devices and lower platforms register."""

    host: str
    port: int
    transports: tuple[str, ...]


class NodeShown(Strict):
    """The node, and the values its peers are configured with. Intervals in seconds."""

    id: str
    name: str
    domain: str
    version: str
    edition: str
    sip: SipShown
    register_expires_seconds: int
    keepalive_interval_seconds: int
    keepalive_misses: int
    device_transport: str
    session_idle_seconds: int


def version() -> str:
    """The installed version; empty where the program runs from a source tree that was never installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return ""


async def _show(call: Call) -> NodeShown:
    config = call.ctx.config
    sip, registrar = config.sip, config.registrar
    host = sip.advertised_host or usable_ip(sip.host) or call.request.url.host or ""
    return NodeShown(
        id=config.node.id,
        name=config.node.name,
        domain=config.node.realm,
        version=version(),
        edition=config.node.edition,
        sip=SipShown(host=host, port=sip.port, transports=sip.transports),
        register_expires_seconds=registrar.default_expires_seconds,
        keepalive_interval_seconds=registrar.keepalive_interval_seconds,
        keepalive_misses=registrar.keepalive_misses,
        device_transport=config.media.device_transport,
        session_idle_seconds=config.http.session_idle_seconds,
    )


def routes(_services: Any = None) -> list[Route]:
    """Routes of ``/api/v1/node``."""
    return [Route("GET", "/api/v1/node", _show, "This node", "viewer", "system", reply=NodeShown)]
