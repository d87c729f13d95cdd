"""Viewers on both sides of a gateway with two network cards: each gets the page, the pictures and the WebRTC candidates
at the address of his own zone, and nothing of the other's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.stand.places import PLACES
from tests.stand.zone_world import (
    DEFAULT_PORTS,
    DEVICE_CARD,
    HIDDEN_CARD,
    UPPER_CARD,
    UPPER_PORTS,
    World,
    channel_of,
    device_id,
    running,
)

pytestmark = [pytest.mark.e2e, pytest.mark.netns, pytest.mark.timeout(120)]


@dataclass
class Side:
    """One side's viewer: the address of the gateway there, and the ports of the zone."""

    name: str
    card: str
    ports: range


SIDES = [Side("below", DEVICE_CARD, DEFAULT_PORTS), Side("above", UPPER_CARD, UPPER_PORTS)]


@pytest.fixture(scope="module", params=["two cards", "gateway behind NAT"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(PLACES[request.param], tmp_path_factory.mktemp("viewers")) as made:
        yield made


each_side = pytest.mark.parametrize("side", SIDES, ids=[side.name for side in SIDES])


@contextlib.asynccontextmanager
async def viewing(world: World, side: Side) -> AsyncIterator[tuple[aiohttp.ClientSession, dict[str, Any]]]:
    """A view opened over the API at the card of that side."""
    base = f"http://{side.card}:{world.node.http_port}"
    async with aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {world.node.token}"}) as http:
        body = {"peer_id": device_id(0), "code": channel_of("udp")}
        async with http.post("/api/v1/views", json=body) as reply:
            view = await reply.json()
            assert reply.status == 201, view
        try:
            yield http, view
        finally:
            async with http.delete(f"/api/v1/views/{view['id']}") as reply:
                assert reply.status == 204


def at(world: World, side: Side, work: Any) -> Any:
    return getattr(world, side.name).run(work)


@each_side
def test_every_url_of_a_view_is_at_the_address_of_the_viewers_zone(world: World, side: Side) -> None:
    async def urls() -> tuple[dict[str, Any], str]:
        async with viewing(world, side) as (http, view), http.get("/") as page:
            return view, page.headers["Content-Security-Policy"]

    view, policy = at(world, side, urls())
    for name in ("mp4_url", "ws_url", "whep_url"):
        assert urlsplit(view[name]).netloc == f"{side.card}:{world.node.stream_port}", name
    other = next(one.card for one in SIDES if one is not side)
    assert f"ws://{side.card}:" in policy and other not in policy and HIDDEN_CARD not in policy


@each_side
def test_frames_come_over_http_and_websocket_and_a_snapshot_is_taken(world: World, side: Side) -> None:
    async def watch() -> tuple[bytes, list[bytes], bytes]:
        async with viewing(world, side) as (http, view), aiohttp.ClientSession() as plain:
            async with plain.ws_connect(view["ws_url"]) as socket:
                messages = []
                while len(messages) < 6:
                    message = await socket.receive(20)
                    if message.type is aiohttp.WSMsgType.BINARY:
                        messages.append(message.data)
            async with plain.get(view["mp4_url"]) as video:
                mp4 = await video.content.readexactly(20_000)
            async with http.get(f"/api/v1/channels/{device_id(0)}/{channel_of('udp')}/snapshot") as picture:
                assert picture.status == 200
                return mp4, messages, await picture.read()

    mp4, messages, picture = at(world, side, watch())
    assert messages[0][4:8] == b"ftyp" and sum(message[4:8] == b"moof" for message in messages) >= 3
    assert mp4[4:8] == b"ftyp" and b"moof" in mp4 and picture[:2] == b"\xff\xd8"


async def play(world: World, side: Side) -> tuple[str, int]:
    """The answer to a WHEP offer, and how many decoded pictures came of it."""
    async with viewing(world, side) as (http, view):
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            peer.addTransceiver("video", direction="recvonly")
            await peer.setLocalDescription(await peer.createOffer())
            sent = {"data": peer.localDescription.sdp, "headers": {"Content-Type": "application/sdp"}}
            async with http.post(view["whep_url"], **sent) as reply:
                answer = await reply.text()
                assert reply.status == 201, answer
                session = f"{view['whep_url'].partition('/whep/')[0]}/whep/{reply.headers['Location']}"
            await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
            (receiver,) = peer.getReceivers()
            seen = {(await asyncio.wait_for(receiver.track.recv(), 20)).to_ndarray().tobytes() for _ in range(12)}
            async with http.delete(session) as reply:
                assert reply.status == 200
            return answer, len(seen)
        finally:
            await peer.close()


@each_side
def test_webrtc_has_the_candidates_of_the_viewers_zone_alone(world: World, side: Side) -> None:
    answer, pictures = at(world, side, play(world, side))
    candidates = [line.split() for line in answer.splitlines() if line.startswith("a=candidate:")]
    assert {parts[4] for parts in candidates} == {side.card}
    assert all(int(parts[5]) in side.ports for parts in candidates)
    assert pictures > 3
