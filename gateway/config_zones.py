"""Network zones (网络区域) in the configuration: ``[zones.NAME]`` beside the default zone of [sip] and [media]."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Protocol

from gateway.config_key import address, between, key, one_of

DEFAULT = "default"
"""The zone of everybody who belongs to no other: its addresses are those of [sip] and [media]."""
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
WILDCARDS = ("0.0.0.0", "::")
CONNECT = ("auto", "yes", "no")
"""Whether devices are connected to."""

Problem = tuple[str, str, str]
"""Section, key and what is wrong."""


def _networks(value: tuple[str, ...]) -> str | None:
    for text in value:
        try:
            ip_network(text)
        except ValueError as error:
            return f"{text!r} is no network: {error}"
    return None


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    """One more network this node has an address in, `[zones.NAME]` for each: another card, or a way through a NAT.

    The name is of `a`-`z`, `0`-`9`, `_` and `-`. Who belongs to no zone belongs to `default`, the zone of [sip] and
    [media]. Zones may share an address. In the environment the section is `ZONES__NAME`.
    """

    networks: tuple[str, ...] = key(
        (), "Networks (CIDR) whose hosts belong to this zone; the longest that fits decides.", _networks
    )
    sip_host: str = key("", "Address to listen on for SIP and to send from; each zone needs one.", address)
    sip_port: int = key(0, "Port to listen on; 0: sip.port.", between(0, 65535))
    sip_advertised_host: str = key(
        "", "Address written into Via and Contact, such as that of a NAT in front; empty: sip_host.", address
    )
    media_host: str = key("", "Address media sockets bind to; empty: sip_host.", address)
    media_advertised_host: str = key(
        "", "Address written into SDP; empty: sip_advertised_host, or else media_host.", address
    )
    port_min: int = key(0, "First media port; 0: the range of [media].", between(0, 65534))
    port_max: int = key(0, "Last media port; 0: the range of [media].", between(0, 65535))
    connect_to_devices: str = key(
        "", "As media.connect_to_devices, for the devices of this zone; empty: that one.", one_of("", *CONNECT)
    )
    public_url: str = key(
        "", "Base URL of the browser streams as viewers of this zone see it, as media.public_url; empty: that one."
    )


class SipKeys(Protocol):
    """What the default zone has of [sip]."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


class MediaKeys(Protocol):
    """What the default zone has of [media]."""

    @property
    def host(self) -> str: ...
    @property
    def port_min(self) -> int: ...
    @property
    def port_max(self) -> int: ...
    @property
    def stream_workers(self) -> int: ...
    @property
    def relay_workers(self) -> int: ...


def name_problem(name: str) -> str | None:
    """What is wrong with the name of a zone."""
    if name == DEFAULT:
        return "the default zone is described by [sip] and [media]"
    return None if NAME.fullmatch(name) else "a zone's name is of a-z, 0-9, _ and -, and begins with a letter"


def zone_problems(zones: Mapping[str, ZoneConfig], sip: SipKeys, media: MediaKeys) -> Iterator[Problem]:
    """What is wrong with the zones read together."""
    for name, zone in zones.items():
        section = f"zones.{name}"
        if not zone.sip_host:
            yield section, "sip_host", "a zone needs an address"
        if bool(zone.port_min) != bool(zone.port_max):
            yield section, "port_min" if zone.port_min else "port_max", "port_min and port_max belong together"
        elif zone.port_min and (zone.port_min < 1024 or zone.port_max < zone.port_min + 1):
            yield section, "port_max", "port_min must be 1024 or more, and port_max above it"
        elif zone.port_min and zone.port_max - zone.port_min + 1 < 2 * media.relay_workers:
            yield section, "port_max", f"too few ports: {media.relay_workers} relay workers need two each"
        if zone.public_url and media.stream_workers > 1 and "{port}" not in zone.public_url:
            yield section, "public_url", "needs {port} where there are several stream workers"
    yield from _networks_twice(zones)
    yield from _shadowed_addresses(zones, sip)
    yield from _overlapping_ports(zones, media)


def _networks_twice(zones: Mapping[str, ZoneConfig]) -> Iterator[Problem]:
    owners: dict[object, str] = {}
    for name, zone in zones.items():
        for text in zone.networks:
            owner = owners.setdefault(ip_network(text), name)
            if owner != name:
                yield f"zones.{name}", "networks", f"{text} belongs to zones.{owner} already"


def _shadowed_addresses(zones: Mapping[str, ZoneConfig], sip: SipKeys) -> Iterator[Problem]:
    """A socket on every address leaves its port free on none: only who names that very address shares it."""
    bound = {DEFAULT: (sip.host, sip.port)}
    bound |= {name: (zone.sip_host, zone.sip_port or sip.port) for name, zone in zones.items() if zone.sip_host}
    for name, (host, port) in bound.items():
        if host not in WILDCARDS:
            continue
        for other, (other_host, other_port) in bound.items():
            if port == other_port and host != other_host and (":" in host or ":" not in other_host):
                section, wanted = ("sip", "host") if name == DEFAULT else (f"zones.{name}", "sip_host")
                yield section, wanted, f"{host} is every address, that of zone {other} too: name one"
                break


def _overlapping_ports(zones: Mapping[str, ZoneConfig], media: MediaKeys) -> Iterator[Problem]:
    """Zones may share a range, but half a range belongs to nobody."""
    ranges = [(DEFAULT, media.host, media.port_min, media.port_max)]
    for name, zone in zones.items():
        host = zone.media_host or zone.sip_host
        first, last = (zone.port_min, zone.port_max) if zone.port_min else (media.port_min, media.port_max)
        for other, other_host, other_first, other_last in ranges:
            same = host == other_host or host in WILDCARDS or other_host in WILDCARDS
            overlap = first <= other_last and other_first <= last and (first, last) != (other_first, other_last)
            if same and overlap:
                ports = f"{first}-{last} overlaps {other_first}-{other_last} of zone {other} at the same address"
                yield f"zones.{name}", "port_min", f"{ports}: take the same range or another one"
        ranges.append((name, host, first, last))
