"""Do the addresses that peers are told belong to this machine, or to a NAT router that is declared?"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.config import Config
from gateway.operations.checks.finding import Finding, ok, warning

_EVERYWHERE = ("0.0.0.0", "::")


def check_addresses(config: Config) -> list[Finding]:
    """One finding for each advertised address, and for an advertised address that is missing."""
    found = [_check(key, address, config.node.nat_addresses) for key, address in _advertised(config) if address]
    for key, address, host in (
        ("sip.advertised_host", config.sip.advertised_host, config.sip.host),
        ("media.advertised_host", config.media.advertised_host, config.media.host),
    ):
        if not address:
            told = "the local address towards each peer" if host in _EVERYWHERE else host
            found.append(ok(key, f"not set: peers are told {told}"))
    return found


def _advertised(config: Config) -> Iterator[tuple[str, str]]:
    yield "sip.advertised_host", config.sip.advertised_host
    yield "media.advertised_host", config.media.advertised_host
    yield "media.public_url", _host(config.media.public_url)
    for name, zone in config.zones.items():
        yield f"zones.{name}.sip_advertised_host", zone.sip_advertised_host
        yield f"zones.{name}.media_advertised_host", zone.media_advertised_host
        yield f"zones.{name}.public_url", _host(zone.public_url)


def _host(url: str) -> str:
    """The IP address in a URL; empty where there is a name, which may lead anywhere."""
    host = urlsplit(url.replace("{port}", "1")).hostname or ""
    return host if ":" in host or host.replace(".", "").isdigit() else ""


def _check(key: str, address: str, nat: tuple[str, ...]) -> Finding:
    if belongs_here(address):
        return ok(key, f"{address} is an address of this machine")
    if address in nat:
        return ok(key, f"{address} is declared in node.nat_addresses: it has to forward the ports to this machine")
    change = (
        f"correct {key}; or, if a NAT router at {address} forwards the ports to this machine, "
        f"say so: node.nat_addresses"
    )
    return warning(key, f"{address} is not an address of this machine", change)


def belongs_here(address: str) -> bool:
    """Whether a socket can be bound to an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return error.errno not in (errno.EADDRNOTAVAIL, errno.EINVAL)
    return True
