"""Whose zone a peer is in, and the address requests to it leave from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from gateway.config import Config, MediaConfig, SipConfig
from gateway.config_zones import ZoneConfig
from gateway.signalling.bindings import Binding, Bindings
from gateway.signalling.peer_zones import PeerZones
from gateway.signalling.trust import UpperAddress
from gateway.store.devices import Device
from gateway.store.stores import Stores
from gateway.store.uppers import Upper
from gateway.zones import ZoneNotListening, Zones
from sip.aio import Peer, SipStack, WayOut
from tests.gateway.signalling.raw import CAMERA, UPPER

IN_NETWORK, ELSEWHERE = Peer("UDP", "10.2.0.9", 5060), Peer("UDP", "192.0.2.9", 5060)
ABOVE = ZoneConfig(networks=("10.2.0.0/16",), sip_host="127.0.0.2", sip_advertised_host="203.0.113.7")
NAT = ZoneConfig(sip_host="127.0.0.1", sip_advertised_host="203.0.113.8")


@dataclass
class Book:
    stores: Stores
    bindings: Bindings = field(default_factory=Bindings)
    uppers: list[UpperAddress] = field(default_factory=list)

    def zones(self, **zones: ZoneConfig) -> PeerZones:
        here = "127.0.0.1"
        config = Config(sip=SipConfig(host=here, port=0), media=MediaConfig(host=here), zones=zones)
        return PeerZones(Zones(config), self.stores.devices, self.stores.uppers, self.bindings, lambda: self.uppers)


@pytest.fixture
def book(stores: Stores) -> Book:
    return Book(stores)


@pytest.fixture
async def stack() -> AsyncIterator[SipStack]:
    made = SipStack(user_agent="test", on_request=lambda incoming: None)
    yield made
    await made.close()


async def test_without_zones_the_stack_chooses_by_itself(book: Book) -> None:
    alone = book.zones()
    assert alone.of(IN_NETWORK).name == "default" and alone.way_out(IN_NETWORK) is None


async def test_a_peer_belongs_to_the_zone_of_its_network_or_to_the_default_one(book: Book) -> None:
    zones = book.zones(above=ABOVE, nat=NAT)
    assert (zones.of(IN_NETWORK).name, zones.of(ELSEWHERE).name) == ("above", "default")


@pytest.mark.parametrize(
    ("given", "zone"), [("nat", "nat"), ("default", "default"), (None, "above"), ("gone", "above")]
)
async def test_a_device_belongs_to_the_zone_it_is_given(book: Book, given: str | None, zone: str) -> None:
    zones = book.zones(above=ABOVE, nat=NAT)
    await book.stores.devices.create(Device(CAMERA, zone=given))
    assert zones.of(IN_NETWORK).name == "above"
    book.bindings.bind(Binding(CAMERA, IN_NETWORK, "", 0, 3600, 0))
    book.bindings.bind(Binding("34020000001320000099", IN_NETWORK, "", 0, 3600, 0))
    assert zones.of(IN_NETWORK).name == zone


async def test_an_upper_platform_belongs_to_the_zone_it_is_given_wherever_it_sends_from(book: Book) -> None:
    zones = book.zones(above=ABOVE, nat=NAT)
    book.uppers.append(UpperAddress(UPPER, "UDP", IN_NETWORK.host, 5060, ("192.0.2.9",)))
    assert zones.of(IN_NETWORK).name == "above"
    await book.stores.uppers.create(Upper(UPPER, host=IN_NETWORK.host, zone="nat"))
    assert {zones.of(peer).name for peer in (IN_NETWORK, ELSEWHERE)} == {"nat"}


async def test_every_address_is_listened_on_once_and_each_zone_shows_its_own(book: Book, stack: SipStack) -> None:
    zones = book.zones(above=ABOVE, nat=NAT)
    await book.stores.devices.create(Device(CAMERA, zone="gone"))
    with capture_logs() as log:
        port = await zones.listen(stack, ("udp", "tcp"))
    assert [(entry["event"], entry["peer"], entry["zone"]) for entry in log] == [("unknown zone", CAMERA, "gone")]
    above = zones.port(zones.zones.require("above"))
    assert zones.port(zones.zones.require("nat")) == port and above != 0
    assert zones.way_out(IN_NETWORK) == WayOut("127.0.0.2", above, "203.0.113.7")
    assert zones.way_out(ELSEWHERE) == WayOut("127.0.0.1", port)
    assert zones.at(("127.0.0.1", port), "UDP") == zones.at(("127.0.0.1", 40123), "TCP") == ["default", "nat"]
    assert zones.at(("127.0.0.2", above), "UDP") == ["above"] and zones.at(("127.0.0.2", 1), "UDP") == []


async def test_an_address_that_is_not_ours_is_named_with_its_zone(book: Book, stack: SipStack) -> None:
    zones = book.zones(above=replace(ABOVE, sip_host="192.0.2.1"))
    with pytest.raises(
        ZoneNotListening, match=r"192\.0\.2\.1 .*zones\.above\.sip_host.*not an address of this machine"
    ):
        await zones.listen(stack, ("udp", "tcp"))


async def test_a_zone_on_every_address_has_every_tcp_connection(book: Book) -> None:
    zones = book.zones(all=ZoneConfig(sip_host="0.0.0.0", sip_port=5099))
    assert zones.at(("10.7.0.1", 40123), "TCP") == ["all"]
