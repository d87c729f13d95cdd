"""Worker processes: started, adopted, watched, replaced. Real workers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from gateway.relay import pool as pool_module
from gateway.relay.pool import Worker, WorkerPool, WorkerSpec, WorkerUnavailable
from media.worker.client import CommandRefused
from media.worker.control import AnyEvent, CloseLeg, LegClosed, OpenSource

RELAY = WorkerSpec("relay", "relay-1", "media.worker.relay", ("--port-min", "45000", "--port-max", "45099"))
HOST = "127.0.0.1"


class Told:
    """What a pool told its owner."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.lost: list[str] = []
        self.back: list[str] = []
        self.broken = False

    async def event(self, worker: Worker, event: AnyEvent) -> None:
        self.events.append(event)
        if self.broken:
            raise ZeroDivisionError

    async def gone(self, worker: Worker) -> None:
        self.lost.append(worker.name)
        if self.broken:
            raise ZeroDivisionError

    async def returned(self, worker: Worker) -> None:
        self.back.append(worker.name)


Start = Callable[..., Awaitable[tuple[WorkerPool, Told]]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    pools: list[WorkerPool] = []

    async def make(spec: WorkerSpec = RELAY, *, epoch: int = 1) -> tuple[WorkerPool, Told]:
        told = Told()
        pool = WorkerPool(
            [spec], directory=tmp_path / "run", node="n", epoch=epoch,
            on_event=told.event, on_lost=told.gone, on_back=told.returned,
        )  # fmt: skip
        pools.append(pool)
        await pool.start()
        return pool, told

    yield make
    for pool in reversed(pools):
        await pool.stop()


async def eventually(true: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_worker_is_started_serves_and_ends_with_the_pool(start: Start, tmp_path: Path) -> None:
    pool, told = await start()
    worker = pool.of_kind("relay")
    assert worker is pool.named("relay-1") and not worker.adopted and worker.connected
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    opened = await worker.link.call(OpenSource(leg="in-1", transport="udp", bind=HOST))
    assert 45000 <= opened.port <= 45099
    await worker.link.call(CloseLeg(leg="in-1"))
    await eventually(lambda: told.events)
    assert isinstance(told.events[0], LegClosed)
    await pool.stop()
    assert worker.process is not None and worker.process.returncode == 0
    with pytest.raises(WorkerUnavailable):
        pool.of_kind("relay")


async def test_a_worker_of_an_earlier_run_is_adopted_with_its_legs(start: Start) -> None:
    old, _ = await start()
    await old.workers[0].link.call(OpenSource(leg="in-1", transport="udp", bind=HOST))
    for task in old._tasks:
        task.cancel()
    new, _ = await start(epoch=2)
    worker = new.workers[0]
    assert worker.adopted and [leg.leg for leg in worker.legs_at_hello] == ["in-1"]
    assert worker.process is None


@pytest.fixture
async def orphan(start: Start) -> AsyncIterator[tuple[WorkerPool, Process]]:
    """A worker whose control process is gone: the pool it had, and the process."""
    old, _ = await start()
    for task in old._tasks:
        task.cancel()
    worker = old.workers[0]
    process, worker.process = worker.process, None
    assert worker.client is not None and process is not None
    await worker.client.close()
    yield old, process
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def test_an_adopted_worker_ends_with_the_pool_even_when_it_hangs(
    start: Start, orphan: tuple[WorkerPool, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, process = orphan
    new, _ = await start(epoch=2)
    assert new.workers[0].adopted and new.workers[0].process is None
    monkeypatch.setattr(pool_module, "SHUTDOWN_TIMEOUT_S", 0.1)
    monkeypatch.setattr(pool_module, "END_TIMEOUT_S", 0.1)
    os.kill(process.pid, signal.SIGSTOP)
    await new.stop()
    assert await process.wait() != 0 and new.workers[0].adopted_process is None


async def test_an_adopted_worker_that_hangs_is_killed_and_replaced(
    start: Start, orphan: tuple[WorkerPool, Process]
) -> None:
    _, process = orphan
    new, told = await start(epoch=2)
    os.kill(process.pid, signal.SIGSTOP)
    new.kill(new.workers[0])
    await eventually(lambda: told.back)
    assert told.lost == ["relay-1"] and not new.workers[0].adopted
    assert await process.wait() != 0
    second = new.workers[0].process
    assert second is not None and second.pid != process.pid
    new.kill(new.workers[0])  # one of our own just so
    await eventually(lambda: len(told.back) == 2)


async def test_a_worker_that_hangs_before_it_is_adopted_makes_way_for_another(
    start: Start, orphan: tuple[WorkerPool, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, process = orphan
    monkeypatch.setattr(pool_module, "HELLO_TIMEOUT_S", 0.2)
    os.kill(process.pid, signal.SIGSTOP)
    new, _ = await start(epoch=2)
    assert new.workers[0].connected and not new.workers[0].adopted
    assert await process.wait() != 0


async def test_a_worker_that_was_taken_over_is_not_ended_by_its_former_owner(
    start: Start, orphan: tuple[WorkerPool, Process]
) -> None:
    former, _ = await start(epoch=2)
    newer, told = await start(epoch=3)
    taken = former.workers[0].client
    assert taken is not None
    await eventually(lambda: not taken.connected)
    await former.stop()
    assert newer.workers[0].connected and told.lost == [] and orphan[1].returncode is None


async def test_a_process_that_says_another_number_than_the_kernel_is_not_held(
    start: Start, orphan: tuple[WorkerPool, Process]
) -> None:
    worker = (await start(epoch=2))[0].workers[0]
    assert worker.adopted_process is not None and worker.adopted_process.pid == orphan[1].pid
    worker.take_hold(os.getpid())
    assert worker.adopted_process is None


async def test_a_killed_worker_is_told_of_at_once_and_replaced(start: Start) -> None:
    pool, told = await start()
    worker = pool.workers[0]
    worker.calls.add("call")
    told.broken = True
    assert worker.load == 1 and worker.client is not None
    os.kill(worker.client.hello.pid, signal.SIGKILL)
    await eventually(lambda: told.back)
    assert told.lost == ["relay-1"] and worker.load == 0 and worker.connected
    # An owner that stumbles over an event does not end the watch either.
    await worker.link.call(OpenSource(leg="in-2", transport="udp", bind=HOST))
    await worker.link.call(CloseLeg(leg="in-2"))
    await eventually(lambda: told.events)


async def test_the_worker_with_the_fewest_streams_is_chosen(tmp_path: Path) -> None:
    told = Told()
    specs = [WorkerSpec("relay", f"r{n}", "media.worker.relay", RELAY.arguments) for n in (1, 2)]
    pool = WorkerPool(
        specs, directory=tmp_path, node="n", epoch=1, on_event=told.event, on_lost=told.gone, on_back=told.returned
    )
    await pool.start()
    try:
        pool.workers[0].calls.add("a")
        assert pool.of_kind("relay").name == "r2"
        with pytest.raises(WorkerUnavailable, match="no stream worker"):
            pool.of_kind("stream")
    finally:
        await pool.stop()
    assert pool.named("r3") is None


async def test_a_worker_that_cannot_start_says_where_to_look(start: Start) -> None:
    with pytest.raises(WorkerUnavailable, match="relay-1.log"):
        await start(WorkerSpec("relay", "relay-1", "media.worker.relay", ("--nonsense",)))


async def test_a_worker_that_opens_nothing_is_given_up(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(pool_module, "START_TIMEOUT_S", 0.2)
    monkeypatch.setattr(pool_module, "END_TIMEOUT_S", 0.1)
    with pytest.raises(WorkerUnavailable, match="did not open"):
        await start(WorkerSpec("relay", "relay-1", "sleeper"))


async def test_a_lost_worker_that_does_not_come_back_is_tried_again(start: Start) -> None:
    pool, told = await start()
    worker = pool.workers[0]
    good, worker.spec = worker.spec, WorkerSpec("relay", "relay-1", "media.worker.relay", ("--nonsense",))
    assert worker.client is not None
    os.kill(worker.client.hello.pid, signal.SIGKILL)
    await eventually(lambda: told.lost)
    await eventually(lambda: b"nonsense" in worker.socket_path.with_suffix(".log").read_bytes())
    with pytest.raises(WorkerUnavailable):
        _ = worker.link
    worker.spec = good
    await eventually(lambda: told.back)


async def test_a_dying_worker_that_still_takes_the_connection_is_replaced(start: Start, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        listener.close()

    listener = await asyncio.start_unix_server(hang_up, str(tmp_path / "run" / "relay-1.sock"))
    pool, _ = await start()
    assert pool.workers[0].connected and not pool.workers[0].adopted


async def test_a_worker_that_dies_again_while_its_return_is_told_is_replaced_again(start: Start) -> None:
    pool, told = await start()
    worker = pool.workers[0]

    async def kill(returned: Worker) -> None:
        await told.returned(returned)
        if len(told.back) == 1:
            client = returned.client
            assert client is not None
            os.kill(client.hello.pid, signal.SIGKILL)
            await eventually(lambda: not client.connected)

    pool._on_back = kill
    assert worker.client is not None
    os.kill(worker.client.hello.pid, signal.SIGKILL)
    await eventually(lambda: len(told.back) == 2)
    assert told.lost == ["relay-1", "relay-1"] and worker.connected
    await worker.link.call(OpenSource(leg="in-1", transport="udp", bind=HOST))


async def test_no_process_that_was_started_is_left_behind(start: Start) -> None:
    pool, told = await start()
    first, pids = pool.workers[0].process, []
    for number in (1, 2):
        client = pool.workers[0].client
        assert client is not None
        pids.append(client.hello.pid)
        os.kill(pids[-1], signal.SIGKILL)
        await eventually(lambda count=number: len(told.back) == count)  # type: ignore[misc]
    assert first is not None and first.returncode is not None  # 255 where the kill reaped it
    last = pool.workers[0].process
    assert last is not None
    await pool.stop()
    for pid in (*pids, last.pid):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_stopping_while_a_worker_comes_up_ends_it_too(start: Start, tmp_path: Path) -> None:
    pool, told = await start()
    worker = pool.workers[0]
    (tmp_path / "deaf.py").write_text("import time\ntime.sleep(60)\n")
    worker.spec = WorkerSpec("relay", "relay-1", "deaf")
    former = worker.process
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        assert worker.client is not None
        os.kill(worker.client.hello.pid, signal.SIGKILL)
        await eventually(lambda: worker.process is not former)
    await pool.stop()
    assert worker.process is not None and worker.process.returncode not in (None, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(worker.process.pid, 0)
    assert told.back == []


async def test_one_worker_that_cannot_start_leaves_none_half_started(tmp_path: Path) -> None:
    told = Told()
    bad = WorkerSpec("relay", "bad", "media.worker.relay", ("--nonsense",))
    pool = WorkerPool(
        [bad, RELAY], directory=tmp_path, node="n", epoch=1,
        on_event=told.event, on_lost=told.gone, on_back=told.returned,
    )  # fmt: skip
    with pytest.raises(WorkerUnavailable, match=r"bad\.log"):
        await pool.start()
    assert pool.workers[1].connected
    await pool.stop()
    assert [worker.process and worker.process.returncode for worker in pool.workers] == [2, 0]


async def test_an_older_control_process_does_not_take_a_worker_over(start: Start) -> None:
    await start(epoch=2)
    with pytest.raises(CommandRefused, match="stale_epoch"):
        await start(epoch=1)
