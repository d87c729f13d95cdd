"""Chores, tasks and background work: what fails is told, and nothing else ends for it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from gateway.assembly import upkeep as module
from gateway.assembly.upkeep import Upkeep
from tests.stand.street import until


async def test_a_chore_that_fails_is_told_and_tried_again() -> None:
    upkeep, tries = Upkeep(), 0

    async def chore() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ValueError("a fault of ours")

    with capture_logs() as lines:
        upkeep.every(0.0, chore)
        await until(lambda: tries > 2)
        await upkeep.stop()
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["background work failed"]
    assert "chore" in str(lines[0]["work"]) and upkeep.chores[0].done()


async def test_a_chore_under_way_comes_to_its_end_before_the_node_goes_on_stopping() -> None:
    upkeep, began, may_end, ended = Upkeep(), asyncio.Event(), asyncio.Event(), False

    async def chore() -> None:
        nonlocal ended
        began.set()
        await may_end.wait()
        ended = True

    upkeep.every(3600.0, chore)
    await began.wait()
    stopping = asyncio.create_task(upkeep.end_chores())
    await asyncio.sleep(0)
    may_end.set()
    await stopping
    assert ended


async def test_what_does_not_come_to_its_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHORE_END_S", 0.01)
    upkeep, never = Upkeep(), asyncio.Event()

    async def wait_for_ever() -> None:
        await never.wait()

    upkeep.every(1.0, wait_for_ever)
    upkeep.spawn(wait_for_ever(), "some work")
    upkeep.keep(wait_for_ever(), "a task")
    await asyncio.sleep(0)
    await upkeep.stop()
    assert all(task.cancelled() for task in (*upkeep.chores, *upkeep.tasks)) and not upkeep._background


async def test_background_work_that_fails_is_told_and_what_runs_is_waited_for() -> None:
    upkeep, done = Upkeep(), False

    async def broken() -> None:
        raise ValueError("a fault of ours")

    async def slow() -> None:
        nonlocal done
        await asyncio.sleep(0.01)
        done = True

    with capture_logs() as lines:
        upkeep.spawn(broken(), "broken work")
        upkeep.spawn(slow(), "slow work")
        await upkeep.stop()
    assert done and [(line["event"], line["work"]) for line in lines] == [("background work failed", "broken work")]


async def test_a_node_without_upkeep_stops_too() -> None:
    await Upkeep().stop()
