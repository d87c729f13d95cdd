"""Streams on their way to people: each is handed from a relay worker to a stream worker once, for all its views."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.hub import Hub, StreamKey
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable
from gateway.relay.trail import Trail
from gateway.telemetry.ladder import Ladder
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import (
    CloseInput,
    CloseLeg,
    InputReady,
    InputStalled,
    OpenInput,
    OpenSink,
    StartSink,
)

log = structlog.get_logger("input")

LOOPBACK = "127.0.0.1"
STALLED = {
    "no_packet": Reason.NO_PACKET,
    "no_ps": Reason.NO_PS_START,
    "no_key_frame": Reason.NO_KEY_FRAME,
    "undecodable": Reason.CODEC_UNPLAYABLE,
}
WORKER_TROUBLE = (CommandRefused, WorkerGone, WorkerUnavailable, TimeoutError)

LostCallback = Callable[[StreamKey, Failure], Awaitable[None]]


@dataclass(slots=True)
class Input:
    """One stream brought over to a stream worker; `users` are view ids and snapshot tickets."""

    key: StreamKey
    name: str
    worker: Worker
    users: set[str] = field(default_factory=set)
    ready: InputReady | None = None
    failure: Failure | None = None
    relay: Worker | None = None
    opened: asyncio.Task[None] | None = None
    closing: asyncio.TimerHandle | None = None
    closed: asyncio.Task[None] | None = None


class Inputs:
    """All inputs of a node. `on_lost(key, failure)` is told when the stream of an input ended by itself."""

    def __init__(self, hub: Hub, pool: WorkerPool, ladder: Ladder, *, on_lost: LostCallback) -> None:
        self._hub = hub
        self._pool = pool
        self._ladder = ladder
        self._on_lost = on_lost
        self._inputs: dict[StreamKey, Input] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def get(self, key: StreamKey) -> Input | None:
        return self._inputs.get(key)

    def all(self) -> list[Input]:
        return list(self._inputs.values())

    def home(self, key: StreamKey) -> Worker:
        """The stream worker that carries a stream, or would: the same each time, for the viewers have its address.

        Another one only while that is away. Raises WorkerUnavailable.
        """
        source = self._inputs.get(key)
        if source is not None:
            return source.worker
        workers = [worker for worker in self._pool.workers if worker.spec.kind == "stream"]
        if workers and (usual := workers[zlib.crc32(str(key).encode()) % len(workers)]).connected:
            return usual
        return self._pool.of_kind("stream")

    async def join(self, grant: Grant, user: str, trail: Trail | None = None) -> Input:
        """Make sure the granted stream comes over to a stream worker; several callers share one opening.

        Raises Failure.
        """
        key = StreamKey.granted(grant)
        while (source := self._inputs.get(key)) is not None and source.closed is not None:
            await asyncio.shield(source.closed)
        if source is None:
            try:
                worker = self.home(key)
            except WorkerUnavailable as error:
                raise Failure(Reason.WORKER_LOST, str(error), channel=key.code) from error
            source = self._inputs[key] = Input(key, input_name(key), worker)
            source.opened = asyncio.create_task(self._open(source, grant, trail), name=f"input {key}")
            source.opened.add_done_callback(_retrieved)
        source.users.add(user)
        self._stop_closing(source)
        assert source.opened is not None
        try:
            await asyncio.shield(source.opened)
        except BaseException as error:
            source.users.discard(user)
            if source.opened.cancelled() and not _cancelled():
                raise source.failure or Failure(Reason.STREAM_LOST, channel=key.code) from error
            raise
        return source

    def stay(self, source: Input, user: str) -> None:
        """A user is there (again): the input is not closed."""
        source.users.add(user)
        self._stop_closing(source)

    def leave(self, key: StreamKey, user: str, after_s: float) -> None:
        """A user is gone; without any other the input is closed `after_s` seconds later."""
        source = self._inputs.get(key)
        if source is None:
            return
        source.users.discard(user)
        if not source.users:
            self._stop_closing(source)
            loop = asyncio.get_running_loop()
            source.closing = loop.call_later(after_s, self._close_unused, source)

    async def adopt(self, grant: Grant, held: dict[str, set[str]], users: set[str]) -> bool:
        """After a restart: carry on an input whose both ends the workers (`held`: names by worker) still have."""
        key = StreamKey.granted(grant)
        name = input_name(key)
        relay = next((w for w in self._pool.workers if w.spec.kind == "relay" and name in held[w.name]), None)
        stream = next((w for w in self._pool.workers if w.spec.kind == "stream" and name in held[w.name]), None)
        if relay is None or stream is None or self._hub.get(key) is None:
            return False
        source = self._inputs[key] = Input(key, name, stream, users=users, relay=relay)
        source.opened = asyncio.create_task(self._rejoin(source, grant), name=f"input {key}")
        await source.opened
        return True

    async def _rejoin(self, source: Input, grant: Grant) -> None:
        await self._hub.attach(grant, source.name, lambda failure: self._lost(source, failure))

    async def _open(self, source: Input, grant: Grant, trail: Trail | None) -> None:
        key = source.key
        try:
            call = await self._hub.attach(grant, source.name, lambda failure: self._lost(source, failure), trail)
            relay = source.relay = self._pool.named(call.worker_name)
            assert relay is not None
            # Whoever else connects to the port of an input cannot know its number, nor can another input's sink.
            ssrc = 1 + secrets.randbelow(2**32 - 1)
            opened = await source.worker.link.call(OpenInput(input=source.name, bind=LOOPBACK, ssrc=ssrc))
            await relay.link.call(
                OpenSink(leg=source.name, source=call.source_leg, transport="tcp_active", bind=LOOPBACK, ssrc=ssrc)
            )
            await relay.link.call(StartSink(leg=source.name, remote=(LOOPBACK, opened.port)))
        except Failure:
            await self.close(source)
            raise
        except WORKER_TROUBLE as error:
            await self.close(source)
            raise Failure(Reason.WORKER_LOST, str(error), channel=key.code) from error

    async def _lost(self, source: Input, failure: Failure) -> None:
        source.failure = failure
        await self._on_lost(source.key, failure)
        # Of a lost relay worker the viewers see a pause only: the stream worker keeps its end until the stream is back.
        await self.close(source, keep_viewers=failure.reason is Reason.WORKER_LOST)

    async def close(self, source: Input, *, keep_viewers: bool = False) -> None:
        """Release both ends; whoever wants the stream meanwhile waits for that and opens it anew."""
        if source.closed is None:
            # An opening that failed closes by itself; any other is broken off first, lest it open what nobody closes.
            opening = source.opened if source.opened is not asyncio.current_task() else None
            release = self._release(source, opening, keep_viewers)
            source.closed = asyncio.create_task(release, name=f"close {source.name}")
        await asyncio.shield(source.closed)

    async def _release(self, source: Input, opening: asyncio.Task[None] | None, keep_viewers: bool) -> None:
        self._stop_closing(source)
        if opening is not None and not opening.done():
            opening.cancel()
            await asyncio.wait([opening])
        if source.relay is not None:
            with contextlib.suppress(*WORKER_TROUBLE):
                await source.relay.link.call(CloseLeg(leg=source.name))
        if not keep_viewers:
            with contextlib.suppress(*WORKER_TROUBLE):
                await source.worker.link.call(CloseInput(input=source.name))
        self._hub.detach(source.key, source.name)
        if self._inputs.get(source.key) is source:
            del self._inputs[source.key]

    async def worker_lost(self, worker: Worker) -> None:
        """A stream worker is gone, and its inputs with it."""
        await asyncio.gather(*(self.close(source) for source in self.all() if source.worker is worker))

    def event(self, event: InputReady | InputStalled) -> None:
        """News of an input from a stream worker."""
        source = next((one for one in self._inputs.values() if one.name == event.input), None)
        if source is None:
            return
        if isinstance(event, InputReady):
            source.ready, source.failure = event, None
            size = f"{event.width}x{event.height}"
            self._ladder.step(source.name, "picture", codec=event.video_codec, size=size)
        else:
            detail = f"after {event.waited_s:.0f} s"
            source.failure = Failure(STALLED[event.step], detail, channel=source.key.code)
            self._ladder.step(source.name, "no picture", missing=event.step)

    def _close_unused(self, source: Input) -> None:
        if not source.users:
            self._spawn(self.close(source), f"close {source.name}")

    def _stop_closing(self, source: Input) -> None:
        if source.closing is not None:
            source.closing.cancel()
            source.closing = None

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _retrieved(task: asyncio.Task[None]) -> None:
    """Perhaps every waiter has gone: the outcome counts as seen."""
    if not task.cancelled():
        task.exception()


def _cancelled() -> bool:
    """Whether the running task itself was cancelled, not something it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def input_name(key: StreamKey) -> str:
    """The leg and input id of a stream on its way to people; the same after a restart."""
    return f"web-{key.peer_id}-{key.code}"
