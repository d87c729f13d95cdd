"""The streams of a node as the API shows them: one row for each call below, with its readers and counters."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.signalling.stream_status import stream_status
from tests.stand.rtsp_street import RTSP_CHANNEL, RTSP_ID, rtsp_settings, running_rtsp_street
from tests.stand.street import CHANNEL, DEVICE_ID, UPPER_ID, running_street, settings


async def test_a_stream_is_shown_with_what_came_in_and_went_out(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        node = street.node
        assert await stream_status(node.live, node.pool, node.traffic) == []
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(5)
        (row,) = await stream_status(node.live, node.pool, node.traffic)
        assert (row["peer_id"], row["code"], row["state"]) == (DEVICE_ID, CHANNEL, "running")
        assert (row["transport"], row["worker"], row["readers"]) == ("udp", "relay-1", 1)
        assert len(row["ssrc"]) == 10 and row["pull"] is None
        assert row["source"]["packets"] > 0
        assert [sink["upper_id"] for sink in row["sinks"]] == [UPPER_ID]
        assert row["sinks"][0]["packets"] > 0
        await call.bye()
        await street.quiet()


async def test_the_stream_of_an_rtsp_camera_is_shown_with_how_it_is_fetched(tmp_path: Path) -> None:
    async with running_rtsp_street(rtsp_settings(tmp_path)) as (street, _):
        node = street.node
        call = await street.upper.play(RTSP_CHANNEL)
        await call.frames(5)
        (row,) = await stream_status(node.live, node.pool, node.traffic)
        assert (row["peer_id"], row["code"], row["transport"]) == (RTSP_ID, RTSP_CHANNEL, "rtsp_tcp")
        assert (row["pull"]["state"], row["pull"]["video_codec"], row["pull"]["attempts"]) == ("up", "H264", 1)
        assert row["source"]["packets"] > 0 and row["pull"]["units"] >= 5
        await call.bye()
        await street.quiet()


async def test_a_worker_that_is_away_costs_its_counters_only(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        node = street.node
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(3)
        await street.kill_worker()
        rows = await asyncio.wait_for(stream_status(node.live, node.pool, node.traffic), 10)
        assert [row["code"] for row in rows] in ([CHANNEL], [])
        await street.quiet()
