"""The network zone (网络区域) of each peer, and with it the SIP address that requests to the peer leave from.

A device or upper platform belongs to the zone it is given, else to that of the longest network its address is in, else
to the default zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from gateway.signalling.bindings import Bindings
from gateway.signalling.trust import UpperAddress
from gateway.store.devices import Devices
from gateway.store.uppers import Uppers
from gateway.zones import Zone, ZoneNotListening, Zones
from sip.aio import Peer, SipStack, WayOut

log = structlog.get_logger("zones")


class PeerZones:
    """Zones joined with the peers as configured and as registered."""

    def __init__(
        self,
        zones: Zones,
        devices: Devices,
        uppers: Uppers,
        bindings: Bindings,
        upper_addresses: Callable[[], Iterable[UpperAddress]],
    ) -> None:
        self.zones = zones
        self._devices = devices
        self._uppers = uppers
        self._bindings = bindings
        self._upper_addresses = upper_addresses
        self._bound: dict[tuple[str, int], int] = {}
        """The port that each configured SIP address got; they differ where a free one was asked for."""

    async def listen(self, stack: SipStack, transports: Iterable[str]) -> int:
        """Listen on the SIP addresses of all zones, once on each; the port of the default zone.

        Raises ZoneNotListening.
        """
        wanted = [transport.upper() for transport in transports]
        for zone in self.zones.all():
            host, port = zone.sip_host, zone.sip_port
            if (host, port) not in self._bound:
                shown = zone.sip_advertised_host or None
                try:
                    bound = await stack.listen_on_one_number(wanted, host, port, advertised_host=shown)
                except OSError as error:
                    raise ZoneNotListening(zone, error) from error
                self._bound[host, port] = bound
        self._name_unknown_zones()
        return self.port(self.zones.default)

    def port(self, zone: Zone) -> int:
        """The SIP port of a zone."""
        return self._bound.get((zone.sip_host, zone.sip_port), zone.sip_port)

    def of(self, peer: Peer) -> Zone:
        """The zone of whoever is registered or configured at an address, else of the address itself."""
        if not self.zones.several:
            return self.zones.default
        for name in self._given(peer):
            zone = self.zones.get(name) if name is not None else None
            if zone is not None:
                return zone
        return self.zones.of_host(peer.host)

    def _given(self, peer: Peer) -> Iterable[str | None]:
        for peer_id in self._bindings.at(peer):
            device = self._devices.get(peer_id)
            yield device.zone if device is not None else None
        for address in self._upper_addresses():
            if address.matches(peer):
                upper = self._uppers.get(address.upper_id)
                yield upper.zone if upper is not None else None

    def way_out(self, peer: Peer) -> WayOut | None:
        """The policy of the SIP stack: requests leave from the address of the peer's zone."""
        if not self.zones.several:
            return None
        zone = self.of(peer)
        return WayOut(zone.sip_host, self.port(zone), zone.sip_advertised_host or None)

    def at(self, local: tuple[str, int], transport: str) -> list[str]:
        """The zones that have a SIP address: more than one where they share it."""
        return [zone.name for zone in self.zones.all() if self._has(zone, local, transport)]

    def _has(self, zone: Zone, local: tuple[str, int], transport: str) -> bool:
        if transport == "UDP":
            return local == (zone.sip_host, self.port(zone))
        # A connection we made has a port of its own; an accepted one has the very address it came to.
        return zone.sip_host in (local[0], "0.0.0.0", "::")

    def _name_unknown_zones(self) -> None:
        """Zones that went from the configuration while peers are still given to them."""
        for record in (*self._devices, *self._uppers):
            if record.zone is not None and self.zones.get(record.zone) is None:
                log.warning("unknown zone", peer=record.id, zone=record.zone, known=self.zones.names)
