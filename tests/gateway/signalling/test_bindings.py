"""Live registrations, by peer and by address."""

from __future__ import annotations

from gateway.signalling.bindings import Binding, Bindings, address_key
from sip.aio import Peer

HERE = Peer("UDP", "192.0.2.1", 5060)
THERE = Peer("UDP", "192.0.2.2", 5060)


def binding(peer_id: str, source: Peer = HERE) -> Binding:
    return Binding(peer_id, source, "", 0.0, 3600.0, 0.0)


def test_a_peer_is_found_by_its_id_and_by_its_address() -> None:
    bindings = Bindings()
    assert bindings.bind(binding("a")) is None
    assert bindings.get("a") == binding("a") and bindings.at(HERE) == {"a"} and len(bindings) == 1
    assert bindings.get("b") is None and bindings.at(THERE) == frozenset()


def test_several_peers_may_live_at_one_address() -> None:
    bindings = Bindings()
    bindings.bind(binding("a"))
    bindings.bind(binding("b"))
    assert bindings.at(HERE) == {"a", "b"}
    bindings.unbind("a")
    assert bindings.at(HERE) == {"b"}
    bindings.unbind("b")
    assert bindings.at(HERE) == frozenset() and list(bindings) == []
    assert bindings.unbind("b") is None


def test_a_peer_that_moves_is_no_longer_at_its_old_address() -> None:
    bindings = Bindings()
    old = binding("a")
    bindings.bind(old)
    assert bindings.bind(binding("a", THERE)) == old
    assert bindings.at(HERE) == frozenset() and bindings.at(THERE) == {"a"}


def test_of_a_tcp_peer_only_its_own_connection_counts() -> None:
    bindings = Bindings()
    bindings.bind(binding("a", Peer("TCP", "192.0.2.1", 40000, connection=7)))
    assert bindings.at(Peer("TCP", "192.0.2.1", 40001, connection=7)) == {"a"}
    assert bindings.at(Peer("TCP", "192.0.2.1", 40000, connection=8)) == frozenset()
    assert bindings.at(Peer("UDP", "192.0.2.1", 40000)) == frozenset()
    assert address_key(HERE) == ("UDP", "192.0.2.1", 5060)


def test_hearing_a_peer_moves_its_last_seen_and_nothing_else() -> None:
    bindings = Bindings()
    bindings.bind(binding("a"))
    bindings.heard("a", 9.0)
    bindings.heard("unknown", 9.0)
    [now] = bindings
    assert now.last_seen == 9.0 and now.expires_at == 3600.0 and len(bindings) == 1
