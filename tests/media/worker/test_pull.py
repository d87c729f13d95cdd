"""The source worker over its control channel."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from interop.wire.media import Receiver
from media.worker import pull as module
from media.worker.client import CommandRefused, WorkerClient, WorkerGone
from media.worker.control import (
    CloseLeg,
    ClosePull,
    Drain,
    OpenPull,
    Probed,
    ProbeSource,
    PullFailed,
    PullUp,
    Shutdown,
    SourceStats,
)
from media.worker.pull import PullWorker, main
from tests.stand.wire_rtsp import WireRtsp

HOST = "127.0.0.1"


class Running:
    """A worker in this loop, and its client."""

    def __init__(self, worker: PullWorker, client: WorkerClient) -> None:
        self.worker, self.client = worker, client
        self.run = asyncio.create_task(worker.run())
        self.receiver = Receiver(5)

    async def event(self) -> Any:
        return await asyncio.wait_for(self.client.events.get(), 15)

    async def pulls(self) -> list[str]:
        return [pull.leg for pull in (await self.client.source_stats()).pulls]


@contextlib.asynccontextmanager
async def running_worker(path: Path, **options: Any) -> AsyncIterator[Running]:
    worker = PullWorker(str(path / "source.sock"), "source-1", **options)
    connecting = asyncio.create_task(WorkerClient.connect(str(path / "source.sock"), epoch=1, name="n"))
    running = Running(worker, await connecting)
    try:
        yield running
    finally:
        worker.stop("test over")
        await running.run
        await running.client.close()


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_worker(tmp_path) as running:
        yield running


@pytest.fixture
async def destination(source: Running) -> AsyncIterator[tuple[str, int]]:
    """Where the relay would be."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                source.receiver.stream(data)
        writer.close()

    server = await asyncio.start_server(take, HOST, 0)
    yield (HOST, server.sockets[0].getsockname()[1])
    server.close()


async def test_a_pull_is_opened_counted_held_and_closed(source: Running, destination: tuple[str, int]) -> None:
    assert (source.client.hello.kind, source.client.hello.legs) == ("source", [])
    async with WireRtsp() as camera:
        command = OpenPull(leg="pull-1", url=camera.url, ssrc=5, destination=destination)
        assert await source.client.call(command) is None
        assert await source.client.call(command) is None, "repeating it changes nothing"
        assert isinstance(await source.event(), PullUp)
        await source.receiver.until(5, timeout_s=15)
        with pytest.raises(CommandRefused, match="another content"):
            await source.client.call(OpenPull(leg="pull-1", url=camera.url, ssrc=6, destination=destination))
        [stats] = (await source.client.source_stats()).pulls
        assert (stats.leg, stats.state, stats.attempts) == ("pull-1", "up", 1)
        [held] = source.worker._held()
        assert (held.leg, held.kind, held.ssrc, held.started) == ("pull-1", "pull", 5, True)
        last = await source.client.call(ClosePull(leg="pull-1"))
        assert isinstance(last, SourceStats) and last.pulls[0].units >= 4
        assert await source.pulls() == []
        with pytest.raises(CommandRefused, match="no_such_pull"):
            await source.client.call(ClosePull(leg="pull-1"))


async def test_a_pull_that_never_came_up_is_gone_when_its_failure_is_told(
    source: Running, destination: tuple[str, int]
) -> None:
    async with WireRtsp(status="404 Not Found") as camera:
        await source.client.call(OpenPull(leg="pull-1", url=camera.url, ssrc=5, destination=destination))
        failed = await source.event()
        assert isinstance(failed, PullFailed) and (failed.reason, failed.retry_in_s) == ("not_found", None)
        assert await source.pulls() == []


async def test_news_of_a_pull_that_was_closed_are_not_told(source: Running) -> None:
    source.worker._told(PullFailed(leg="gone", reason="ended", detail=""))
    async with WireRtsp() as camera:
        probed = await source.client.call(ProbeSource(url=camera.url))
        assert probed == Probed(video_codec="H264")
    assert source.client.events.empty()


async def test_what_is_wrong_or_too_much_is_refused(
    source: Running, destination: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandRefused, match="bad_address"):
        await source.client.call(OpenPull(leg="x", url="http://x/", ssrc=5, destination=destination))
    with pytest.raises(CommandRefused, match="bad_address"):
        await source.client.call(ProbeSource(url="http://x/"))
    with pytest.raises(CommandRefused, match="another kind of worker"):
        await source.client.call(CloseLeg(leg="x"))
    monkeypatch.setattr(module, "MOST_PULLS", 0)
    monkeypatch.setattr(module, "MOST_PROBES", 0)
    with pytest.raises(CommandRefused, match="no more pulls"):
        await source.client.call(OpenPull(leg="x", url="rtsp://127.0.0.1:1/", ssrc=5, destination=destination))
    with pytest.raises(CommandRefused, match="are being asked"):
        await source.client.call(ProbeSource(url="rtsp://127.0.0.1:1/"))


async def test_a_drained_worker_takes_nothing_new_and_ends_with_its_last_pull(
    source: Running, destination: tuple[str, int]
) -> None:
    async with WireRtsp() as camera:
        await source.client.call(OpenPull(leg="pull-1", url=camera.url, ssrc=5, destination=destination))
        await source.client.call(Drain())
        with pytest.raises(CommandRefused, match="limit"):
            await source.client.call(OpenPull(leg="pull-2", url=camera.url, ssrc=5, destination=destination))
        await source.client.call(ClosePull(leg="pull-1"))
        assert await asyncio.wait_for(asyncio.shield(source.run), 10) == "drained"


async def test_its_end_is_the_end_of_its_pulls_and_questions(source: Running, destination: tuple[str, int]) -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(nothing, HOST, 0)
    port = silent.sockets[0].getsockname()[1]
    async with WireRtsp() as camera:
        await source.client.call(OpenPull(leg="pull-1", url=camera.url, ssrc=5, destination=destination))
        await source.event()
        asked = asyncio.create_task(source.client.call(ProbeSource(url=f"rtsp://{HOST}:{port}/")))
        await source.client.source_stats()
        await source.client.call(Shutdown())
        assert await source.run == "shutdown" and not source.worker._ending[0].join(0)
        with pytest.raises(WorkerGone):
            await asked
        async with asyncio.timeout(10):
            while camera.playing:
                await asyncio.sleep(0.01)
    source.worker._told(PullFailed(leg="pull-1", reason="ended", detail=""))
    silent.close()


async def test_it_lives_on_without_a_control_process_for_a_while_only(tmp_path: Path) -> None:
    now = [0.0]
    async with running_worker(tmp_path, clock=lambda: now[0], orphan_s=30) as source:
        await source.client.close()
        async with asyncio.timeout(5):
            while source.worker.server.adopted:
                await asyncio.sleep(0.01)
        now[0] = 29
        again = await WorkerClient.connect(str(tmp_path / "source.sock"), epoch=2, name="n")
        await again.close()
        async with asyncio.timeout(5):
            while source.worker.server.adopted:
                await asyncio.sleep(0.01)
        now[0] = 60
        assert await asyncio.wait_for(asyncio.shield(source.run), 5) == "no control process"


async def test_as_a_process_it_serves_its_socket_and_ends_at_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "source.sock"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "media.worker.pull", "--socket", str(path), "--name", "source-1",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(20):
        while not path.exists():
            await asyncio.sleep(0.02)
    client = await WorkerClient.connect(str(path), epoch=1, name="n")
    assert client.hello.kind == "source" and client.hello.pid == process.pid
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    assert process.returncode == 0 and b"SIGTERM" in errors
    await client.close()


def test_a_socket_that_belongs_to_another_worker_is_left_to_it(tmp_path: Path, own_log: None) -> None:
    path = tmp_path / "source.sock"

    async def twice() -> int:
        worker = PullWorker(str(path), "first")
        try:
            return await asyncio.to_thread(main, ["--socket", str(path), "--name", "second"])
        finally:
            worker.stop("test over")
            await worker.run()

    assert asyncio.run(twice()) == 1


def test_the_entry_point_serves_until_it_is_told_to_end(
    tmp_path: Path, own_log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PullWorker, "_sweep", lambda worker: worker.stop("enough"))
    assert main(["--socket", str(tmp_path / "source.sock"), "--name", "source-1", "--orphan-seconds", "1"]) == 0
