"""The HTTP API of a node, assembled: what it works with, its health checks, and the routes that need the node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.relay.addresses import stream_base
from gateway.telemetry.health import check_workers
from gateway.web import api_alarms, api_channels, api_device_health, api_node, api_onvif, api_tree, api_views
from gateway.web.console import Console
from gateway.web.context import WebContext
from gateway.web.server import HttpServer, create_app

if TYPE_CHECKING:
    from gateway.app import Node


def web_context(node: Node, announce: Callable[[str], None]) -> WebContext:
    """What the API works with; `announce` shows the one-time set-up code to a person."""
    context = WebContext.build(node.config, node.stores, node.ledger, node.grants, node.metrics, announce=announce)
    context.upper_state = node.uplinks.state_of
    context.source_state = node.rtsp.sources.shown
    context.device_state = lambda device_id: api_device_health.state_of(node.health, device_id)
    context.media_way = node.directory.media_way
    context.checks.update(workers=lambda: check_workers(node.pool), database=node.database.check, loop=node.lag.check)
    return context


def http_server(node: Node) -> HttpServer:
    """The server with every route; it listens once it is started."""
    modules = (api_alarms, api_channels, api_device_health, api_onvif, api_tree, api_views)
    routes = [route for module in modules for route in module.routes(node)] + api_node.routes()
    app = create_app(node.web, routes)
    Console(lambda seen_host, viewer: stream_origins(node, seen_host, viewer)).mount(app)
    return HttpServer(app, node.config.http)


def stream_origins(node: Node, seen_host: str, viewer: str) -> list[str]:
    """The base addresses of the stream workers there are, for a viewer at the address `viewer` who reached the API at
    `seen_host`."""
    media = node.config.media
    workers = [worker for worker in node.pool.workers if worker.spec.kind == "stream"]
    configured = [media.http_port + number if media.http_port else 0 for number in range(len(workers))]
    ports = [w.link.hello.http_port if w.connected else port for w, port in zip(workers, configured, strict=True)]
    public_url = node.zones.zones.of_host(viewer).public_url
    return [stream_base(public_url, media.http_host, port, seen_host) for port in ports if port]
