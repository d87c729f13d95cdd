"""Requests that come in at another zone than their sender's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.config import Config, SipConfig
from gateway.config_zones import ZoneConfig
from gateway.signalling.bindings import Binding, Bindings
from gateway.signalling.peer_zones import PeerZones
from gateway.signalling.trust import Sender
from gateway.signalling.zone_guard import ZoneGuard
from gateway.store.stores import Stores
from gateway.zones import Zones
from sip.aio import Peer
from tests.gateway.signalling.raw import CAMERA, parsed, request_bytes

INNER, OUTER = ("10.1.0.1", 5060), ("10.2.0.1", 5060)
LOWER = Sender(lower_id=CAMERA)


class Gate:
    """A guard between two cards, and a camera of the inner network."""

    def __init__(self, stores: Stores, **zones: ZoneConfig) -> None:
        config = Config(sip=SipConfig(host=INNER[0]), zones=zones)
        self.bindings = Bindings()
        zoned = PeerZones(Zones(config), stores.devices, stores.uppers, self.bindings, lambda: ())
        self.guard = ZoneGuard(zoned, self.bindings)

    def incoming(self, local: tuple[str, int], transport: str = "UDP", host: str = "10.1.0.9") -> Any:
        request = parsed(request_bytes("REGISTER"))
        return SimpleNamespace(request=request, source=Peer(transport, host, 5060), local=local)

    def register(self, local: tuple[str, int], transport: str = "UDP") -> list[Any]:
        """It registers there; what was logged."""
        incoming = self.incoming(local, transport)
        self.bindings.bind(Binding(CAMERA, incoming.source, "", 0, 3600, 0))
        with capture_logs() as log:
            self.guard.registered(incoming)
        return log


@pytest.fixture
def gate(stores: Stores) -> Gate:
    return Gate(stores, outer=ZoneConfig(networks=("10.2.0.0/16",), sip_host=OUTER[0]))


async def test_without_zones_nothing_is_asked(stores: Stores) -> None:
    alone = Gate(stores)
    assert alone.register(OUTER) == [] and alone.guard.refuses(alone.incoming(OUTER), LOWER) is None


async def test_who_comes_in_where_it_belongs_passes(gate: Gate) -> None:
    assert gate.register(INNER) == []
    assert gate.guard.refuses(gate.incoming(INNER), LOWER) is None
    assert gate.guard.refuses(gate.incoming(OUTER, host="10.2.0.7"), Sender(upper_id="u")) is None


async def test_a_datagram_that_comes_in_elsewhere_is_refused_in_words(gate: Gate) -> None:
    gate.register(INNER)
    problem = gate.guard.refuses(gate.incoming(OUTER), LOWER)
    assert problem == f"{CAMERA} belongs to zone default, but this came in at zone outer"
    assert "at zone none" in (gate.guard.refuses(gate.incoming(("10.9.0.1", 5060)), LOWER) or "")


async def test_who_has_registered_elsewhere_passes_there_and_is_named_once(gate: Gate) -> None:
    [entry] = gate.register(OUTER)
    assert (entry["peer"], entry["zone"], entry["arrived_in"]) == (CAMERA, "default", ["outer"])
    assert gate.guard.refuses(gate.incoming(OUTER), LOWER) is None and gate.register(OUTER) == []
    gate.register(INNER)
    assert gate.guard.refuses(gate.incoming(OUTER), LOWER) is not None


async def test_a_connection_proves_its_address_and_is_named_once(gate: Gate) -> None:
    with capture_logs() as log:
        assert [gate.guard.refuses(gate.incoming(OUTER, "TCP"), LOWER) for _ in range(2)] == [None, None]
    assert [entry["arrived_in"] for entry in log] == [["outer"]]
    assert gate.guard.refuses(gate.incoming(OUTER), LOWER) is not None  # which proves nothing over UDP


async def test_a_registration_that_was_not_granted_proves_nothing(gate: Gate) -> None:
    gate.guard.registered(gate.incoming(OUTER))
    assert gate.guard.refuses(gate.incoming(OUTER), LOWER) is not None
