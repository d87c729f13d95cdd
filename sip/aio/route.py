"""Which of our addresses a peer sees: the one the kernel routes to it from."""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sip.errors import TransportFailed
from sip.peer import Peer

_REMEMBERED = 4096
_FRESH_S = 60.0

WILDCARDS = frozenset({"0.0.0.0", "::", ""})


@dataclass(frozen=True, slots=True)
class WayOut:
    """The bound address that requests to a peer leave from, where there are several.

    advertised_host  what Via and Contact show that peer instead
    """

    host: str
    port: int
    advertised_host: str | None = None


WayOutPolicy = Callable[[Peer], WayOut | None]
"""Which way out leads to a peer; None leaves it to where the peer was last heard, and to the kernel."""


def any_way(_: Peer) -> WayOut | None:
    """The policy of a node that has one address."""
    return None


def family_of(host: str) -> socket.AddressFamily:
    """IPv6 for an address with a colon, else IPv4."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def is_address(host: str) -> bool:
    """Whether this is an IP address in text form, so that using it never asks a name server."""
    try:
        socket.inet_pton(family_of(host), host)
    except OSError:
        return False
    return True


class Routes:
    """Local addresses by destination host, asked of the kernel at most once a minute each."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def address_towards(self, host: str, now: float) -> str:
        """Our address on the way to `host`; TransportFailed when there is no way."""
        known = self._known.get(host)
        if known is not None and now - known[1] < _FRESH_S:
            return known[0]
        address = _ask_kernel(host)
        self._known[host] = (address, now)
        self._known.move_to_end(host)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return address


def _ask_kernel(host: str) -> str:
    # Connecting a datagram socket sends nothing; it only makes the kernel choose a source address.
    try:
        with socket.socket(family_of(host), socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
    except OSError as error:
        raise TransportFailed("route", f"no way to the peer ({error})", host, peer=host) from error
