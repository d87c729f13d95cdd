"""What /healthz asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.relay.pool import Worker, WorkerPool, WorkerSpec
from gateway.store.stores import Stores
from gateway.telemetry import health
from gateway.telemetry.health import LAG_SAMPLE_S, DatabaseProbe, LoopLag, check_workers
from media.worker.control import AnyEvent
from tests.stand.street import running_street, settings


async def test_a_loop_that_is_late_is_unwell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LAG_SAMPLE_S", 0.0)
    now = [0.0]

    def clock() -> float:
        now[0] += 2.0  # whatever is due comes two seconds late
        return now[0]

    lag = LoopLag(clock)
    assert lag.worst == 0.0 and lag.check() is None
    measuring = asyncio.create_task(lag.keep_measuring())
    for _ in range(5):
        await asyncio.sleep(0)
    measuring.cancel()
    await asyncio.gather(measuring, return_exceptions=True)
    assert lag.worst == 2.0 and lag.check() == "the event loop was 2.0 s late"
    assert LAG_SAMPLE_S > 0


async def test_a_database_that_takes_writes_is_well(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    probe = DatabaseProbe(stores.database)
    await probe.probe()
    assert probe.check() is None
    await stores.close()


async def test_a_database_that_is_blocked_or_gone_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WRITE_TIMEOUT_S", 0.05)
    stores = await Stores.open(tmp_path)
    probe = DatabaseProbe(stores.database)
    async with stores.database.write_turn:
        await probe.probe()
    assert probe.check() == "no write within 0.05 s"
    monkeypatch.setattr(health, "WRITE_TIMEOUT_S", 5.0)
    async with stores.database.write() as connection:
        await connection.exec_driver_sql("DROP TABLE alembic_version")
    await probe.probe()
    assert "cannot be written" in str(probe.check())
    await stores.close()


def test_workers_that_are_away_are_named(tmp_path: Path) -> None:
    async def event(worker: Worker, event: AnyEvent) -> None: ...

    async def told(worker: Worker) -> None: ...

    specs = [WorkerSpec("relay", "relay-1", "m"), WorkerSpec("stream", "stream-1", "m")]
    pool = WorkerPool(specs, directory=Path("/tmp/run"), node="n", epoch=1, on_event=event, on_lost=told, on_back=told)
    assert check_workers(pool) == "not connected: relay-1, stream-1"
    pool.workers = []
    assert check_workers(pool) is None


async def test_a_node_that_is_unwell_says_what_is_wrong_to_whoever_watches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_street(settings(tmp_path)) as street, street.api() as api:
        node = street.node
        next(task for task in node.upkeep.tasks if task.get_name() == "loop lag").cancel()
        assert await api.call("GET", "/healthz") == (200, {"status": "ok", "problems": {}})
        monkeypatch.setattr(health, "WRITE_TIMEOUT_S", 0.05)
        async with node.stores.database.write_turn:
            await node.database.probe()
        database = {"database": "no write within 0.05 s"}
        assert await api.call("GET", "/healthz") == (503, {"status": "failing", "problems": database})
        monkeypatch.setattr(health, "WRITE_TIMEOUT_S", 5.0)
        await node.database.probe()
        node.lag._late.append(3.0)
        late = {"loop": "the event loop was 3.0 s late"}
        assert await api.call("GET", "/healthz") == (503, {"status": "failing", "problems": late})
        node.lag._late.clear()
        node.lag._late.append(0.0)
        node.pool._stopping = True  # nobody brings it back
        await street.kill_worker()
        away = {"workers": "not connected: relay-1"}
        assert await api.call("GET", "/healthz") == (503, {"status": "failing", "problems": away})
