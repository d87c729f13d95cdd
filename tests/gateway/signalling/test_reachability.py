"""Who is behind a NAT, by what he registers and where that comes from, and how he is asked for his media then."""

from __future__ import annotations

import pytest

from gateway.config import Config, MediaConfig
from gateway.config_zones import ZoneConfig
from gateway.signalling.bindings import Binding
from gateway.signalling.reachability import BehindNat, MediaWay, Reachability, named_host, own_host
from gateway.zones import Zones
from media.worker.control import Transport
from sip.aio import Peer
from tests.gateway.signalling.raw import CAMERA, NODE, parsed, request_bytes

OUTER, INNER = "203.0.113.7", "192.168.50.2"


def judged(own: str, seen: str = OUTER, connect: str = "auto", **zones: ZoneConfig) -> BehindNat | None:
    made = Zones(Config(media=MediaConfig(connect_to_devices=connect), zones=zones))
    binding = Binding(CAMERA, Peer("UDP", seen, 5060), "", 0, 3600, 0, own_host=own)
    return Reachability(lambda peer: made.of_host(peer.host)).behind_nat(binding)


@pytest.mark.parametrize(
    ("own", "seen", "hidden"),
    [
        (INNER, OUTER, True),
        (OUTER, OUTER, False),
        (OUTER, f"::ffff:{OUTER}", False),
        ("2001:db8:0::7", "2001:db8::7", False),
        ("", OUTER, False),
    ],
)
def test_who_registers_with_another_address_than_he_is_seen_at_is_behind_a_nat(
    own: str, seen: str, hidden: bool
) -> None:
    found = judged(own, seen)
    assert found == (BehindNat(own, seen, "default") if hidden else None)
    assert judged(own, seen, "yes") is None


def test_a_zone_may_say_that_nobody_connects_to_its_members_or_that_everybody_can() -> None:
    here = ("203.0.113.0/24",)
    apart = ZoneConfig(networks=here, sip_host="10.1.0.1", connect_to_devices="no")
    assert judged(OUTER, far=apart) == BehindNat("", OUTER, "far")
    assert judged(INNER, connect="no", far=ZoneConfig(networks=here, connect_to_devices="yes")) is None
    assert judged(INNER, connect="no", far=ZoneConfig(networks=here)) == BehindNat("", OUTER, "far")


def test_the_reason_is_told_in_two_languages() -> None:
    learned, said = BehindNat(INNER, OUTER, "default"), BehindNat("", OUTER, "far")
    assert learned.message == (
        f"it says it is at {INNER}, but its requests come from {OUTER}: behind a NAT nobody reaches it"
    )
    assert INNER in learned.message_zh and OUTER in learned.message_zh and "NAT" in learned.message_zh
    assert said.message == "nobody connects to the members of zone far (connect_to_devices = no)"
    assert "far" in said.message_zh


@pytest.mark.parametrize(
    ("configured", "hidden", "used"),
    [
        ("tcp_active", True, "tcp_passive"),
        ("tcp_active", False, "tcp_active"),
        ("tcp_passive", True, "tcp_passive"),
        ("udp", True, "udp"),
    ],
)
def test_only_who_would_be_connected_to_is_asked_otherwise(configured: Transport, hidden: bool, used: str) -> None:
    nat = BehindNat(INNER, OUTER, "default") if hidden else None
    way = MediaWay(configured, nat)
    assert way.transport == used and way.turned == (nat if used != configured else None)


@pytest.mark.parametrize(
    ("via", "contact", "own"),
    [
        (INNER, f"<sip:c@{OUTER}:5060>", INNER),
        ("camera.lan", f"<sip:c@{INNER}>", INNER),
        ("0.0.0.0", f"sip:c@{INNER}", INNER),
        ("127.0.0.1", f'"cam" <sip:c@{INNER}:5060>;expires=60', INNER),
        ("[2001:db8::7]", "<sip:c@camera.lan>", "2001:db8::7"),
        ("camera.lan", "<sip:c@3402000000>", ""),
        ("camera.lan", "*", ""),
        ("camera.lan", "", ""),
        ("camera.lan", "<<<", ""),
    ],
)
def test_the_address_a_peer_says_it_has(via: str, contact: str, own: str) -> None:
    data = request_bytes("REGISTER", NODE, via=f"Via: SIP/2.0/UDP {via}:5060;rport;branch={{branch}}")
    assert own_host(parsed(data), contact) == own


def test_behind_a_proxy_the_source_says_nothing_of_the_peer() -> None:
    hops = f"Via: SIP/2.0/UDP 192.0.2.1;branch={{branch}}\r\nVia: SIP/2.0/UDP {INNER};branch=z9hG4bK1"
    assert own_host(parsed(request_bytes("REGISTER", NODE, via=hops)), f"<sip:c@{INNER}>") == ""


def test_a_via_that_cannot_be_read_names_nothing() -> None:
    request = parsed(request_bytes("REGISTER", NODE))
    request.headers.set("Via", "nonsense")
    assert own_host(request, f"<sip:c@{INNER}>") == ""


def test_a_stored_contact_names_the_address_too() -> None:
    assert named_host(f"<sip:c@{INNER}:5060>") == INNER and named_host("") == "" == named_host("<sip:c@::1")
