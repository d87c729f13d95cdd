"""Zones in force: their addresses, and whom their networks take in."""

from __future__ import annotations

import errno

import pytest

from gateway import zones as module
from gateway.config import Config, MediaConfig, SipConfig
from gateway.config_zones import ZoneConfig
from gateway.zones import UnknownZone, ZoneNotListening, Zones


def made(**zones: ZoneConfig) -> Zones:
    sip, media = SipConfig(host="10.1.0.1", port=5070), MediaConfig(host="10.1.0.1", public_url="http://here")
    return Zones(Config(sip=sip, media=media, zones=zones))


def test_without_zones_everybody_belongs_to_the_default_zone() -> None:
    alone = Zones(Config())
    assert not alone.several and alone.names == ["default"]
    assert alone.of_host("192.0.2.1") is alone.default
    assert (alone.default.sip_host, alone.default.sip_port, alone.default.media_shown) == ("0.0.0.0", 5060, "")


def test_the_longest_network_decides() -> None:
    zones = made(
        wide=ZoneConfig(networks=("10.0.0.0/8", "2001:db8::/32"), sip_host="10.2.0.1"),
        narrow=ZoneConfig(networks=("10.9.0.0/16",), sip_host="10.9.0.1"),
    )
    assert zones.several and zones.names == ["default", "wide", "narrow"]
    hosts = ("10.8.0.1", "10.9.0.7", "192.0.2.1", "2001:db8::7", "camera.lan", "", "10.8.0.1", "::ffff:10.9.0.7")
    found = [zones.of_host(host).name for host in hosts]
    assert found == ["wide", "narrow", "default", "wide", "default", "default", "wide", "narrow"]


def test_what_a_zone_does_not_say_comes_from_its_sip_address_and_the_common_sections() -> None:
    zones = made(
        plain=ZoneConfig(sip_host="10.2.0.1"),
        nat=ZoneConfig(sip_host="10.1.0.1", sip_advertised_host="203.0.113.7", sip_port=5080),
        full=ZoneConfig(
            sip_host="0.0.0.0", media_host="::", media_advertised_host="203.0.113.9", port_min=40000, port_max=40999,
            public_url="https://video",
        ),
        wild=ZoneConfig(sip_host="0.0.0.0"),
    )  # fmt: skip
    plain, nat, full, wild = (zones.require(name) for name in ("plain", "nat", "full", "wild"))
    assert (plain.sip_port, plain.media_host, plain.media_shown, plain.ports) == (5070, "10.2.0.1", "10.2.0.1", None)
    assert plain.public_url == "http://here" and (nat.sip_port, nat.media_shown) == (5080, "203.0.113.7")
    assert (full.media_host, full.media_shown, full.ports) == ("::", "203.0.113.9", (40000, 40999))
    assert full.public_url == "https://video" and wild.media_shown == ""


def test_whether_devices_are_connected_to_is_said_by_the_zone_or_for_all() -> None:
    zones = made(plain=ZoneConfig(sip_host="10.2.0.1"), nat=ZoneConfig(sip_host="10.3.0.1", connect_to_devices="no"))
    assert [zone.connect_to_devices for zone in zones.all()] == ["auto", "auto", "no"]


def test_what_sip_shows_of_a_zone_and_which_hosts_it_has() -> None:
    zones = made(
        plain=ZoneConfig(networks=("10.2.0.0/16",), sip_host="10.2.0.1"),
        nat=ZoneConfig(sip_host="10.1.0.1", sip_advertised_host="203.0.113.7"),
        wild=ZoneConfig(sip_host="0.0.0.0", sip_port=5099),
    )
    assert [zone.sip_shown for zone in zones.all()] == ["10.1.0.1", "10.2.0.1", "203.0.113.7", ""]
    plain = zones.require("plain")
    assert plain.has("10.2.7.7") and not plain.has("10.3.0.1") and not zones.default.has("10.2.7.7")


def test_a_zone_that_cannot_listen_says_where_and_why() -> None:
    zones = made(above=ZoneConfig(sip_host="10.2.0.1"))
    away = ZoneNotListening(zones.require("above"), OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"))
    assert str(away).startswith(
        "cannot listen on 10.2.0.1 port 5070 (zones.above.sip_host): it is not an address of this machine;"
    )
    taken = ZoneNotListening(zones.default, OSError(errno.EADDRINUSE, "Address already in use"))
    assert "(sip.host): Address already in use" in str(taken) and taken.zone == "default"


def test_a_name_that_is_no_zone_is_told_with_those_that_are() -> None:
    zones = made(above=ZoneConfig(sip_host="10.2.0.1"))
    assert zones.get("nowhere") is None and [zone.name for zone in zones.all()] == ["default", "above"]
    with pytest.raises(UnknownZone, match="no zone 'nowhere'; there are default, above") as caught:
        zones.require("nowhere")
    assert "default, above" in caught.value.zh


def test_only_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    zones = made(above=ZoneConfig(networks=("10.2.0.0/16",), sip_host="10.2.0.1"))
    assert {zones.of_host(f"10.2.0.{number}").name for number in range(5)} == {"above"}
    assert len(zones._known) == 2
