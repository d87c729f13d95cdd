"""Who sent this: only a live registration or a configured address makes a sender."""

from __future__ import annotations

import pytest

from gateway.signalling.bindings import Binding, Bindings
from gateway.signalling.trust import Sender, UpperAddress, identify
from sip.aio import Peer
from tests.gateway.signalling.raw import CAMERA, LOWER, UPPER

CAMERA_AT = Peer("UDP", "192.0.2.1", 5060)
UPPER_AT = Peer("UDP", "192.0.2.99", 5060)
UPPERS = [UpperAddress(UPPER, "UDP", "192.0.2.99", 5060, also=("192.0.2.98", "192.0.2.97:5070"))]


@pytest.fixture
def bindings() -> Bindings:
    known = Bindings()
    known.bind(Binding(CAMERA, CAMERA_AT, "", 0, 3600, 0))
    return known


def test_a_registered_peer_is_known_by_its_address_whatever_its_from_header_says(bindings: Bindings) -> None:
    assert identify(CAMERA_AT, CAMERA, bindings, UPPERS) == Sender(lower_id=CAMERA)
    assert identify(CAMERA_AT, "34020000001320000077", bindings, UPPERS) == Sender(lower_id=CAMERA)
    assert identify(CAMERA_AT, UPPER, bindings, UPPERS) == Sender(lower_id=CAMERA)


@pytest.mark.parametrize(
    "source",
    [
        Peer("UDP", "192.0.2.1", 5061),
        Peer("UDP", "192.0.2.2", 5060),
        Peer("TCP", "192.0.2.1", 5060, connection=3),
        Peer("UDP", "192.0.2.99", 5061),
        Peer("TCP", "192.0.2.99", 5060, connection=4),
        Peer("UDP", "192.0.2.97", 5060),
    ],
)
def test_a_name_alone_makes_nobody_a_peer(bindings: Bindings, source: Peer) -> None:
    for claimed in (CAMERA, UPPER, LOWER, ""):
        assert identify(source, claimed, bindings, UPPERS).stranger


def test_an_upper_platform_may_send_from_its_own_and_its_configured_addresses(bindings: Bindings) -> None:
    for source in (UPPER_AT, Peer("UDP", "192.0.2.98", 1234), Peer("UDP", "192.0.2.97", 5070)):
        assert identify(source, UPPER, bindings, UPPERS) == Sender(upper_id=UPPER)


def test_a_platform_reached_over_tcp_may_open_connections_from_any_port(bindings: Bindings) -> None:
    over_tcp = [UpperAddress(UPPER, "TCP", "192.0.2.99", 5060)]
    assert identify(Peer("TCP", "192.0.2.99", 51234, connection=1), UPPER, bindings, over_tcp).upper_id == UPPER
    assert identify(Peer("TCP", "192.0.2.90", 51234, connection=2), UPPER, bindings, over_tcp).stranger
    assert identify(Peer("UDP", "192.0.2.99", 5060), UPPER, bindings, over_tcp).stranger


def test_among_several_peers_at_one_address_the_from_header_chooses_and_nothing_is_guessed(bindings: Bindings) -> None:
    bindings.bind(Binding(LOWER, CAMERA_AT, "", 0, 3600, 0))
    assert identify(CAMERA_AT, LOWER, bindings, UPPERS).lower_id == LOWER
    assert identify(CAMERA_AT, CAMERA, bindings, UPPERS).lower_id == CAMERA
    assert identify(CAMERA_AT, "34020000001320000077", bindings, UPPERS).stranger
    twins = [UpperAddress(UPPER, "UDP", "192.0.2.99", 5060), UpperAddress("other", "UDP", "192.0.2.99", 5060)]
    assert identify(UPPER_AT, "other", bindings, twins).upper_id == "other"
    assert identify(UPPER_AT, "somebody", bindings, twins).stranger


def test_two_platforms_that_register_with_each_other_have_both_roles(bindings: Bindings) -> None:
    bindings.bind(Binding(UPPER, UPPER_AT, "", 0, 3600, 0))
    assert identify(UPPER_AT, UPPER, bindings, UPPERS) == Sender(lower_id=UPPER, upper_id=UPPER)
