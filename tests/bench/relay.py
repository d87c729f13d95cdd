"""The relay worker as shipped, against a bare loop doing the same: CPU per packet out, at the same load and delay."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from interop.demo.ports import free_range
from media.worker.client import WorkerClient
from media.worker.control import OpenSink, OpenSource, Shutdown, StartSink
from tests.bench.figure import Figure, at_most, cpu_seconds

HERE = Path(__file__).resolve().parent
PACKETS_PER_FRAME = 14  # 14 x 1412 bytes x 25 frames = 4 Mbit/s
SETTLE_S = 1.0


def partner(directory: Path) -> tuple[list[str], str]:
    """The command of the load, the sink and the floor, and what it is written in."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is not None:
        program = directory / "floor"
        built = subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / "floor.c")], check=False)
        if built.returncode == 0:
            return [str(program)], "C"
    return [sys.executable, str(HERE / "floor.py")], "Python"


class Measured:
    """CPU seconds of the measured process and packets that arrived behind it, within one run of the load."""

    def __init__(self, cpu_s: float, sent: int, arrived: int) -> None:
        self.sent = sent
        self.us_per_packet = cpu_s / max(arrived, 1) * 1e6
        self.lost_share = 1 - arrived / max(sent, 1)


async def _spawn(command: Sequence[str], *arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(*command, *map(str, arguments), stdout=asyncio.subprocess.PIPE)


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def _ended(process: asyncio.subprocess.Process) -> str:
    if process.returncode is None:
        process.terminate()
    said = await _line(process)
    await process.wait()
    return said


@contextlib.asynccontextmanager
async def _worker(directory: Path) -> AsyncIterator[tuple[WorkerClient, int]]:
    """A relay worker with its defaults; its control client and process id."""
    path, (first, last) = str(directory / "relay.sock"), free_range(4000, set())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "media.worker.relay", "--socket", path, "--name", "bench",
        "--port-min", str(first), "--port-max", str(last), stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    client = None
    for _ in range(200):
        with contextlib.suppress(OSError):
            client = await WorkerClient.connect(path, epoch=1, name="bench")
            break
        await asyncio.sleep(0.05)
    assert client is not None, "the relay worker did not start"
    try:
        yield client, process.pid
    finally:
        await client.call(Shutdown())
        await client.close()
        await process.wait()


async def through_worker(command: list[str], directory: Path, streams: int, seconds: float) -> Measured:
    """Through the real worker process, with source lock, accounting, RTCP, GOP cache and control channel."""
    async with _worker(directory) as (client, pid):
        sink = await _spawn(command, "sink")
        port = int(await _line(sink))
        ports = []
        for n in range(streams):
            source = OpenSource(
                leg=f"in-{n}", transport="udp", bind="127.0.0.1", ssrc=1000 + n, accept_from=["127.0.0.1"]
            )
            ports.append((await client.call(source)).port)
            out = OpenSink(leg=f"out-{n}", source=f"in-{n}", transport="udp", bind="127.0.0.1", ssrc=9000 + n)
            await client.call(out)
            await client.call(StartSink(leg=f"out-{n}", remote=("127.0.0.1", port)))
        return await _under_load(command, pid, sink, ports, seconds)


async def through_floor(command: list[str], streams: int, seconds: float) -> Measured:
    """Through the bare loop."""
    sink = await _spawn(command, "sink")
    floor = await _spawn(command, "relay", streams, await _line(sink))
    ports = [int(text) for text in (await _line(floor)).split()]
    try:
        return await _under_load(command, floor.pid, sink, ports, seconds)
    finally:
        await _ended(floor)


async def _under_load(
    command: list[str], pid: int, sink: asyncio.subprocess.Process, ports: list[int], seconds: float
) -> Measured:
    load = await _spawn(command, "load", PACKETS_PER_FRAME, seconds, *ports)
    before = cpu_seconds(pid)
    sent = int(await _line(load))
    await load.wait()
    await asyncio.sleep(SETTLE_S / 4)
    used = cpu_seconds(pid) - before
    return Measured(used, sent, int(await _ended(sink)))


async def run(*, quick: bool) -> list[Figure]:
    """Rounds of both, one after the other; medians."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="rb") as folder:
        directory = Path(folder)
        command, language = partner(directory)
        bare = language == "C"
        for streams, bar in ((100, 2.0),) if quick else ((20, None), (100, 2.0), (400, 1.6)):
            streams = streams if bare else min(streams, 20)
            ours, floors = [], []
            for _ in range(1 if quick else 3):
                ours.append(await through_worker(command, directory, streams, 3.0 if quick else 5.0))
                floors.append(await through_floor(command, streams, 3.0 if quick else 5.0))
            value, floor = (statistics.median(one.us_per_packet for one in some) for some in (ours, floors))
            lost, floor_lost = (max(one.lost_share for one in some) for some in (ours, floors))
            limit = at_most(bar) if bare and bar is not None else None
            name = f"{streams} streams of 4 Mbit/s"
            note = f"{language}: {floor:.2f} us, lost {floor_lost:.1%}"
            figures.append(Figure("relay", f"{name}, CPU per packet out", value, "us"))
            figures.append(Figure("relay", f"{name}, ratio to the bare loop", value / floor, "x", limit, note))
            figures.append(Figure("relay", f"{name}, lost", lost * 100, "%", at_most(0.1) if bare else None))
            if not bare:
                break
    return figures
