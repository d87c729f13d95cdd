"""Network zones over the API: what each is, who was given to it, and what is wrong."""

from __future__ import annotations

from typing import Any

from gateway.config import Config, MediaConfig, SipConfig
from gateway.config_zones import ZoneConfig
from gateway.store.devices import Device
from gateway.store.uppers import Upper

URL, CAMERA, OTHER, UPPER = (
    "/api/v1/zones", "34020000001320000001", "34020000001320000002", "34000000002000000001",
)  # fmt: skip


async def test_the_default_zone_is_there_without_any_configured(start_api: Any) -> None:
    api = await start_api()
    status, body = await api.call("GET", URL)
    assert status == 200 and body["lost"] == []
    [zone] = body["items"]
    assert (zone["name"], zone["networks"], zone["sip_host"], zone["sip_told"]) == ("default", [], "0.0.0.0", "")
    assert (zone["media_port_min"], zone["media_port_max"], zone["connect_to_devices"]) == (30000, 34999, "auto")
    assert zone["problems"] == []


async def test_each_zone_shows_its_addresses_its_peers_and_what_is_wrong(start_api: Any) -> None:
    here = {"sip": SipConfig(host="127.0.0.1"), "media": MediaConfig(host="127.0.0.1", connect_to_devices="yes")}
    zones = {
        "nat": ZoneConfig(sip_host="127.0.0.1", sip_advertised_host="203.0.113.7", connect_to_devices="no"),
        "away": ZoneConfig(
            networks=("192.0.2.0/24",), sip_host="192.0.2.1", sip_port=5080, media_host="127.0.0.1", port_min=41000,
            port_max=41999, public_url="http://192.0.2.1:8081",
        ),
    }  # fmt: skip
    api = await start_api(Config(**here, zones=zones))
    await api.ctx.stores.devices.create(Device(CAMERA, zone="nat"))
    await api.ctx.stores.devices.create(Device(OTHER))
    await api.ctx.stores.uppers.create(Upper(UPPER, host="192.0.2.9", zone="gone"))
    body = (await api.call("GET", URL))[1]
    default, nat, away = body["items"]
    assert (default["sip_told"], default["connect_to_devices"], default["peers"]) == ("127.0.0.1", "yes", [])
    assert (nat["sip_told"], nat["media_told"], nat["peers"]) == ("203.0.113.7", "203.0.113.7", [CAMERA])
    assert (nat["connect_to_devices"], away["connect_to_devices"], nat["problems"]) == ("no", "yes", [])
    assert (away["networks"], away["sip_port"], away["media_port_max"]) == (["192.0.2.0/24"], 5080, 41999)
    assert away["problems"] == ["192.0.2.1 is not an address of this machine"]
    assert away["problems_zh"] == ["192.0.2.1 不是本机地址"] and away["public_url"] == "http://192.0.2.1:8081"
    [lost] = body["lost"]
    assert (lost["id"], lost["zone"]) == (UPPER, "gone")
    assert "not configured; there are default, nat, away" in lost["message"] and "网络区域" in lost["message_zh"]


async def test_viewers_are_not_shown_the_networks(start_api: Any) -> None:
    api = await start_api()
    await api.add_user("guest", "viewer")
    assert (await api.call("GET", URL, user="guest"))[0] == 403
