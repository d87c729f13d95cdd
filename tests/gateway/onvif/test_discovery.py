"""Looking for cameras on 127.0.0.1."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.config import Config, SipConfig
from gateway.config_zones import ZoneConfig
from gateway.onvif.discovery import Discovery, _Search, _socket, own_addresses
from gateway.zones import UnknownZone, Zones
from interop.onvif.camera import OnvifCamera
from interop.onvif.discovery import DiscoverySettings
from interop.onvif.settings import CameraSettings


def zones(**sections: Any) -> Zones:
    return Zones(Config(zones={"inside": ZoneConfig(networks=("127.0.0.0/8",), sip_host="127.0.0.1")}))


async def test_each_camera_is_found_once_with_its_name() -> None:
    settings = CameraSettings(name="gate", model="D-7", location="yard", serial="7")
    other = CameraSettings(name="door", serial="8")
    here = DiscoverySettings(port=0, group="")
    async with OnvifCamera(settings, discovery=here) as one, OnvifCamera(other, discovery=here) as two:
        targets = [f"127.0.0.1:{camera.discovery_port}" for camera in (one, two)]
        found = await Discovery(zones(), targets).search("inside", 0.6)
    assert {camera.name for camera in found} == {"gate", "door"} and len(found) == 2
    gate = next(camera for camera in found if camera.name == "gate")
    assert gate.address == "127.0.0.1" and gate.url.startswith(f"http://127.0.0.1:{one.port}/")
    assert gate.location == "yard"


async def test_nobody_there_is_an_empty_list_and_an_unknown_zone_is_refused() -> None:
    looking = Discovery(zones(), ["127.0.0.1:9"])
    assert await looking.search(None, 0.2) == []
    with pytest.raises(UnknownZone):
        await looking.search("outside", 0.1)


def test_a_flood_of_answers_is_not_read_to_its_end() -> None:
    search = _Search("x")
    for _ in range(5000):
        search.datagram_received(b"no answer", ("127.0.0.1", 1))
    assert search.found == {} and search._taken == 5000


def own(host: str) -> Zones:
    return Zones(Config(sip=SipConfig(host=host)))


def test_who_listens_everywhere_asks_from_every_card_and_a_single_address_from_one() -> None:
    group, single = ["239.255.255.250:3702"], ["127.0.0.1:3702"]
    cards = own_addresses()
    assert "127.0.0.1" not in cards
    assert Discovery(own("0.0.0.0"), group)._addresses(own("0.0.0.0").default) == ["", *cards]
    assert Discovery(own("0.0.0.0"), single)._addresses(own("0.0.0.0").default) == [""]
    assert Discovery(own("127.0.0.1"), group)._addresses(own("127.0.0.1").default) == ["127.0.0.1"]
    assert Discovery(own("::1"), group)._addresses(own("::1").default) == [""]


async def test_an_address_that_is_not_ours_cannot_be_asked_from() -> None:
    with pytest.raises(OSError):
        _socket("203.0.113.7")
    await asyncio.sleep(0)


async def test_an_address_that_cannot_be_sent_from_keeps_nobody_from_looking_from_the_others() -> None:
    gone = ZoneConfig(networks=("192.0.2.0/24",), sip_host="192.0.2.77")
    both = Zones(Config(zones={"gone": gone, "inside": ZoneConfig(networks=("127.0.0.0/8",), sip_host="127.0.0.1")}))
    here = DiscoverySettings(port=0, group="")
    async with OnvifCamera(CameraSettings(name="gate"), discovery=here) as one:
        looking = Discovery(both, [f"127.0.0.1:{one.discovery_port}"])
        assert {camera.name for camera in await looking.search(None, 0.6)} == {"gate"}
        with pytest.raises(OSError):
            await looking.search("gone", 0.1)
