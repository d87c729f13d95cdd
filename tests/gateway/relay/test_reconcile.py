"""What the workers hold against what has an owner: on a real node."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.relay.reconcile import Report
from media.worker.client import WorkerClient
from media.worker.control import CloseLeg, OpenInput, OpenSource, OpenView
from tests.stand.street import CHANNEL, KEY, Street, running_street, settings, until
from tests.stand.viewer import watching


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with running_street(settings(tmp_path, stream_workers=1)) as started:
        yield started


async def test_where_everything_has_an_owner_nothing_is_touched(street: Street) -> None:
    reconciler = street.node.reconciler
    call = await street.upper.play(CHANNEL)
    await call.first_key()
    view, token = await street.node.views.open(KEY, await street.grant())
    async with watching(street, view, token) as viewer:
        await viewer.has(10_000)
        legs = await street.legs()
        assert [await reconciler.round() for _ in range(3)] == [Report()] * 3
        assert await street.legs() == legs and len(legs) == 3
    assert street.node.live.upper_calls[0].bytes > 0


async def test_what_nobody_owns_is_counted_and_closed_in_the_second_round(street: Street) -> None:
    reconciler, relay, stream = street.node.reconciler, street.worker(), street.worker("stream")
    await relay.link.call(OpenSource(leg="stray", transport="udp", bind="127.0.0.1"))
    await stream.link.call(OpenInput(input="stray", bind="127.0.0.1"))
    await stream.link.call(OpenView(view="stray", input="stray", token_sha256="00", expires_at=1e12))
    street.node.environment.live_ssrcs.lease("nobody", 0)
    assert await reconciler.round() == Report()
    assert (await reconciler.round()).leaked == {"leg": 1, "input": 1, "view": 1, "ssrc": 1}
    assert await street.legs() == []
    left = await stream.link.stream_stats()
    assert (left.inputs, left.views) == ([], [])
    assert (await reconciler.round()).leaked == {"leg": 0, "input": 0, "view": 0, "ssrc": 1}


async def test_a_call_whose_leg_is_gone_ends(street: Street) -> None:
    reconciler = street.node.reconciler
    call = await street.upper.play(CHANNEL)
    await call.first_key()
    upper = street.node.live.upper_calls[0]
    upper.media_event = lambda event: None  # type: ignore[method-assign]  # the worker's own news got lost
    await street.worker().link.call(CloseLeg(leg=upper.leg))
    assert (await reconciler.round()).missing == 0
    assert (await reconciler.round()).missing == 1
    await asyncio.wait_for(call.ended.wait(), 5)
    await until(lambda: not street.node.live.upper_calls)


async def test_a_viewer_whose_stream_is_not_known_gets_it_again(street: Street) -> None:
    node = street.node
    view, token = await node.views.open(KEY, await street.grant())
    async with watching(street, view, token) as viewer:
        await viewer.has(10_000)
        source = node.views.inputs.get(KEY)
        assert source is not None
        await node.views.inputs.close(source, keep_viewers=True)
        assert (await node.reconciler.round()).reattached == 1
        assert (await node.reconciler.round()).reattached == 0
        await viewer.has(viewer.size + 10_000)


async def test_a_worker_that_hangs_is_killed_in_the_second_round_and_the_far_sides_are_told(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await street.upper.play(CHANNEL)
    await call.first_key()
    worker = street.worker()
    hung = worker.client
    assert hung is not None
    os.kill(hung.hello.pid, signal.SIGSTOP)
    patient = WorkerClient.call

    async def impatient(self: WorkerClient, command: Any, **_: Any) -> Any:
        return await patient(self, command, timeout_s=0.2 if self is hung else 10.0)

    monkeypatch.setattr(WorkerClient, "call", impatient)
    await street.node.reconciler.round()
    assert hung.connected
    await street.node.reconciler.round()
    await asyncio.wait_for(call.ended.wait(), 10)
    await until(lambda: worker.connected and worker.client is not hung)


async def test_a_worker_that_is_gone_is_left_alone(street: Street) -> None:
    call = await street.upper.play(CHANNEL)
    await call.first_key()
    street.node.pool._stopping = True  # it is not replaced for the time being
    await street.kill_worker()
    street.node.reconciler._suspects.add(("relay-1", "leg", "gone"))
    assert await street.node.reconciler.round() == Report()
    await street.node.reconciler._close(("relay-1", "leg", "gone"))
    await street.node.reconciler._close(("relay-9", "leg", "gone"))
