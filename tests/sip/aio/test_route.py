"""Which of our addresses a peer sees."""

from __future__ import annotations

import socket

import pytest

from sip.aio import route
from sip.aio.route import Routes, family_of, is_address
from sip.errors import TransportFailed


def test_our_address_towards_ourselves_is_the_loopback() -> None:
    routes = Routes()
    assert routes.address_towards("127.0.0.1", 0.0) == "127.0.0.1"
    assert routes.address_towards("127.0.0.1", 1.0) == "127.0.0.1"


def test_an_address_is_asked_for_again_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(route, "_ask_kernel", lambda host: asked.append(host) or f"own-{len(asked)}")
    routes = Routes()
    assert [routes.address_towards("peer", now) for now in (0.0, 59.0, 61.0)] == ["own-1", "own-1", "own-2"]


def test_only_so_many_routes_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(route, "_ask_kernel", lambda host: asked.append(host) or "own")
    monkeypatch.setattr(route, "_REMEMBERED", 2)
    routes = Routes()
    for host in ("a", "b", "c", "a"):
        routes.address_towards(host, 0.0)
    assert asked == ["a", "b", "c", "a"]


def test_no_way_to_a_peer_is_a_failed_transport() -> None:
    with pytest.raises(TransportFailed):
        Routes().address_towards("255.255.255.255", 0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("192.0.2.1", True), ("::1", True), ("localhost", False), ("192.0.2", False), ("", False), ("1:2", False)],
)
def test_names_are_told_from_addresses(text: str, expected: bool) -> None:
    assert is_address(text) is expected


def test_the_family_follows_the_address() -> None:
    assert family_of("::1") is socket.AF_INET6
    assert family_of("127.0.0.1") is socket.AF_INET
