"""Calls to an RTSP camera on a running node: hand-written camera below, hand-written platform above."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Failure, Reason
from gateway.rtsp import call as module
from gateway.rtsp.call import RtspCall
from interop.wire.sipwire import WireRefused
from media.worker.control import (
    CloseLeg,
    ClosePull,
    FirstPacket,
    LegClosed,
    PullFailed,
    SourceSilent,
)
from tests.stand.rtsp_street import RTSP_CHANNEL, RTSP_ID, RTSP_KEY, rtsp_settings, running_rtsp_street
from tests.stand.street import Street, until
from tests.stand.wire_rtsp import WireRtsp


@contextlib.asynccontextmanager
async def watched(folder: Path, **options: Any) -> AsyncIterator[tuple[Street, WireRtsp, RtspCall, Any]]:
    """A street whose camera somebody above watches."""
    async with running_rtsp_street(rtsp_settings(folder, **options)) as (street, camera):
        above = await street.upper.play(RTSP_CHANNEL)
        await above.first_key()
        [call] = street.node.live.lower_calls
        assert isinstance(call, RtspCall)
        yield street, camera, call, above


async def pulls(street: Street) -> list[str]:
    return [pull.leg for pull in (await street.worker("source").link.source_stats()).pulls]


def ended(street: Street) -> list[str]:
    """Why calls to cameras were lost; what became of the calls from above is not asked here."""
    below = [trace for trace in street.node.ladder.recent() if any(one.startswith("pull-") for one in trace.call_ids)]
    return [step.details["step"] for trace in below for step in trace.steps if step.what == "lost"]


async def test_a_camera_is_called_when_somebody_watches_and_left_when_nobody_does(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, camera, call, above):
        assert call.up and call.established and not call.takes_commands and call.route_path == ""
        assert call.target.url == camera.url and street.node.live.sends(RTSP_ID)
        assert await pulls(street) == [call.pull] and sorted(await street.legs())[0] == call.source_leg
        assert [worker.load for worker in street.node.pool.workers if worker.spec.kind != "stream"] == [1, 1]
        second = await street.upper.play(RTSP_CHANNEL, transport="tcp_passive")
        await second.frames(5)
        assert camera.playing == 1, "two viewers, one call to the camera"
        await above.bye()
        await second.bye()
        await street.quiet()
        assert await pulls(street) == [] and await street.legs() == [] and not call.up
        await until(lambda: not camera.playing)
        await street.node.reconciler.round()
        assert (await street.node.reconciler.round()).leaked == {"leg": 0, "input": 0, "view": 0, "ssrc": 0}


async def test_its_trace_tells_what_happened(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, _, call, above):
        trace = street.node.ladder.get(call.id)
        assert trace is not None and trace.stream == str(RTSP_KEY)
        steps = [step.what for step in trace.steps]
        assert steps[:2] == ["dialog", "media port open"]
        assert {"camera answered", "first packet", "first key frame"} <= set(steps)
        await above.bye()


@pytest.mark.parametrize(
    ("camera", "reason"),
    [
        (WireRtsp(status="404 Not Found"), Reason.RTSP_NO_SUCH_PATH),
        (WireRtsp(password="right"), Reason.RTSP_REFUSED_PASSWORD),
    ],
    ids=["path", "password"],
)
async def test_a_camera_that_refuses_is_told_apart_and_nothing_is_left_of_the_call(
    tmp_path: Path, camera: WireRtsp, reason: Reason
) -> None:
    async with running_rtsp_street(rtsp_settings(tmp_path), camera=camera) as (street, _):
        await street.node.stores.devices.update(RTSP_ID, username="x")
        with pytest.raises(Failure) as refused:
            await street.node.live.hub.attach(await street.grant(key=RTSP_KEY), "me", _ignored)
        assert (refused.value.reason, refused.value.peer_id, refused.value.channel) == (reason, *RTSP_KEY)
        with pytest.raises(WireRefused) as answered:
            await street.upper.play(RTSP_CHANNEL)
        assert answered.value.status == 480
        assert await pulls(street) == [] and await street.legs() == [] and not street.node.live.lower_calls
        assert street.node.rtsp.sources.state_of(RTSP_ID).failure.reason is reason


async def _ignored(failure: Failure) -> None: ...


async def test_a_camera_that_says_nothing_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(nothing, "127.0.0.1", 0)
    url = f"rtsp://127.0.0.1:{silent.sockets[0].getsockname()[1]}/"
    monkeypatch.setattr(module, "MARGIN_S", -0.8)
    made = rtsp_settings(tmp_path, rtsp={"answer_seconds": 1.0})
    async with running_rtsp_street(made, url=url) as (street, _):
        with pytest.raises(Failure) as refused:
            await street.node.live.hub.attach(await street.grant(key=RTSP_KEY), "me", _ignored)
        assert refused.value.reason is Reason.RTSP_NO_ANSWER
        assert await pulls(street) == []
    silent.close()


async def test_a_short_break_is_bridged_and_the_viewers_stay(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, camera, call, above):
        camera.cut()
        await until(lambda: not call.up)
        assert not street.node.live.sends(RTSP_ID)
        await until(lambda: call.up)
        before = len(above.units)
        await above.frames(before + 5)
        assert not above.faults and not above.ended.is_set()
        trace = street.node.ladder.get(call.id)
        assert trace is not None
        assert [step.what for step in trace.steps][-2:] == ["camera broke off", "camera is back"]


async def test_a_camera_that_stays_away_ends_the_call_with_its_own_reason(tmp_path: Path) -> None:
    async with watched(tmp_path, media={"silent_seconds": 5.0}) as (street, camera, _, above):
        await camera.close()
        await asyncio.wait_for(above.ended.wait(), 15)
        assert ended(street) == ["rtsp_refused_connection"]
        state = street.node.rtsp.sources.state_of(RTSP_ID)
        assert state.online is False and state.failure.reason is Reason.RTSP_REFUSED_CONNECTION
        await street.quiet()
        assert await pulls(street) == []
        await camera.open()
        again = await street.upper.play(RTSP_CHANNEL)
        await again.first_key()
        assert street.node.rtsp.sources.state_of(RTSP_ID).online is True


async def test_a_pull_that_is_over_and_a_break_that_lasts_end_the_call(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, _, call, above):
        call.media_event(PullFailed(leg=call.pull, reason="ended", detail="", retry_in_s=1.0))
        assert not call.up
        call._interrupted_at -= 100
        call.media_event(PullFailed(leg=call.pull, reason="stalled", detail="", retry_in_s=30.0))
        call.media_event(PullFailed(leg=call.pull, reason="ended", detail="", retry_in_s=None))
        await asyncio.wait_for(above.ended.wait(), 10)
        assert ended(street) == ["rtsp_stalled"], "the first reason is the one that counts"


@pytest.mark.parametrize(
    ("event", "step"),
    [
        (SourceSilent(leg="", silent_s=15.0), "stream_lost"),
        (LegClosed(leg="", reason="gone"), "worker_lost"),
    ],
)
async def test_a_leg_that_is_silent_or_gone_ends_the_call(tmp_path: Path, event: Any, step: str) -> None:
    async with watched(tmp_path) as (street, _, call, above):
        call.media_event(SourceSilent(leg="", silent_s=5.0))
        call.media_event(FirstPacket(leg="", ssrc=1, remote=("127.0.0.1", 1), payload_type=96))
        assert call.up
        call.media_event(event)
        await asyncio.wait_for(above.ended.wait(), 10)
        assert ended(street) == [step]
        assert street.node.rtsp.sources.state_of(RTSP_ID).online is (step == "worker_lost")


@pytest.mark.parametrize("kind", ["source", "relay"])
async def test_a_lost_worker_ends_the_call_and_the_next_one_finds_its_successor(tmp_path: Path, kind: str) -> None:
    async with watched(tmp_path) as (street, _, _, above):
        await street.kill_worker(kind)
        await asyncio.wait_for(above.ended.wait(), 10)
        assert ended(street) == ["worker_lost"]
        await until(lambda: street.worker(kind).connected)
        again = await street.upper.play(RTSP_CHANNEL)
        await again.first_key()


async def test_a_leg_that_vanished_from_its_worker_is_missed(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, _, call, above):
        call.media_event = lambda event: None  # type: ignore[method-assign]  # the worker's own news got lost
        await street.worker("source").link.call(ClosePull(leg=call.pull))
        await street.node.reconciler.round()
        assert (await street.node.reconciler.round()).missing == 1
        await asyncio.wait_for(above.ended.wait(), 10)


async def test_no_leg_or_no_pull_means_no_call(tmp_path: Path) -> None:
    async with running_rtsp_street(rtsp_settings(tmp_path)) as (street, _):
        grant = await street.grant(key=RTSP_KEY)
        source = street.worker("source")
        connected, source.client = source.client, None
        with pytest.raises(Failure) as refused:
            await street.node.live.hub.attach(grant, "me", _ignored)
        assert refused.value.reason is Reason.WORKER_LOST
        source.client = connected
        await street.node.stores.devices.update(RTSP_ID, url="http://never/")  # past the API's own look
        with pytest.raises(Failure) as refused:
            await street.node.live.hub.attach(grant, "me", _ignored)
        assert refused.value.reason is Reason.BUSY and await street.legs() == []


async def test_a_call_that_ends_while_the_camera_is_asked_fails_for_that_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(nothing, "127.0.0.1", 0)
    url = f"rtsp://127.0.0.1:{silent.sockets[0].getsockname()[1]}/"
    async with running_rtsp_street(rtsp_settings(tmp_path), url=url) as (street, _):
        joining = asyncio.create_task(street.node.live.hub.attach(await street.grant(key=RTSP_KEY), "me", _ignored))
        await until(lambda: street.node.live.lower_calls and street.node.live.lower_calls[0].ssrc)
        await street.node.stores.devices.update(RTSP_ID, enabled=False)
        with pytest.raises(Failure) as refused:
            await joining
        assert refused.value.reason is Reason.DEVICE_OFFLINE
        await street.quiet()
        assert await street.legs() == []
    silent.close()


async def test_a_call_ends_once(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, _, call, _above):
        await call.end(None)
        await call.end(None)
        await street.worker().link.leg_stats()
        call.media_event(LegClosed(leg="", reason="closed"))
        assert ended(street) == []
        with contextlib.suppress(Exception):
            await street.worker().link.call(CloseLeg(leg="none"))


async def test_it_is_remembered_without_its_password(tmp_path: Path) -> None:
    async with watched(tmp_path) as (street, camera, call, _):
        async with asyncio.timeout(5):
            while not (records := await street.node.environment.book.records()):
                await asyncio.sleep(0.02)
        record = next(one for one in records if one.side == "lower")
        assert record.is_rtsp and record.legs == [("relay-1", call.source_leg), ("source-1", call.pull)]
        assert record.details["url"] == camera.url and "username" not in record.details
        assert record.remote == ("RTSP", "127.0.0.1", camera.port) and record.started_at <= time.time()
