"""Media addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.config import MediaConfig
from gateway.relay.addresses import NodeMediaAddresses, stream_base, usable_ip
from sip.aio import Peer, SipStack

PEER = Peer("UDP", "127.0.0.1", 5060)


@pytest.fixture
async def stack() -> AsyncIterator[SipStack]:
    made = SipStack(user_agent="test", on_request=lambda incoming: None)
    await made.listen("UDP", "0.0.0.0", 0)
    yield made
    await made.close()


async def test_the_configured_address_is_told(stack: SipStack) -> None:
    addresses = NodeMediaAddresses(MediaConfig(host="10.0.0.5", advertised_host="203.0.113.7"), stack)
    assert (addresses.bind_host(), addresses.advertised_host(PEER)) == ("10.0.0.5", "203.0.113.7")


async def test_else_the_bound_address(stack: SipStack) -> None:
    assert NodeMediaAddresses(MediaConfig(host="127.0.0.3"), stack).advertised_host(PEER) == "127.0.0.3"


async def test_else_the_address_of_the_route_to_the_peer(stack: SipStack) -> None:
    assert NodeMediaAddresses(MediaConfig(host="0.0.0.0"), stack).advertised_host(PEER) == "127.0.0.1"


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
    assert stream_base(media, 8081, "node.example") == base
