"""Calls to RTSP cameras over a restart of the control process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Failure, Reason
from gateway.rtsp.call import RtspCall, RtspTimes
from gateway.rtsp.calls import RtspCalls
from gateway.rtsp.target import RtspTarget
from interop.demo.ports import free_port
from interop.wire.call import WireCall
from media.worker.control import ClosePull, OpenPull
from tests.gateway.signalling.test_live import _close_silently, started_again, stored
from tests.stand.node import running_node
from tests.stand.rtsp_street import RTSP_CHANNEL, RTSP_ID, RTSP_KEY, rtsp_settings, running_rtsp_street
from tests.stand.street import Street, until
from tests.stand.wire_rtsp import WireRtsp


@contextlib.asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[Street, WireRtsp, WireCall]]:
    """A camera that is watched from above; its node may crash, and what is left of it is not stopped again."""
    async with running_rtsp_street(rtsp_settings(folder, sip={"port": free_port()})) as (street, camera):
        stop, stopped = street.node.stop, False

        async def once() -> None:
            nonlocal stopped
            if not stopped:
                stopped = True
                await stop()

        street.node.stop = once  # type: ignore[method-assign]
        above = await street.upper.play(RTSP_CHANNEL)
        await above.first_key()
        await stored(street, 2)
        yield street, camera, above


async def test_without_a_source_worker_there_is_no_call(tmp_path: Path) -> None:
    async with running_node(rtsp_settings(tmp_path, media={"source_workers": 0})) as node:
        calls = RtspCalls(node.environment, node.pool, RtspTimes(), lambda peer, failure: None)
        relay = node.pool.of_kind("relay")

        async def lost(call: RtspCall, failure: Failure) -> None: ...

        with pytest.raises(Failure) as refused:
            calls.make(RtspTarget(RTSP_KEY, "rtsp://x/"), relay, on_lost=lost, on_ended=lambda call: None)
        assert refused.value.reason is Reason.WORKER_LOST and refused.value.channel == RTSP_CHANNEL


async def test_after_a_crash_a_call_whose_leg_and_pull_are_held_goes_on(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, camera, above):
        [before] = street.node.live.lower_calls
        left = await _close_silently(street)
        async with started_again(street, left) as again:
            [call] = again.node.live.lower_calls
            assert isinstance(call, RtspCall) and (call.id, call.ssrc) == (before.id, before.ssrc)
            assert call.up and call.target.url == camera.url and again.node.live.sends(RTSP_ID)
            await above.frames(len(above.units) + 10)
            assert camera.playing == 1 and camera.methods.count("PLAY") == 1
            await above.bye()
            await again.quiet()
            await until(lambda: not camera.playing)


async def test_after_a_crash_a_call_whose_pull_is_gone_ends_and_a_pull_without_owner_is_closed(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, camera, above):
        [call] = street.node.live.lower_calls
        assert isinstance(call, RtspCall)
        source = street.worker("source")
        stray: dict[str, Any] = {"url": camera.url, "ssrc": 1, "destination": ("127.0.0.1", 9)}
        await source.link.call(OpenPull(leg="pull-stray", **stray))
        street.node.live._lower.clear()
        await source.link.call(ClosePull(leg=call.pull))
        left = await _close_silently(street)
        async with started_again(street, left) as again:
            async with asyncio.timeout(5):
                await above.ended.wait()
            assert again.node.live.lower_calls == [] and await again.node.environment.book.records() == []
            assert (await again.worker("source").link.source_stats()).pulls == [] and await again.legs() == []
