from __future__ import annotations

from dataclasses import replace

from gateway.config import Config
from gateway.config_zones import ZoneConfig
from gateway.operations.checks.addresses import belongs_here, check_addresses
from gateway.operations.checks.finding import Finding, Level


def found(sip: str = "", media: str = "", url: str = "", nat: tuple[str, ...] = ()) -> dict[str, Finding]:
    base = Config()
    config = replace(
        base,
        node=replace(base.node, nat_addresses=nat),
        sip=replace(base.sip, advertised_host=sip, host="127.0.0.1"),
        media=replace(base.media, advertised_host=media, public_url=url),
    )
    return {one.subject: one for one in check_addresses(config)}


def test_what_peers_are_told_belongs_to_this_machine() -> None:
    outcome = found("127.0.0.1", "127.0.0.1", "http://127.0.0.1:{port}/x")
    assert {one.level for one in outcome.values()} == {Level.OK} and len(outcome) == 3


def test_a_foreign_address_is_a_nat_router_or_a_mistake() -> None:
    outcome = found("203.0.113.7", "203.0.113.8", "http://[2001:db8::1]:8081", nat=("203.0.113.8",))
    assert outcome["sip.advertised_host"].level is Level.WARNING
    assert "node.nat_addresses" in outcome["sip.advertised_host"].change
    assert outcome["media.advertised_host"].level is Level.OK and "forward" in outcome["media.advertised_host"].text
    assert outcome["media.public_url"].level is Level.WARNING


def test_without_an_address_it_is_said_what_peers_are_told_and_names_are_not_looked_up() -> None:
    outcome = found(url="https://video.example:443")
    assert "127.0.0.1" in outcome["sip.advertised_host"].text
    assert "towards each peer" in outcome["media.advertised_host"].text
    assert "media.public_url" not in outcome


def test_what_the_peers_of_a_zone_are_told_is_looked_at_too() -> None:
    zone = ZoneConfig(sip_host="10.2.0.1", sip_advertised_host="203.0.113.7", public_url="http://127.0.0.1:8081")
    outcome = {one.subject: one.level for one in check_addresses(replace(Config(), zones={"nat": zone}))}
    assert outcome["zones.nat.sip_advertised_host"] is Level.WARNING
    assert outcome["zones.nat.public_url"] is Level.OK and "zones.nat.media_advertised_host" not in outcome


def test_loopback_belongs_here_and_a_documentation_address_does_not() -> None:
    assert belongs_here("127.0.0.1") and not belongs_here("203.0.113.7")
