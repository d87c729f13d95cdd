"""Cameras that speak RTSP only, on a running node."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.stand.rtsp_street import RTSP_CHANNEL, RTSP_ID, RTSP_KEY, rtsp_settings, running_rtsp_street
from tests.stand.street import until
from tests.stand.wire_rtsp import WireRtsp


async def test_a_camera_is_asked_shown_above_and_counted(tmp_path: Path) -> None:
    made = rtsp_settings(tmp_path, rtsp={"probe_seconds": 0.2})
    async with running_rtsp_street(made, camera=WireRtsp(password="s3cret")) as (street, camera):
        node = street.node
        await until(lambda: node.rtsp.sources.state_of(RTSP_ID).online)
        assert b'gbgateway_rtsp_cameras{state="online"} 1.0' in node.metrics.exposition()
        async with street.api() as api:
            status, shown = await api.call("GET", f"/api/v1/devices/{RTSP_ID}")
            assert status == 200 and shown["online"] and shown["source"]["video_codec"] == "H264"
        await camera.close()
        await until(lambda: node.rtsp.sources.state_of(RTSP_ID).online is False)
        async with asyncio.timeout(10):
            while (await node.catalog.get(*RTSP_KEY)).effective.status != "OFF":
                await asyncio.sleep(0.02)
        answer = await street.upper.catalog(node.config.node.id)
        [item] = [item for item in answer.items if item["DeviceID"] == RTSP_CHANNEL]
        assert item["Status"] == "OFF" and not item.get("IPAddress")


async def test_a_camera_that_is_always_on_runs_without_a_viewer_and_stops_with_the_node(tmp_path: Path) -> None:
    camera = WireRtsp()
    async with running_rtsp_street(rtsp_settings(tmp_path), camera=camera, always_on=True) as (street, _):
        await until(lambda: camera.playing)
        above = await street.upper.play(RTSP_CHANNEL)
        await above.first_key()
        await above.bye()
        await asyncio.sleep(0)
        assert camera.methods.count("PLAY") == 1 and street.node.live.sends(RTSP_ID)
        await street.node.stores.devices.update(RTSP_ID, always_on=False)
        await until(lambda: not camera.playing)


async def test_a_key_frame_is_not_asked_of_a_camera_that_cannot_be_asked(tmp_path: Path) -> None:
    async with running_rtsp_street(rtsp_settings(tmp_path)) as (street, _):
        asked: list[object] = []
        street.node.live._want_key_frame = asked.append  # type: ignore[assignment]
        above = await street.upper.play(RTSP_CHANNEL, transport="tcp_passive")
        await above.frames(10)
        assert asked == []
        await above.bye()
