from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from typing import Any

from gateway.config import Config, NodeConfig, SipConfig
from gateway.web import api_node


async def test_whoever_is_logged_in_is_told_what_a_camera_has_to_be_told(start_api: Any) -> None:
    config = Config(
        node=NodeConfig(id="34020000002000000001", name="分局"), sip=SipConfig(advertised_host="192.0.2.10", port=5062)
    )
    api = await start_api(config, extra=tuple(api_node.routes()))
    await api.add_user("guest", "viewer")
    status, node = await api.call("GET", "/api/v1/node", user="guest")
    assert status == 200
    assert (node["id"], node["name"], node["domain"]) == ("34020000002000000001", "分局", "3402000000")
    assert node["sip"] == {"host": "192.0.2.10", "port": 5062, "transports": ["udp", "tcp"]}
    assert (node["register_expires_seconds"], node["keepalive_interval_seconds"], node["keepalive_misses"]) == (
        3600,
        60,
        3,
    )
    assert (await api.call("GET", "/api/v1/node", user=None))[0] == 401


async def test_a_node_that_listens_everywhere_names_the_host_it_was_reached_at(start_api: Any) -> None:
    api = await start_api(extra=tuple(api_node.routes()))
    assert (await api.call("GET", "/api/v1/node"))[1]["sip"]["host"] == "127.0.0.1"
    config = replace(Config(), sip=SipConfig(host="198.51.100.7"))
    api = await start_api(config, extra=tuple(api_node.routes()))
    assert (await api.call("GET", "/api/v1/node"))[1]["sip"]["host"] == "198.51.100.7"


def test_the_version_is_that_of_the_distribution_or_empty(monkeypatch: Any) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: f"{name} 1.2")
    assert api_node.version() == "gb28181-gateway 1.2"

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert api_node.version() == ""
