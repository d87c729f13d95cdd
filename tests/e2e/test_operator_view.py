"""An operator at the top of three levels: finds, watches (HTTP and WebSocket), takes a picture, moves the camera.

Every use is in the ledger, and the same view serves several viewers from one call to the camera.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import av
import pytest
import pytest_asyncio

from interop.demo.node import ApiFailure
from tests.e2e.chain import Chain, running_chain

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

CAMERAS = {"H264": "34020100001320000001", "H265": "34020100001320000002"}
GOING, GOING_CHANNEL = "34020100001110000003", "34020100001320000003"
RIGHT_AT_64 = "A50F0101400000F6"
"""PTZ to the right at speed 40h, GB/T 28181-2022 A.3."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    """Three levels with a camera of each codec."""
    async with running_chain(3, tmp_path_factory.mktemp("operator")) as running:
        for codec, channel in CAMERAS.items():
            await running.add_device(channel.replace("00132", "00111"), channel, codec=codec, media="tcp_passive")
        await running.shown_above(*CAMERAS.values())
        yield running


async def read_some(url: str, wanted: int = 60_000) -> bytes:
    """The first bytes of a live MP4."""
    data = b""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "video/mp4"
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) >= wanted:
                return data
    return data


async def read_socket(url: str, fragments: int) -> tuple[dict[str, Any], bytes]:
    """What a browser gets over the WebSocket: a description, then the initialisation segment and fragments."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        described = json.loads(await socket.receive_str(timeout=15))
        parts = [await socket.receive_bytes(timeout=15) for _ in range(fragments)]
        return described, b"".join(parts)


def pictures(mp4: bytes) -> tuple[str, int]:
    """Codec and number of pictures a decoder makes of it."""
    with av.open(io.BytesIO(mp4), format="mp4") as container:
        stream = container.streams.video[0]
        return stream.codec_context.name, sum(1 for _ in container.decode(stream))


async def ledger(chain: Chain, level: int, channel: str) -> list[dict[str, Any]]:
    """What a node noted of the uses of one channel, oldest first."""
    answer = await chain.nodes[level].call("GET", "/api/v1/ledger?limit=200")
    return [entry for entry in reversed(answer["items"]) if entry["code"] == channel]


@pytest.mark.parametrize("codec", CAMERAS)
async def test_an_operator_three_levels_up_watches_and_steers_a_camera(chain: Chain, codec: str) -> None:
    channel = CAMERAS[codec]
    device = chain.devices[channel]
    found = (await chain.top.call("GET", "/api/v1/channels?text=东门"))["items"]
    assert {row["code"] for row in found} == set(CAMERAS.values())
    key = {"peer_id": next(row["peer_id"] for row in found if row["code"] == channel), "code": channel}
    view = await chain.top.call("POST", "/api/v1/views", {**key, "purpose": "case 4711"})
    name, count = pictures(await read_some(view["mp4_url"]))
    assert name == {"H264": "h264", "H265": "hevc"}[codec]
    assert count >= 10
    described, mp4 = await read_socket(view["ws_url"], 12)
    assert described["codec"].startswith({"H264": "avc1", "H265": "hvc1"}[codec])
    assert pictures(mp4)[0] == name
    assert len(device.calls) == 1, "two viewers, one call to the camera"
    jpeg = await chain.top.fetch(f"/api/v1/channels/{key['peer_id']}/{channel}/snapshot")
    with av.open(io.BytesIO(jpeg)) as picture:
        assert picture.streams.video[0].codec_context.name == "mjpeg"
    ptz = {"action": "right", "speed": 64}
    sent = await chain.top.call("POST", f"/api/v1/channels/{key['peer_id']}/{channel}/ptz", ptz)
    assert sent["sent"] == RIGHT_AT_64
    await until(lambda: device.ptz == [RIGHT_AT_64])
    await chain.top.call("DELETE", f"/api/v1/views/{view['id']}")
    await until(lambda: device.calls[0].ended.is_set())
    with pytest.raises(AssertionError):
        await read_some(view["mp4_url"])
    actions = [(entry["action"], entry["result"]) for entry in await ledger(chain, 0, channel)]
    assert ("live", "granted") in actions and ("snapshot", "granted") in actions and ("ptz", "granted") in actions
    assert ("live.ended", "ended") in actions
    below = [(entry["actor_kind"], entry["action"]) for entry in await ledger(chain, 2, channel)]
    assert ("upper", "live") in below and ("upper", "ptz") in below
    assert not device.faults


async def until(ready: Any, tries: int = 100) -> None:
    """Wait for something that is about to happen."""
    for _ in range(tries):
        if ready():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not happen")


async def test_an_offline_camera_is_refused_in_words(chain: Chain) -> None:
    device = await chain.add_device(GOING, GOING_CHANNEL, codec="H264", media="udp")
    await chain.shown_above(GOING_CHANNEL)
    await device.unregister()
    row = await going_off(chain)
    with pytest.raises(ApiFailure) as refused:
        await chain.top.call("POST", "/api/v1/views", {"peer_id": row["peer_id"], "code": GOING_CHANNEL})
    body = refused.value.body
    assert body["step"] in ("rejected", "device_offline")
    assert body["message"] and body["message_zh"] and body["hint"]
    ended = [entry for entry in await ledger(chain, 0, GOING_CHANNEL) if entry["action"] == "live.ended"]
    assert ended and ended[-1]["detail"]["reason"] == body["step"]


async def going_off(chain: Chain) -> dict[str, Any]:
    """Wait until the top hears that the camera went offline; its row there."""
    for _ in range(100):
        rows = (await chain.top.call("GET", "/api/v1/channels?limit=10&text=" + GOING_CHANNEL))["items"]
        if rows and rows[0]["status"] == "OFF":
            return dict(rows[0])
        await asyncio.sleep(0.1)
    raise AssertionError("the top does not hear that the camera went offline")
