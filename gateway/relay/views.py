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
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.compliance.grant import Grant
from gateway.errors import Failure, LocalError, NotFound, Reason
from gateway.relay.hub import Hub, StreamKey
from gateway.relay.inputs import WORKER_TROUBLE, Inputs, input_name
from gateway.relay.pool import Worker, WorkerPool
from gateway.relay.trail import Trail
from gateway.store.views import View as StoredView
from gateway.store.views import Views as ViewStore
from gateway.telemetry.ladder import Ladder
from media.worker.client import CommandRefused
from media.worker.control import (
    AnyEvent,
    CloseView,
    InputReady,
    InputStalled,
    OpenView,
    Snapshot,
    SnapshotTaken,
    StreamStats,
    ViewerJoined,
    ViewerLeft,
    ViewStats,
    ViewWanted,
)

log = structlog.get_logger("view")

EndedCallback = Callable[[StoredView, float, int, str], Awaitable[None]]
"""Told when a view ended: its record, seconds, bytes, reason."""
Resume = Callable[[str], Awaitable[Grant | None]]
"""Takes a grant of before a restart up again; None when it does not hold any more."""


@dataclass(slots=True)
class View:
    """A view, the grant it is under, and what is known of its viewers. `sent` counts the present stream worker's bytes,
    `sent_before` those of workers that are gone."""

    record: StoredView
    grant: Grant
    viewers: int = 0
    joined: int = 0
    sent: int = 0
    sent_before: int = 0
    last_failure: Failure | None = None

    @property
    def key(self) -> StreamKey:
        return StreamKey(self.record.peer_id, self.record.code)

    @property
    def bytes(self) -> int:
        return self.sent_before + self.sent

    def take(self, stats: ViewStats) -> None:
        """The counters of the stream worker."""
        self.viewers, self.sent = stats.viewers, stats.bytes
        self.joined = max(self.joined, stats.joined)


class Views:
    """All views of a node. Durations in seconds: `idle_s` a stream is kept after the last viewer left, `unwatched_s`
    it waits for the first, `token_s` an address that nobody opened stays good."""

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
        token_s: float = 300.0,
    ) -> None:
        self.inputs = Inputs(hub, pool, ladder, on_lost=self._stream_lost)
        self._pool = pool
        self._store = store
        self._idle_s = idle_s
        self._unwatched_s = unwatched_s
        self._snapshot_s = snapshot_s
        self._token_s = token_s
        self._views: dict[str, View] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_ended: EndedCallback | None = None

    def get(self, view_id: str) -> View | None:
        return self._views.get(view_id)

    def all(self) -> list[View]:
        return list(self._views.values())

    async def open(self, key: StreamKey, grant: Grant) -> tuple[View, str]:
        """A new view under a grant, and its token (given out once). Returns when the stream's far side has answered.

        Raises Failure; the caller then ends the grant. LocalError: the grant is for something else.
        """
        _check(grant, key)
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
        view = View(record, grant)
        self._views[record.id] = view
        # Written while the camera is called: nobody waits for the disk twice.
        stored = asyncio.create_task(self._store.create(record), name=f"store view {record.id}")
        try:
            await self.inputs.join(grant, record.id, Trail(identity_of(grant.actor.id)))
            await stored
            if record.id not in self._views:  # closed while the camera was called: the right to it was withdrawn
                raise Failure(Reason.FORBIDDEN, channel=key.code)
            await self._announce(view)
        except BaseException:
            self._views.pop(record.id, None)
            self.inputs.leave(key, record.id, 0)
            await asyncio.gather(stored, return_exceptions=True)
            await self._forget(record.id)
            raise
        self._leave_later(view)
        return view, token

    async def close(self, view_id: str, reason: str) -> None:
        """End a view: its viewers are cut, its address answers 410."""
        view = self._views.pop(view_id, None)
        if view is None:
            return
        for stats in await self._cut(view_id, reason):
            view.take(stats)
        self.inputs.leave(view.key, view_id, 0)
        await self._forget(view_id)
        if self.on_ended is not None:
            await self.on_ended(view.record, time.time() - view.record.created_at, view.bytes, reason)

    async def close_grant(self, grant_id: str, reason: str) -> None:
        """End the view under a grant, if there is one."""
        for view in self.all():
            if view.record.grant_id == grant_id:
                await self.close(view.record.id, reason)

    async def _cut(self, view_id: str, reason: str) -> list[ViewStats]:
        """Have the workers close a view; its last counters."""
        last: list[ViewStats] = []
        for worker in self._stream_workers():
            with contextlib.suppress(*WORKER_TROUBLE):
                final = await worker.link.call(CloseView(view=view_id, reason=reason))
                last += final.views if isinstance(final, StreamStats) else []
        return last

    async def _forget(self, view_id: str) -> None:
        with contextlib.suppress(NotFound):
            await self._store.delete(view_id)

    async def snapshot(self, key: StreamKey, grant: Grant) -> SnapshotTaken:
        """One JPEG of the stream. Raises Failure naming the step that is missing, LocalError as `open`."""
        _check(grant, key)
        ticket = f"snapshot-{secrets.token_hex(4)}"
        try:
            source = await self.inputs.join(grant, ticket, Trail(identity_of(grant.actor.id)))
            return await source.worker.link.call(
                Snapshot(input=source.name, timeout_s=self._snapshot_s), timeout_s=self._snapshot_s + 2
            )
        except CommandRefused as error:
            known = self.inputs.get(key)
            if known is not None and known.failure is not None:
                raise known.failure from error
            raise Failure(Reason.NO_KEY_FRAME, error.error.message, channel=key.code) from error
        except WORKER_TROUBLE as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=key.code) from error
        finally:
            self.inputs.leave(key, ticket, self._idle_s)

    # -- restarts

    async def restore(self, held: dict[str, set[str]], resume: Resume) -> None:
        """After a restart: known views are announced again; inputs that both workers still hold are carried on.

        A view whose grant does not hold any more is not taken up.
        """
        now = time.time()
        for record in self._store.live():
            grant = await resume(record.grant_id)
            if grant is None:
                await self._cut(record.id, "expired")
                await self._forget(record.id)
                continue
            self._views[record.id] = View(record, grant, joined=1)
            if record.expires_at <= now:
                await self.close(record.id, "expired")
        for worker in self._stream_workers():
            await self._sample(worker)
        for key, grant in {view.key: view.grant for view in self.all()}.items():
            users = {view.record.id for view in self.all() if view.key == key}
            await self.inputs.adopt(grant, held, users)
        for view in self.all():
            await self._announce(view)
            self._leave_later(view)

    async def worker_lost(self, worker: Worker) -> None:
        """A stream worker is gone, with all its viewers and inputs."""
        for view in self.all():
            view.sent_before, view.sent, view.viewers = view.bytes, 0, 0
        await self.inputs.worker_lost(worker)

    async def worker_back(self) -> None:
        """A stream worker was replaced: the views are announced to it."""
        for view in self.all():
            await self._announce(view)

    # -- desired state

    async def expire(self, now: float) -> None:
        """End the views whose address nobody opened in time."""
        for view in self.all():
            if view.joined == 0 and view.record.created_at + self._token_s <= now:
                await self.close(view.record.id, "never opened")

    def take(self, counters: Iterable[ViewStats]) -> None:
        """The counters of a stream worker."""
        for stats in counters:
            view = self._views.get(stats.view)
            if view is not None:
                view.take(stats)

    async def reattach(self) -> int:
        """Bring the streams of views that have viewers but no input over again; how many were missing."""
        missing = {view.key: view for view in self.all() if view.viewers and self.inputs.get(view.key) is None}
        await asyncio.gather(*(self._reopen(view) for view in missing.values()))
        return len(missing)

    async def _sample(self, worker: Worker) -> None:
        with contextlib.suppress(*WORKER_TROUBLE):
            counters = await worker.link.stream_stats()
            self.take(counters.views)

    # -- events

    async def media_event(self, event: AnyEvent) -> None:
        """News from a stream worker."""
        match event:
            case ViewWanted():
                view = self._views.get(event.view)
                if view is not None:
                    self._spawn(self._reopen(view), f"reopen {event.view}")
            case ViewerJoined():
                self._viewer_joined(event.view)
            case ViewerLeft():
                self._viewer_left(event)
            case InputReady() | InputStalled():
                self.inputs.event(event)
            case _:
                pass

    async def _reopen(self, view: View) -> None:
        """Somebody looks at an idle view."""
        record = view.record
        try:
            await self.inputs.join(view.grant, record.id, Trail(identity_of(record.actor_id)))
            view.last_failure = None
            self._leave_later(view)
        except Failure as failure:
            view.last_failure = failure
            log.warning("view cannot be resumed", view=record.id, step=failure.step, problem=failure.message)

    def _viewer_joined(self, view_id: str) -> None:
        view = self._views.get(view_id)
        if view is not None:
            view.viewers += 1
            view.joined += 1
            source = self.inputs.get(view.key)
            if source is not None:
                self.inputs.stay(source, view_id)

    def _viewer_left(self, event: ViewerLeft) -> None:
        view = self._views.get(event.view)
        if view is not None:
            view.viewers = max(0, view.viewers - 1)
            if view.viewers == 0:
                self.inputs.leave(view.key, event.view, self._idle_s)

    async def _stream_lost(self, key: StreamKey, failure: Failure) -> None:
        """The stream was lost: the addresses of its views stay good, and whoever opens one again asks for it again."""
        for view in self.all():
            if view.key == key:
                view.last_failure = failure

    def _leave_later(self, view: View) -> None:
        """A view nobody opens does not hold its stream for ever."""

        def check() -> None:
            if view.viewers == 0:
                self.inputs.leave(view.key, view.record.id, 0)

        asyncio.get_running_loop().call_later(self._unwatched_s, check)

    # -- what others see

    def describe(self, view: View) -> dict[str, Any]:
        """The state of a view for the API."""
        source = self.inputs.get(view.key)
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
        source = self.inputs.get(view.key)
        workers = [source.worker] if source is not None else self._stream_workers()
        for worker in workers:
            with contextlib.suppress(*WORKER_TROUBLE):
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

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _check(grant: Grant, key: StreamKey) -> None:
    """A grant opens the one stream it was given for."""
    if StreamKey.granted(grant) != key:
        raise LocalError(f"a grant for {grant.peer_id}/{grant.code} does not open {key}")


def identity_of(actor_id: str) -> str:
    """The user identity that goes downward with a request of our own (Monitor-User-Identity, GB/T 28181-2022 8.3)."""
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in actor_id)
