"""Requests that reach us in another network zone than their sender's: named in the log, and refused where anybody could
have written that address.

Over UDP an address proves nothing. A peer of the cameras' network whose datagrams come in from the outside is a forger,
unless it registered there: a registration takes an answer that reached it. Over TCP the connection itself proves it.
"""

from __future__ import annotations

import structlog

from gateway.signalling.bindings import Bindings
from gateway.signalling.peer_zones import PeerZones
from gateway.signalling.trust import Sender
from sip.aio import Incoming

log = structlog.get_logger("zones")


class ZoneGuard:
    """Knows which peers registered in another zone than their own (as many as there are peers, at most)."""

    def __init__(self, zones: PeerZones, bindings: Bindings) -> None:
        self._zones = zones
        self._bindings = bindings
        self._astray: dict[tuple[str, str], list[str]] = {}

    def registered(self, incoming: Incoming) -> None:
        """After a REGISTER was handled: when its sender is bound by it, note where it came in."""
        if not self._zones.zones.several:
            return
        peer_id = incoming.request.from_.uri.user or ""
        binding = self._bindings.get(peer_id)
        if binding is None or binding.source != incoming.source:
            return
        belongs, arrived = self._where(incoming)
        key = (peer_id, incoming.source.transport)
        if belongs in arrived:
            self._astray.pop(key, None)
        elif self._astray.get(key) != arrived:
            self._astray[key] = arrived
            log.warning("registered in another zone than its own", peer=peer_id, zone=belongs, arrived_in=arrived)

    def refuses(self, incoming: Incoming, sender: Sender) -> str | None:
        """Why a request of a known peer is refused; None: it is not."""
        if not self._zones.zones.several:
            return None
        belongs, arrived = self._where(incoming)
        if belongs in arrived:
            return None
        peer_id = sender.lower_id or sender.upper_id or ""
        key = (peer_id, incoming.source.transport)
        if self._astray.get(key) == arrived:
            return None
        if incoming.source.reliable:
            self._astray[key] = arrived
            log.warning("request in another zone than its sender's", peer=peer_id, zone=belongs, arrived_in=arrived)
            return None
        return f"{peer_id} belongs to zone {belongs}, but this came in at zone {' or '.join(arrived) or 'none'}"

    def _where(self, incoming: Incoming) -> tuple[str, list[str]]:
        """The zone of the sender, and those the request came in at."""
        source = incoming.source
        return self._zones.of(source).name, self._zones.at(incoming.local, source.transport)
