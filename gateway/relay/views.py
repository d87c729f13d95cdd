"""Live views for people: a grant, an address with a token, and a stream that runs only while somebody looks.

A view (实时点播) belongs to one user and one channel and lives until its grant expires; its picture comes from the
stream worker. Inputs are shared: however many views of one camera there are, the relay sends it over once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.compliance.grant import Grant
from gateway.errors import Failure, NotFound, Reason
from gateway.relay.hub import Hub, StreamKey
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable
from gateway.store.views import View as StoredView
from gateway.store.views import Views as ViewStore
from gateway.telemetry.ladder import Ladder
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import (
    AnyEvent,
    CloseInput,
    CloseLeg,
    CloseView,
    InputReady,
    InputStalled,
    OpenInput,
    OpenSink,
    OpenView,
    Snapshot,
    SnapshotTaken,
    StartSink,
    ViewerJoined,
    ViewerLeft,
    ViewWanted,
)

log = structlog.get_logger("view")

LOOPBACK = "127.0.0.1"
STALLED = {
    "no_packet": Reason.NO_PACKET,
    "no_ps": Reason.NO_PS_START,
    "no_key_frame": Reason.NO_KEY_FRAME,
    "undecodable": Reason.CODEC_UNPLAYABLE,
}


EndedCallback = Callable[[StoredView, float, int, str], Awaitable[None]]
"""Told when a view ended: its record, seconds, bytes, reason."""


@dataclass(slots=True)
class View:
    """A view and what is known of its viewers."""

    record: StoredView
    viewers: int = 0
    joined: int = 0
    bytes: int = 0
    last_failure: Failure | None = None

    @property
    def key(self) -> StreamKey:
        return StreamKey(self.record.peer_id, self.record.code)


@dataclass(slots=True)
class _Input:
    """One stream brought over to a stream worker; `users` are view ids and snapshot tickets."""

    key: StreamKey
    name: str
    worker: Worker
    users: set[str] = field(default_factory=set)
    ready: InputReady | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Failure | None = None
    relay: Worker | None = None
    opened: asyncio.Task[None] | None = None
    closing: asyncio.TimerHandle | None = None


class Views:
    """All views and inputs of a node. Durations in seconds."""

    def __init__(
        self,
        hub: Hub,
        pool: WorkerPool,
        store: ViewStore,
        ladder: Ladder,
        *,
        idle_s: float = 10.0,
        unwatched_s: float = 30.0,
        snapshot_s: float = 10.0,
    ) -> None:
        self._hub = hub
        self._pool = pool
        self._store = store
        self._ladder = ladder
        self._idle_s = idle_s
        self._unwatched_s = unwatched_s
        self._snapshot_s = snapshot_s
        self._views: dict[str, View] = {}
        self._inputs: dict[StreamKey, _Input] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_ended: EndedCallback | None = None

    def get(self, view_id: str) -> View | None:
        return self._views.get(view_id)

    def all(self) -> list[View]:
        return list(self._views.values())

    async def open(self, key: StreamKey, grant: Grant) -> tuple[View, str]:
        """A new view under a grant, and its token (given out once). Returns when the stream's far side has answered.

        Raises Failure; the caller then ends the grant.
        """
        token = secrets.token_urlsafe(32)
        record = StoredView(
            id=secrets.token_hex(8),
            grant_id=grant.id,
            actor_kind=grant.actor.kind,
            actor_id=grant.actor.id,
            action=grant.action.value,
            peer_id=key.peer_id,
            code=key.code,
            token_sha256=hashlib.sha256(token.encode()).hexdigest(),
            created_at=time.time(),
            expires_at=grant.expires_at,
        )
        view = View(record)
        self._views[record.id] = view
        try:
            await self._join(key, record.id)
            await self._announce(view)
        except BaseException:
            del self._views[record.id]
            self._leave(key, record.id, 0)
            raise
        await self._store.create(record)
        self._leave_later(key, record.id, self._unwatched_s)
        return view, token

    async def close(self, view_id: str, reason: str) -> None:
        """End a view: its viewers are cut, its address answers 410."""
        view = self._views.pop(view_id, None)
        if view is None:
            return
        for worker in self._stream_workers():
            with contextlib.suppress(CommandRefused, WorkerGone, WorkerUnavailable, TimeoutError):
                await worker.link.call(CloseView(view=view_id, reason=reason))
        self._leave(view.key, view_id, 0)
        with contextlib.suppress(NotFound):
            await self._store.delete(view_id)
        if self.on_ended is not None:
            await self.on_ended(view.record, time.time() - view.record.created_at, view.bytes, reason)

    async def snapshot(self, key: StreamKey) -> SnapshotTaken:
        """One JPEG of the stream. Raises Failure naming the step that is missing."""
        ticket = f"snapshot-{secrets.token_hex(4)}"
        try:
            source = await self._join(key, ticket)
            return await source.worker.link.call(
                Snapshot(input=source.name, timeout_s=self._snapshot_s), timeout_s=self._snapshot_s + 2
            )
        except CommandRefused as error:
            source_now = self._inputs.get(key)
            if source_now is not None and source_now.failure is not None:
                raise source_now.failure from error
            raise Failure(Reason.NO_KEY_FRAME, error.error.message, channel=key.code) from error
        except (WorkerGone, WorkerUnavailable, TimeoutError) as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=key.code) from error
        finally:
            self._leave(key, ticket, self._idle_s)

    async def restore(self, held: dict[str, set[str]]) -> None:
        """After a restart: known views are announced again; inputs that both workers still hold are carried on."""
        now = time.time()
        for record in self._store.live():
            if record.expires_at <= now:
                await self._store.delete(record.id)
                continue
            self._views[record.id] = View(record)
        for key in {view.key for view in self.all()}:
            await self._adopt_input(key, held)
        for view in self.all():
            await self._announce(view)

    async def _adopt_input(self, key: StreamKey, held: dict[str, set[str]]) -> None:
        name = input_name(key)
        relay = next((w for w in self._pool.workers if w.spec.kind == "relay" and name in held[w.name]), None)
        stream = next((w for w in self._pool.workers if w.spec.kind == "stream" and name in held[w.name]), None)
        if relay is None or stream is None or self._hub.get(key) is None:
            return
        source = self._inputs[key] = _Input(key, name, stream, relay=relay)
        source.opened = asyncio.create_task(self._rejoin(source), name=f"input {key}")
        await source.opened
        source.users.update(view.record.id for view in self.all() if view.key == key)
        for view_id in list(source.users):
            self._leave_later(key, view_id, self._unwatched_s)

    async def _rejoin(self, source: _Input) -> None:
        await self._hub.attach(source.key, source.name, lambda failure: self._stream_ended(source, failure))

    def legs(self) -> set[str]:
        """The relay legs and stream inputs that belong to views."""
        return {source.name for source in self._inputs.values()}

    async def worker_lost(self, worker: Worker) -> None:
        """A stream worker was replaced: its views are announced again, its inputs are gone."""
        for source in [entry for entry in self._inputs.values() if entry.worker is worker]:
            await self._close_input(source)
        for view in self.all():
            await self._announce(view)

    async def expire(self, now: float) -> None:
        """End the views whose grant is over."""
        for view in self.all():
            if view.record.expires_at <= now:
                await self.close(view.record.id, "expired")

    async def media_event(self, worker: Worker, event: AnyEvent) -> None:
        """News from a stream worker."""
        match event:
            case ViewWanted():
                await self._wanted(event.view)
            case ViewerJoined():
                self._viewer_joined(event.view)
            case ViewerLeft():
                self._viewer_left(event)
            case InputReady():
                source = self._input_named(event.input)
                if source is not None:
                    source.ready, source.failure = event, None
                    source.arrived.set()
                    self._ladder.step(
                        source.name, "picture", codec=event.video_codec, size=f"{event.width}x{event.height}"
                    )
            case InputStalled():
                source = self._input_named(event.input)
                if source is not None:
                    source.failure = Failure(
                        STALLED[event.step], f"after {event.waited_s:.0f} s", channel=source.key.code
                    )
                    self._ladder.step(source.name, "no picture", missing=event.step)
            case _:
                pass

    def describe(self, view: View) -> dict[str, Any]:
        """The state of a view for the API."""
        source = self._inputs.get(view.key)
        ready = source.ready if source is not None else None
        failure = view.last_failure or (source.failure if source is not None else None)
        return {
            "id": view.record.id,
            "actor": f"{view.record.actor_kind}:{view.record.actor_id}",
            "peer_id": view.record.peer_id,
            "code": view.record.code,
            "grant_id": view.record.grant_id,
            "created_at": view.record.created_at,
            "expires_at": view.record.expires_at,
            "viewers": view.viewers,
            "state": "playing" if ready is not None else ("connecting" if source is not None else "idle"),
            "codec": ready.video_codec if ready is not None else None,
            "audio": ready.audio_codec if ready is not None else None,
            "width": ready.width if ready is not None else None,
            "height": ready.height if ready is not None else None,
            "failure": failure.to_json() if failure is not None else None,
        }

    async def _announce(self, view: View) -> None:
        record = view.record
        source = self._inputs.get(view.key)
        workers = [source.worker] if source is not None else self._stream_workers()
        for worker in workers:
            with contextlib.suppress(WorkerGone, WorkerUnavailable):
                await worker.link.call(
                    OpenView(
                        view=record.id,
                        input=input_name(view.key),
                        token_sha256=record.token_sha256,
                        expires_at=record.expires_at,
                    )
                )

    def _stream_workers(self) -> list[Worker]:
        return [worker for worker in self._pool.workers if worker.spec.kind == "stream"]

    def _input_named(self, name: str) -> _Input | None:
        return next((source for source in self._inputs.values() if source.name == name), None)

    async def _wanted(self, view_id: str) -> None:
        """Somebody opened the address of an idle view."""
        view = self._views.get(view_id)
        if view is None or view.record.expires_at <= time.time():
            return
        self._spawn(self._reopen(view), f"reopen {view_id}")

    async def _reopen(self, view: View) -> None:
        try:
            await self._join(view.key, view.record.id)
            view.last_failure = None
            self._leave_later(view.key, view.record.id, self._unwatched_s)
        except Failure as failure:
            view.last_failure = failure
            log.warning("view cannot be resumed", view=view.record.id, step=failure.step, problem=failure.message)

    def _viewer_joined(self, view_id: str) -> None:
        view = self._views.get(view_id)
        if view is not None:
            view.viewers += 1
            view.joined += 1
            source = self._inputs.get(view.key)
            if source is not None:
                source.users.add(view_id)
                self._stay(source)

    def _viewer_left(self, event: ViewerLeft) -> None:
        view = self._views.get(event.view)
        if view is not None:
            view.viewers = max(0, view.viewers - 1)
            view.bytes += event.bytes
            if view.viewers == 0:
                self._leave(view.key, event.view, self._idle_s)

    async def _join(self, key: StreamKey, user: str) -> _Input:
        """Make sure the stream comes over to a stream worker; several callers share one opening. Raises Failure."""
        source = self._inputs.get(key)
        if source is None:
            try:
                worker = self._pool.of_kind("stream")
            except WorkerUnavailable as error:
                raise Failure(Reason.WORKER_LOST, str(error)) from error
            source = self._inputs[key] = _Input(key, input_name(key), worker)
            source.opened = asyncio.create_task(self._open_input(source), name=f"input {key}")
        source.users.add(user)
        self._stay(source)
        assert source.opened is not None
        try:
            await asyncio.shield(source.opened)
        except BaseException:
            source.users.discard(user)
            raise
        return source

    async def _open_input(self, source: _Input) -> None:
        try:
            call = await self._hub.attach(source.key, source.name, lambda failure: self._stream_ended(source, failure))
            relay = source.relay = self._pool.named(call.worker_name)
            if relay is None:
                raise Failure(Reason.WORKER_LOST, call.worker_name)
            opened = await source.worker.link.call(OpenInput(input=source.name, bind=LOOPBACK))
            await relay.link.call(
                OpenSink(leg=source.name, source=call.source_leg, transport="tcp_active", bind=LOOPBACK, ssrc=1)
            )
            await relay.link.call(StartSink(leg=source.name, remote=(LOOPBACK, opened.port)))
        except Failure:
            await self._close_input(source)
            raise
        except (CommandRefused, WorkerGone, WorkerUnavailable, TimeoutError) as error:
            await self._close_input(source)
            raise Failure(Reason.WORKER_LOST, str(error), channel=source.key.code) from error

    async def _stream_ended(self, source: _Input, failure: Failure) -> None:
        """The stream was lost: viewers of its views are cut; their addresses stay good and will ask again."""
        for view in self.all():
            if view.key == source.key:
                view.last_failure = failure
                view.viewers = 0
        await self._close_input(source)

    async def _close_input(self, source: _Input) -> None:
        if self._inputs.get(source.key) is source:
            del self._inputs[source.key]
        self._stay(source)
        if source.relay is not None:
            with contextlib.suppress(CommandRefused, WorkerGone, WorkerUnavailable, TimeoutError):
                await source.relay.link.call(CloseLeg(leg=source.name))
        with contextlib.suppress(CommandRefused, WorkerGone, WorkerUnavailable, TimeoutError):
            await source.worker.link.call(CloseInput(input=source.name))
        self._hub.detach(source.key, source.name)

    def _leave(self, key: StreamKey, user: str, after_s: float) -> None:
        source = self._inputs.get(key)
        if source is None:
            return
        source.users.discard(user)
        if not source.users:
            self._stay(source)
            loop = asyncio.get_running_loop()
            source.closing = loop.call_later(
                after_s, lambda: self._spawn(self._close_unused(source), f"close {source.name}")
            )

    def _leave_later(self, key: StreamKey, view_id: str, after_s: float) -> None:
        """A view nobody opens does not hold its stream for ever."""

        def check() -> None:
            view = self._views.get(view_id)
            if view is None or view.viewers == 0:
                self._leave(key, view_id, 0)

        asyncio.get_running_loop().call_later(after_s, check)

    async def _close_unused(self, source: _Input) -> None:
        if not source.users:
            await self._close_input(source)

    def _stay(self, source: _Input) -> None:
        if source.closing is not None:
            source.closing.cancel()
            source.closing = None

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def input_name(key: StreamKey) -> str:
    """The leg and input id of a stream on its way to people; the same after a restart."""
    return f"web-{key.peer_id}-{key.code}"
