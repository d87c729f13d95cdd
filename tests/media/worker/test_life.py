"""The life of a worker on an asyncio loop, over a real control socket."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from media.errors import LocalError
from media.worker.client import CommandRefused, WorkerClient
from media.worker.control import Drain, LegState, Shutdown, Stats
from media.worker.life import LoopWorker


class Bare(LoopWorker):
    """Holds nothing but what the test says."""

    kind = "source"

    def __init__(self, path: Path, **options: float) -> None:
        self.busy = False
        self.now = 0.0
        self.closed = False
        super().__init__(str(path / "w.sock"), "bare", orphan_s=options.get("orphan_s", 30.0), clock=lambda: self.now)

    def _held(self) -> list[LegState]:
        return []

    def _idle(self) -> bool:
        return not self.busy

    async def _close(self) -> None:
        await asyncio.gather(*self._tasks)
        self.closed = True
        self.server.close()


async def connected(path: Path) -> WorkerClient:
    return await WorkerClient.connect(str(path / "w.sock"), epoch=1, name="test")


async def test_the_first_reason_to_stop_is_the_one_that_is_told(tmp_path: Path) -> None:
    worker = Bare(tmp_path)
    worker.stop("first")
    worker.stop("second")
    assert await worker.run() == "first" and worker.closed


async def test_a_drained_worker_ends_when_it_is_idle(tmp_path: Path) -> None:
    worker = Bare(tmp_path)
    worker.busy = True
    run = asyncio.create_task(worker.run())
    client = await connected(tmp_path)
    await client.call(Drain())
    await asyncio.sleep(0)
    assert not run.done()
    worker.busy = False
    assert await asyncio.wait_for(run, 10) == "drained"
    await client.close()


async def test_a_worker_is_shut_down_after_its_answer(tmp_path: Path) -> None:
    run = asyncio.create_task(Bare(tmp_path).run())
    client = await connected(tmp_path)
    with pytest.raises(CommandRefused, match="Stats is for another kind of worker"):
        await client.call(Stats())
    await client.call(Shutdown())
    assert await asyncio.wait_for(run, 10) == "shutdown"
    await client.close()


async def test_a_worker_that_is_left_alone_ends(tmp_path: Path) -> None:
    worker = Bare(tmp_path, orphan_s=5.0)
    run = asyncio.create_task(worker.run())
    worker.now = 6.0
    assert await asyncio.wait_for(run, 10) == "no control process"


async def test_a_signal_ends_it_and_work_beside_the_loop_is_kept(tmp_path: Path) -> None:
    worker = Bare(tmp_path)
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    worker._start(work())
    worker.stop_on_signals()
    run = asyncio.create_task(worker.run())
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(run, 10) == "SIGTERM" and done == ["work"] and not worker._tasks
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_socket_has_one_owner(tmp_path: Path) -> None:
    worker = Bare(tmp_path)
    with pytest.raises(LocalError):
        Bare(tmp_path)
    worker.stop()
    await worker.run()
