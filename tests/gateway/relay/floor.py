"""Real workers, a real hub, and a camera that is nothing but packets: a stream without its signalling."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.errors import Failure, Reason
from gateway.relay.hub import Hub, StreamKey
from gateway.relay.inputs import WORKER_TROUBLE, Inputs
from gateway.relay.pool import Worker, WorkerPool, WorkerSpec
from gateway.relay.trail import Trail
from gateway.telemetry.ladder import Ladder
from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.unit import AccessUnit
from media.worker.control import AnyEvent, CloseLeg, InputReady, InputStalled, OpenSource, UpdateSource

HOST = "127.0.0.1"
RELAY = WorkerSpec("relay", "relay-1", "media.worker.relay", ("--port-min", "46000", "--port-max", "46199"))
STREAM = WorkerSpec("stream", "stream-1", "media.worker.stream", ("--http", f"{HOST}:0"))
SSRC = 77


async def eventually(true: Callable[[], object]) -> None:
    """Wait until something of this process holds."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@dataclass
class Upstream:
    """A stream that comes in at the relay worker as long as nobody ended it."""

    worker: Worker
    source_leg: str
    trail: Trail
    route_path: str = ""
    sending: asyncio.Task[None] | None = None
    ends: list[Failure | None] = field(default_factory=list)

    @property
    def worker_name(self) -> str:
        return self.worker.name

    async def end(self, failure: Failure | None) -> None:
        self.ends.append(failure)
        if self.sending is not None:
            self.sending.cancel()
            await asyncio.gather(self.sending, return_exceptions=True)
        with contextlib.suppress(*WORKER_TROUBLE):
            await self.worker.link.call(CloseLeg(leg=self.source_leg))


class Camera:
    """Opens streams: `refusal` is raised instead, `may_answer` holds the answer back, `film` is what it sends."""

    def __init__(self, film: list[AccessUnit]) -> None:
        self.film = film
        self.calls: list[Upstream] = []
        self.refusal: Failure | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.leg_missing = False
        self.pool: WorkerPool

    async def open(self, key: StreamKey, trail: Trail) -> Upstream:
        await self.may_answer.wait()
        if self.refusal is not None:
            raise self.refusal
        worker = self.pool.of_kind("relay")
        call = Upstream(worker, f"in-{len(self.calls)}", trail)
        self.calls.append(call)
        if not self.leg_missing:
            opened = await worker.link.call(OpenSource(leg=call.source_leg, transport="udp", bind=HOST, ssrc=SSRC))
            await worker.link.call(UpdateSource(leg=call.source_leg, ssrc=SSRC, accept_from=[HOST]))
            call.sending = asyncio.create_task(self._send(opened.port))
        return call

    async def _send(self, port: int) -> None:
        """The film over and over, 100 pictures a second, its times running on."""
        muxer, packetizer = PsMuxer("H264", None), RtpPacketizer(SSRC)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            number = 0
            while self.film:
                pts = 90_000 + 3600 * number
                unit = replace(self.film[number % len(self.film)], pts=pts, dts=pts)
                for packet in packetizer.packets(muxer.mux(unit, []), pts):
                    sock.sendto(packet, (HOST, port))
                number += 1
                await asyncio.sleep(0.01)


class Floor:
    """One relay worker, one stream worker, a hub and the inputs of a node."""

    def __init__(
        self, directory: Path, film: list[AccessUnit], *, epoch: int = 1, specs: tuple[WorkerSpec, ...]
    ) -> None:
        self.camera = Camera(film)
        self.hub = Hub(self.camera.open, linger_s=0.05)
        self.ladder = Ladder()
        self.lost: list[tuple[StreamKey, Reason]] = []
        self.gone: list[str] = []
        self.back: list[str] = []
        self.pool = WorkerPool(
            specs, directory=directory, node="n", epoch=epoch,
            on_event=self._event, on_lost=self._gone, on_back=self._back,
        )  # fmt: skip
        self.camera.pool = self.pool
        self.inputs = Inputs(self.hub, self.pool, self.ladder, on_lost=self._lost)

    async def _event(self, worker: Worker, event: AnyEvent) -> None:
        if isinstance(event, InputReady | InputStalled):
            self.inputs.event(event)

    async def _lost(self, key: StreamKey, failure: Failure) -> None:
        self.lost.append((key, failure.reason))

    async def _gone(self, worker: Worker) -> None:
        self.gone.append(worker.name)

    async def _back(self, worker: Worker) -> None:
        self.back.append(worker.name)

    def worker(self, kind: str) -> Worker:
        return next(worker for worker in self.pool.workers if worker.spec.kind == kind)

    async def kill(self, kind: str) -> None:
        """kill -9; returns when the connection is gone."""
        client = self.worker(kind).client
        assert client is not None
        os.kill(client.hello.pid, signal.SIGKILL)
        await eventually(lambda: not client.connected)

    async def legs(self) -> list[str]:
        """What the relay worker holds."""
        return sorted(stats.leg for stats in await self.worker("relay").link.leg_stats())

    async def held_inputs(self) -> list[str]:
        """What the stream worker holds."""
        return [stats.input for stats in (await self.worker("stream").link.stream_stats()).inputs]


@contextlib.asynccontextmanager
async def running_floor(
    directory: Path, film: list[AccessUnit], *, epoch: int = 1, specs: tuple[WorkerSpec, ...] = (RELAY, STREAM)
) -> AsyncIterator[Floor]:
    """The workers started, and everything ended at the end."""
    floor = Floor(directory, film, epoch=epoch, specs=specs)
    try:
        await floor.pool.start()
        yield floor
    finally:
        await floor.hub.close(Failure(Reason.SHUTTING_DOWN))
        await floor.pool.stop()
