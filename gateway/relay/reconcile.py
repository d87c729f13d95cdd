"""Desired state, not hope: what the workers hold is compared with what has an owner here, and what differs is repaired.

A leg without an owner is closed; an owner whose leg is gone is told; viewers without a stream get it again; a worker
that does not answer is killed, so that another takes its place. Both sides change while they are looked at, so only
what is wrong in two rounds running counts as wrong.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from gateway.errors import Failure, Reason
from gateway.relay.inputs import WORKER_TROUBLE, input_name
from gateway.relay.lease import Lease
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable, close_leg
from gateway.relay.ssrc import SsrcPool
from gateway.relay.views import Views
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import CloseInput, CloseView, Command, LegStats

log = structlog.get_logger("reconcile")

Place = tuple[str, str, str]
"""Worker, kind ("leg", "input", "view") and id of something a worker holds."""


@dataclass(slots=True)
class Report:
    """What one round found wrong: leases without an owner by kind, owners without a leg, streams brought over again."""

    leaked: dict[str, int] = field(default_factory=lambda: {"leg": 0, "input": 0, "view": 0, "ssrc": 0})
    missing: int = 0
    reattached: int = 0


class Reconciler:
    """Compares and repairs; `round` is called every few seconds.

    `leases()` are the legs that have an owner, `calls()` the ids of calls (owners of SSRCs); `take(counters)` gets what
    the relay workers counted.
    """

    def __init__(
        self,
        pool: WorkerPool,
        views: Views,
        ssrcs: SsrcPool,
        *,
        leases: Callable[[], list[Lease]],
        calls: Callable[[], set[str]],
        take: Callable[[Worker, Iterable[LegStats]], None],
    ) -> None:
        self._pool = pool
        self._views = views
        self._ssrcs = ssrcs
        self._leases = leases
        self._calls = calls
        self._take = take
        self._suspects: set[Place] = set()
        self._absent: set[Place] = set()
        self._idle_ssrcs: set[str] = set()
        self._silent: set[str] = set()
        self.report = Report()

    async def round(self) -> Report:
        """Look once, repair what was wrong the last time too."""
        held = [(worker, await self._held(worker)) for worker in self._pool.workers if worker.connected]
        owned = {(lease.worker, "leg", lease.leg): lease for lease in self._leases()}
        wanted = set(owned) | self._wanted_by_views()
        report = Report()
        suspects: set[Place] = set()
        absent: set[Place] = set()
        for worker, places in held:
            if places is None:
                continue
            suspects |= places - wanted
            absent |= {place for place, lease in owned.items() if place[0] == worker.name and lease.settled} - places
        for place in suspects & self._suspects:
            report.leaked[place[1]] += 1
            await self._close(place)
        for place in absent & self._absent:
            report.missing += 1
            log.warning("leg lost", worker=place[0], leg=place[2])
            await owned[place].lost(Failure(Reason.WORKER_LOST, f"{place[0]} does not have its leg any more"))
        self._suspects, self._absent = suspects, absent
        report.leaked["ssrc"] = self._leaked_ssrcs()
        report.reattached = await self._views.reattach()
        self.report = report
        return report

    async def _held(self, worker: Worker) -> set[Place] | None:
        """What a worker has open; None when it does not say. One that was asked twice in vain is killed."""
        try:
            places = await self._asked(worker)
        except TimeoutError:
            if worker.name in self._silent:
                self._pool.kill(worker)
            self._silent ^= {worker.name}
            return None
        self._silent.discard(worker.name)
        return places

    async def _asked(self, worker: Worker) -> set[Place] | None:
        with contextlib.suppress(CommandRefused, WorkerGone, WorkerUnavailable):
            if worker.spec.kind == "relay":
                legs = await worker.link.leg_stats()
                self._take(worker, legs)
                return {(worker.name, "leg", leg.leg) for leg in legs}
            if worker.spec.kind == "source":
                return {(worker.name, "leg", pull.leg) for pull in (await worker.link.source_stats()).pulls}
            stream = await worker.link.stream_stats()
            self._views.take(stream.views)
            inputs = {(worker.name, "input", one.input) for one in stream.inputs}
            return inputs | {(worker.name, "view", one.view) for one in stream.views}
        return None

    def _wanted_by_views(self) -> set[Place]:
        wanted: set[Place] = set()
        for source in self._views.inputs.all():
            wanted.add((source.worker.name, "input", source.name))
            if source.relay is not None:
                wanted.add((source.relay.name, "leg", source.name))
        watched = {view.key for view in self._views.all() if view.viewers}
        for worker in self._pool.workers:
            if worker.spec.kind == "stream":
                wanted |= {(worker.name, "view", view.record.id) for view in self._views.all()}
                # Viewers are waiting there for their stream to come back.
                wanted |= {(worker.name, "input", input_name(key)) for key in watched}
        return wanted

    async def _close(self, place: Place) -> None:
        worker_name, kind, name = place
        worker = self._pool.named(worker_name)
        if worker is None:
            return
        command: Command
        if kind == "leg":
            command = close_leg(worker, name)
        elif kind == "input":
            command = CloseInput(input=name)
        else:
            command = CloseView(view=name, reason="it has no owner")
        log.warning("nobody's: closed", worker=worker_name, kind=kind, name=name)
        with contextlib.suppress(*WORKER_TROUBLE):
            await worker.link.call(command)

    def _leaked_ssrcs(self) -> int:
        idle = set(self._ssrcs.owners()) - self._calls()
        leaked = idle & self._idle_ssrcs
        self._idle_ssrcs = idle
        return len(leaked)
