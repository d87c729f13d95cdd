"""Whether a peer below us can be connected to for its media, or has to connect to us (设备侧 NAT).

A device behind a NAT that forwards nothing is reached by nobody: where it is configured `tcp_active` (this node
connects, `a=setup:active` in our offer) the roles are turned round and it connects to us, as GB/T 28181-2022 Annex D
has it by default. That there is a NAT is told by the zone, or learned: the peer's REGISTER names one address as its
own and comes from another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.signalling.bindings import Binding
from gateway.zones import Zone
from media.worker.control import Transport
from sip import NameAddr, ParseError, Peer, Request

TURNED = "device is behind NAT: it connects to us instead"
"""The step of a call's trace that says so."""


@dataclass(frozen=True, slots=True)
class BehindNat:
    """Why a peer cannot be connected to: it says it is at `own` while its requests come from `seen`, or, `own` empty,
    its `zone` says so of all its members."""

    own: str
    seen: str
    zone: str

    @property
    def message(self) -> str:
        """The reason in English."""
        if not self.own:
            return f"nobody connects to the members of zone {self.zone} (connect_to_devices = no)"
        return f"it says it is at {self.own}, but its requests come from {self.seen}: behind a NAT nobody reaches it"

    @property
    def message_zh(self) -> str:
        """The reason in Chinese."""
        if not self.own:
            return f"网络区域 {self.zone} 声明无法主动连接其成员（connect_to_devices = no）"
        return f"设备声明的地址是 {self.own}，而其信令来自 {self.seen}：位于 NAT 之后，无法主动连接"


@dataclass(frozen=True, slots=True)
class MediaWay:
    """How a peer is asked for its media, seen from this node; `behind_nat` is why it cannot be connected to."""

    configured: Transport
    behind_nat: BehindNat | None = None

    @property
    def transport(self) -> Transport:
        """What is asked for: the configured transport, unless nobody could connect."""
        return "tcp_passive" if self.turned is not None else self.configured

    @property
    def turned(self) -> BehindNat | None:
        """Why it is not asked as configured; None: it is."""
        return self.behind_nat if self.configured == "tcp_active" else None


class Reachability:
    """Judges registered peers by their zones."""

    def __init__(self, zone_of: Callable[[Peer], Zone]) -> None:
        self._zone_of = zone_of

    def behind_nat(self, binding: Binding) -> BehindNat | None:
        """Why the peer of a registration cannot be connected to; None: it can, as far as is known."""
        zone, seen = self._zone_of(binding.source), binding.source.host
        if zone.connect_to_devices == "no":
            return BehindNat("", seen, zone.name)
        own = binding.own_host
        if zone.connect_to_devices == "yes" or not own or _plain(own) == _plain(seen):
            return None
        return BehindNat(own, seen, zone.name)


def own_host(request: Request, contact: str) -> str:
    """The address a REGISTER names as its sender's own: that of its Via, else of the Contact value it registers.

    Empty where neither names one, or where the request came through a proxy: then its source is the proxy's.
    """
    try:
        vias = request.vias
    except ParseError:
        return ""
    if len(vias) != 1:
        return ""
    own = _plain(vias[0].host)
    return str(own) if own is not None else named_host(contact)


def named_host(contact: str) -> str:
    """The address in a Contact value; empty where it names none."""
    try:
        uri = NameAddr.parse_many(contact)[0].uri
    except (ParseError, IndexError):
        return ""
    named = _plain(uri.host)
    return str(named) if named is not None else ""


def _plain(host: str) -> IPv4Address | IPv6Address | None:
    """An address that can be compared; None: a name, every address, or one that everybody has (loopback)."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if address.is_unspecified or address.is_loopback else address
