from __future__ import annotations

from typing import Any

from gateway.config import Config, SipConfig
from gateway.config_zones import ZoneConfig

URL = "/api/v1/zones"


async def test_the_zones_are_shown_with_where_their_devices_reach_this_node(start_api: Any) -> None:
    police = ZoneConfig(
        sip_host="10.2.0.1", sip_port=5070, networks=("172.16.0.0/16",), sip_advertised_host="198.51.100.9"
    )
    api = await start_api(Config(sip=SipConfig(host="192.0.2.10", port=5062), zones={"police": police}))
    status, body = await api.call("GET", URL)
    assert status == 200
    assert body["items"] == [
        {"name": "default", "networks": [], "sip_host": "192.0.2.10", "sip_port": 5062},
        {"name": "police", "networks": ["172.16.0.0/16"], "sip_host": "198.51.100.9", "sip_port": 5070},
    ]


async def test_a_node_that_listens_everywhere_is_reached_where_it_was_asked(start_api: Any) -> None:
    api = await start_api()
    (zone,) = (await api.call("GET", URL))[1]["items"]
    assert (zone["name"], zone["sip_host"]) == ("default", "127.0.0.1")


async def test_whoever_only_watches_is_not_told(start_api: Any) -> None:
    api = await start_api()
    await api.add_user("guest", "viewer")
    assert (await api.call("GET", URL, user="guest"))[0] == 403
