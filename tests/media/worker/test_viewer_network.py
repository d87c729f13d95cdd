"""Viewers of several networks: whose address and ports they are told."""

from __future__ import annotations

import pytest

from interop.demo.ports import free_range
from media.worker.viewer_network import ViewerNetwork, ViewerNetworks

HOME, OTHER = "127.0.0.1", "127.0.0.2"
WIDE = ViewerNetwork(bind=OTHER, networks=("10.0.0.0/8", "2001:db8::/32"))
NARROW = ViewerNetwork(bind="127.0.0.3", networks=("10.9.0.0/16",))


def told(networks: ViewerNetworks, viewer: str, seen: str, own: tuple[str, ...]) -> list[str]:
    """The addresses a viewer is told."""
    opened = networks.open(viewer, seen, own)
    for one in opened:
        one.sock.close()
    return [one.told for one in opened]


def test_a_network_is_written_and_read_as_json() -> None:
    network = ViewerNetwork("10.2.0.1", ("203.0.113.7",), (41000, 41999), ("10.2.0.0/16",))
    text = network.to_text()
    assert text == ('{"bind":"10.2.0.1","hosts":["203.0.113.7"],"ports":[41000,41999],"networks":["10.2.0.0/16"]}')
    assert ViewerNetwork.parse(text) == network and ViewerNetwork.parse("{}") == ViewerNetwork()


@pytest.mark.parametrize("text", ["", "[]", '{"bind": 3}', '{"more": ""}', '{"networks": ["10.2.0.1/16"]}'])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ViewerNetwork.parse(text)


@pytest.mark.parametrize(
    ("viewer", "network"),
    [
        ("10.8.0.1", WIDE),
        ("10.9.0.1", NARROW),
        ("2001:db8::9", WIDE),
        ("::ffff:10.9.0.1", NARROW),
        ("192.0.2.1", None),
        ("", None),
        ("pc", None),
    ],
)
def test_the_longest_prefix_decides(viewer: str, network: ViewerNetwork | None) -> None:
    usual = ViewerNetwork(bind=HOME)
    assert ViewerNetworks(usual, [WIDE, NARROW]).of(viewer) == (network or usual)
    assert ViewerNetworks(usual).of(viewer) == usual


def test_each_viewer_gets_address_and_ports_of_his_network() -> None:
    first, last = free_range(2, set())
    behind_nat = ViewerNetwork(OTHER, ("203.0.113.7",), (first, last), ("10.2.0.0/16",))
    networks = ViewerNetworks(ViewerNetwork(HOME), [behind_nat])
    (home,) = networks.open("192.0.2.1", HOME, [])
    (other,) = networks.open("10.2.0.9", OTHER, [])
    assert (home.told, home.sock.getsockname()[0]) == (HOME, HOME)
    assert (other.told, other.sock.getsockname()) == ("203.0.113.7", (OTHER, last))
    for one in (home, other):
        one.sock.close()


def test_where_media_binds_to_every_address_the_cards_of_other_networks_are_not_told() -> None:
    cards = (HOME, OTHER, "127.0.0.3", "127.0.0.4")
    networks = ViewerNetworks(ViewerNetwork("0.0.0.0"), [WIDE, NARROW])
    assert told(networks, "192.0.2.1", HOME, cards) == [HOME, "127.0.0.4"]
    # Whoever reached us there is told so, whatever zone that card is of.
    assert told(networks, "192.0.2.1", OTHER, cards) == [OTHER, HOME, "127.0.0.4"]
    assert told(networks, "10.8.0.1", OTHER, cards) == [OTHER]
