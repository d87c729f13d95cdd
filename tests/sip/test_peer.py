"""Peers."""

from __future__ import annotations

import pytest

from sip.peer import Peer


@pytest.mark.parametrize(
    ("peer", "text", "reliable"),
    [
        (Peer("UDP", "192.0.2.1", 5060), "udp:192.0.2.1:5060", False),
        (Peer("TCP", "2001:db8::1", 5060, 3), "tcp:[2001:db8::1]:5060", True),
    ],
)
def test_a_peer_says_where_it_is_and_whether_its_transport_repeats(peer: Peer, text: str, reliable: bool) -> None:
    assert str(peer) == text
    assert peer.reliable is reliable


def test_peers_of_different_connections_differ() -> None:
    assert Peer("TCP", "192.0.2.1", 5060, 1) != Peer("TCP", "192.0.2.1", 5060, 2)
    assert len({Peer("TCP", "192.0.2.1", 5060), Peer("TCP", "192.0.2.1", 5060)}) == 1
