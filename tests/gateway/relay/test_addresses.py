"""Media addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.config import Config, MediaConfig, SipConfig
from gateway.config_zones import ZoneConfig
from gateway.errors import Reason
from gateway.relay.addresses import NodeMediaAddresses, connect_failure, stream_base, usable_ip
from gateway.relay.pool import WorkerSpec
from gateway.zones import Zones
from media.worker.control import ConnectFailed, SendFailed
from sip.aio import Peer, SipStack

PEER = Peer("UDP", "127.0.0.1", 5060)


@pytest.fixture
async def stack() -> AsyncIterator[SipStack]:
    made = SipStack(user_agent="test", on_request=lambda incoming: None)
    await made.listen("UDP", "0.0.0.0", 0)
    yield made
    await made.close()


def alone(stack: SipStack, media: MediaConfig) -> NodeMediaAddresses:
    """The addresses of a node without zones."""
    zones = Zones(Config(media=media))
    return NodeMediaAddresses(lambda peer: zones.default, stack)


async def test_the_configured_address_is_told(stack: SipStack) -> None:
    addresses = alone(stack, MediaConfig(host="10.0.0.5", advertised_host="203.0.113.7"))
    assert (addresses.bind_host(PEER), addresses.advertised_host(PEER)) == ("10.0.0.5", "203.0.113.7")
    assert addresses.ports(PEER, WorkerSpec("relay", "relay-1", "")) is None


async def test_else_the_bound_address(stack: SipStack) -> None:
    assert alone(stack, MediaConfig(host="127.0.0.3")).advertised_host(PEER) == "127.0.0.3"


async def test_else_the_address_of_the_route_to_the_peer(stack: SipStack) -> None:
    assert alone(stack, MediaConfig(host="0.0.0.0")).advertised_host(PEER) == "127.0.0.1"


async def test_each_peer_is_told_the_addresses_of_its_zone_and_each_worker_has_a_share_of_its_ports(
    stack: SipStack,
) -> None:
    outside = ZoneConfig(
        networks=("198.51.100.0/24",), sip_host="10.9.0.2", sip_advertised_host="203.0.113.7", port_min=40000,
        port_max=40399,
    )  # fmt: skip
    here = "10.0.0.5"
    zones = Zones(Config(sip=SipConfig(host=here), media=MediaConfig(host=here), zones={"outside": outside}))
    addresses = NodeMediaAddresses(lambda peer: zones.of_host(peer.host), stack, workers=2)
    inner, outer = Peer("UDP", "10.0.0.77", 5060), Peer("UDP", "198.51.100.9", 5060)
    second = WorkerSpec("relay", "relay-2", "", (), 1)
    shown = [
        (addresses.bind_host(peer), addresses.advertised_host(peer), addresses.ports(peer, second))
        for peer in (inner, outer)
    ]
    assert shown == [(here, here, None), ("10.9.0.2", "203.0.113.7", (40200, 40399))]


def test_who_is_behind_a_nat_is_told_from_who_does_not_listen() -> None:
    refused = ConnectFailed(leg="in", remote=("203.0.113.7", 9000), error="connection refused")
    plain = connect_failure(refused, "203.0.113.7")
    assert plain.reason is Reason.CONNECT_FAILED and plain.detail == "203.0.113.7:9000: connection refused"
    hidden = connect_failure(
        ConnectFailed(leg="in", remote=("192.168.1.9", 9000), error="unreachable"), "203.0.113.7", "c"
    )
    assert hidden.detail.startswith("192.168.1.9:9000: unreachable; it names 192.168.1.9, but its requests come from")
    unsent = connect_failure(SendFailed(leg="out", remote=("192.168.1.9", 9000), error="no route"), "203.0.113.7")
    assert unsent.reason is Reason.MEDIA_UNREACHABLE and "forward its media ports" in unsent.detail
    assert "203.0.113.7: behind a NAT" in hidden.detail and "NAT" in hidden.message_zh and hidden.channel == "c"


@pytest.mark.parametrize(
    ("host", "usable"),
    [("192.0.2.1", "192.0.2.1"), ("0.0.0.0", None), ("::", None), ("camera.local", None), ("", None), (None, None)],
)
def test_only_a_real_address_can_be_compared_with_packets(host: str | None, usable: str | None) -> None:
    assert usable_ip(host) == usable


@pytest.mark.parametrize(
    ("media", "base"),
    [
        (MediaConfig(public_url="https://video.example/w{port}/"), "https://video.example/w8081"),
        (MediaConfig(public_url="https://video.example"), "https://video.example"),
        (MediaConfig(http_host="10.0.0.5"), "http://10.0.0.5:8081"),
        (MediaConfig(http_host="0.0.0.0"), "http://node.example:8081"),
        (MediaConfig(http_host="2001:db8::5"), "http://[2001:db8::5]:8081"),
    ],
)
def test_viewers_are_sent_to_the_public_address_else_to_where_they_reached_us(media: MediaConfig, base: str) -> None:
    assert stream_base(media.public_url, media.http_host, 8081, "node.example") == base
