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


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Peer("UDP", "192.0.2.1", 5060), True),
        (Peer("UDP", "192.0.2.1", 5061), False),
        (Peer("UDP", "192.0.2.2", 5060), False),
        (Peer("TCP", "192.0.2.1", 5060), False),
    ],
)
def test_over_udp_a_sender_is_its_very_address(other: Peer, same: bool) -> None:
    assert Peer("UDP", "192.0.2.1", 5060).is_sender_of(other) is same


def test_over_tcp_a_sender_is_its_host() -> None:
    assert Peer("TCP", "192.0.2.1", 5060, 1).is_sender_of(Peer("TCP", "192.0.2.1", 40001, 2))
    assert not Peer("TCP", "192.0.2.1", 5060, 1).is_sender_of(Peer("TCP", "192.0.2.9", 5060, 2))
