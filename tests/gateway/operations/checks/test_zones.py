from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Config, MediaConfig
from gateway.config_zones import ZoneConfig
from gateway.operations.checks.finding import Level
from gateway.operations.checks.zones import check_zones
from gateway.store.devices import Device
from gateway.store.stores import Stores
from gateway.store.uppers import Upper

CAMERA, OTHER, UPPER = "34020000001320000001", "34020000001320000002", "34000000002000000001"


def configured(data_dir: Path, **zones: ZoneConfig) -> Config:
    return replace(Config(), node=replace(Config().node, data_dir=data_dir), zones=zones)


async def test_peers_given_to_zones_that_are_gone_are_named(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    await stores.devices.create(Device(CAMERA, zone="above"))
    await stores.devices.create(Device(OTHER))
    await stores.uppers.create(Upper(UPPER, host="192.0.2.1", zone="gone"))
    await stores.close()
    above = ZoneConfig(sip_host="10.2.0.1")
    [found] = check_zones(configured(tmp_path, above=above))
    assert found.level is Level.WARNING and found.text == f"{UPPER} is given to zone gone, which is not configured"
    assert "default, above" in found.change and "gbgateway uppers set" in found.change
    assert [one.text.split()[0] for one in check_zones(configured(tmp_path))] == [UPPER, CAMERA]
    [good] = check_zones(configured(tmp_path, above=above, gone=above))
    assert (good.level, good.text) == (Level.OK, "default, above, gone")


@pytest.mark.parametrize(
    ("http_host", "zone", "warned"),
    [
        ("10.1.0.1", {}, True),
        ("10.1.0.1", {"public_url": "http://10.2.0.1:8081"}, False),
        ("10.1.0.1", {"networks": ()}, False),
        ("10.1.0.1", {"media_host": "10.1.0.1"}, False),
        ("10.2.0.5", {}, False),
        ("0.0.0.0", {}, False),
        ("127.0.0.1", {}, False),
        ("", {}, False),
    ],
)
def test_viewers_who_are_sent_to_an_address_of_another_network_are_named(
    tmp_path: Path, http_host: str, zone: dict[str, Any], warned: bool
) -> None:
    above = ZoneConfig(**({"networks": ("10.2.0.0/16",), "sip_host": "10.2.0.1"} | zone))
    config = replace(configured(tmp_path, above=above), media=MediaConfig(http_host=http_host))
    found = [one for one in check_zones(config) if one.level is Level.WARNING]
    assert [one.subject for one in found] == (["zones.above.public_url"] if warned else [])
    assert all("viewers of zone above are told 10.1.0.1" in one.text and "0.0.0.0" in one.change for one in found)


def test_where_there_is_no_database_or_none_that_knows_zones_nothing_is_lost(tmp_path: Path) -> None:
    assert check_zones(configured(tmp_path)) == []
    [good] = check_zones(configured(tmp_path, above=ZoneConfig(sip_host="10.2.0.1")))
    assert good.level is Level.OK
    (tmp_path / "gateway.db").write_bytes(b"")
    assert [one.level for one in check_zones(configured(tmp_path))] == [Level.OK]
