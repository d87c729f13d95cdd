"""All live calls of this node, below and above: opened, found by their dialog or leg, carried over a restart.

This is the bridge (B2BUA): an upper platform's or a person's wish on one side, one call to the camera on the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

import structlog

from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.camera_call import CameraCall
from gateway.relay.hub import Hub, StreamKey, UpstreamCall
from gateway.relay.inputs import WORKER_TROUBLE
from gateway.relay.lease import Lease
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable, close_leg
from gateway.relay.trail import ROUTE_PATH, Trail, route_path
from gateway.relay.views import Resume, Views
from gateway.rtsp.call import RtspCall
from gateway.rtsp.calls import RtspCalls
from gateway.rtsp.target import RtspTarget, UnresolvedTarget
from gateway.signalling.bye import send_bye
from gateway.signalling.call_environment import CallEnvironment, LowerTarget
from gateway.signalling.calls import CallRecord
from gateway.signalling.device_sessions import DeviceSessions
from gateway.signalling.lower_call import LowerCall
from gateway.signalling.upper_call import UpperCall
from gateway.signalling.upper_request import UpperRequest
from media.worker.control import AnyEvent, KeyFrameWanted, LegStats
from sip import RemoteError, Request

log = structlog.get_logger("live")

MAX_UPPER_CALLS = 4000


class LiveCalls:
    """The calls of a node.

    `locate(key)` says where a stream is to be had right now (raises Failure: unknown, offline); `want_key_frame(key)`
    asks the camera for one; `rtsp` makes the calls to cameras that speak RTSP only; `upper_ended(call, reason)` closes
    the books of an upper platform's view; `resume(grant_id)` takes up a grant of before a restart.
    """

    def __init__(
        self,
        environment: CallEnvironment,
        pool: WorkerPool,
        *,
        locate: Callable[[StreamKey], LowerTarget | RtspTarget | UnresolvedTarget],
        rtsp: RtspCalls,
        want_key_frame: Callable[[StreamKey], Awaitable[None]],
        upper_ended: Callable[[UpperCall, str], Awaitable[None]],
        resume: Resume,
        linger_s: float,
        max_streams: int = 2000,
        sessions: DeviceSessions | None = None,
    ) -> None:
        self.hub = Hub(self._open_upstream, linger_s=linger_s)
        self.views: Views | None = None
        self.sessions = sessions or DeviceSessions()
        self._environment = environment
        self._pool = pool
        self._locate = locate
        self._rtsp = rtsp
        self._want_key_frame = want_key_frame
        self._upper_ended = upper_ended
        self._resume = resume
        self._max_streams = max_streams
        self._lower: dict[str, CameraCall] = {}
        self._upper: dict[str, UpperCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def lower_calls(self) -> list[CameraCall]:
        return list(self._lower.values())

    @property
    def upper_calls(self) -> list[UpperCall]:
        return list(self._upper.values())

    async def _open_upstream(self, key: StreamKey, trail: Trail) -> UpstreamCall:
        if len(self._lower) >= self._max_streams:
            raise Failure(Reason.BUSY, f"{self._max_streams} streams are up (media.max_streams)", channel=key.code)
        target = await self._admitted(key)
        try:
            worker = self._pool.of_kind("relay")
        except WorkerUnavailable as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=key.code) from error
        call = self._call_to(target, worker, trail)
        self._lower[call.id] = call
        try:
            await call.start()
        except Failure as failure:
            log.warning(
                "stream not started", stream=str(key), peer=str(target.peer), step=failure.step, problem=failure.message
            )
            if isinstance(target, LowerTarget):
                self.sessions.failed(target, failure, self.streams_of(key.peer_id, answered=True))
            raise
        if isinstance(target, LowerTarget):
            self.sessions.succeeded(target, self.streams_of(key.peer_id, answered=True))
        return call

    def _call_to(self, target: LowerTarget | RtspTarget, worker: Worker, trail: Trail) -> CameraCall:
        if isinstance(target, RtspTarget):
            return self._rtsp.make(target, worker, on_lost=self._lower_lost, on_ended=self._lower_ended)
        return LowerCall(
            target, worker, self._environment, on_lost=self._lower_lost, on_ended=self._lower_ended, trail=trail
        )

    async def _admitted(self, key: StreamKey) -> LowerTarget | RtspTarget:
        """Where the stream is to be had. Raises Failure, also when the device sends no stream more; one nobody watches
        any more makes room."""
        while True:
            target = self._locate(key)
            if isinstance(target, UnresolvedTarget):
                return await target.resolve()
            if isinstance(target, RtspTarget) or self.sessions.admits(target, self.streams_of(key.peer_id)):
                return target
            if not await self.hub.end_lingering(key.peer_id):
                raise self.sessions.refusal(target)

    def streams_of(self, peer_id: str, *, answered: bool = False) -> int:
        """How many calls a peer has from us, with `answered` without those it has not answered yet."""
        calls = (call for call in self._lower.values() if call.key.peer_id == peer_id)
        return sum(call.established or not answered for call in calls)

    def _lower_ended(self, call: CameraCall) -> None:
        self._lower.pop(call.id, None)

    async def _lower_lost(self, call: CameraCall, failure: Failure) -> None:
        log.warning("stream lost", stream=str(call.key), step=failure.step, problem=failure.message)
        words = {"message": failure.message, "message_zh": failure.message_zh}
        self._environment.ladder.step(call.id, "lost", step=failure.step, **words)
        self._environment.metrics.failed(failure, "stream")
        await self.hub.lost(call.key, failure, call)
        await call.end(failure)

    async def invited(self, request: UpperRequest) -> None:
        """An upper platform's INVITE that was granted. Raises Failure when it was answered with an error."""
        call = UpperCall.for_request(request, self._environment, self.hub, self._pool, on_ended=self._upper_call_ended)
        try:
            self._check_trail(request)
            if len(self._upper) >= MAX_UPPER_CALLS:
                raise Failure(Reason.BUSY, f"{MAX_UPPER_CALLS} calls are up")
            self._replace_same_part(call)
            self._upper[call.id] = call
            await call.answer(request)
        except Failure as failure:
            self._environment.metrics.failed(failure, "upper view")
            # Answered here: a refusal names its way through the platforms too.
            path = route_path(self._environment.me.id, failure.route_path)
            request.incoming.respond(failure.sip_status, failure.sip_phrase, headers=[(ROUTE_PATH, path)])
            raise

    def _check_trail(self, request: UpperRequest) -> None:
        """A request that has been here before would go round and round (GB/T 28181-2022 8.3, RFC 3261 16.3)."""
        trail = Trail.of(request.incoming.request)
        if trail.passed(self._environment.me.id) or trail.passed(request.local_id):
            raise Failure(Reason.LOOP, f"it has passed {trail.identity}", channel=request.key.code)
        if trail.exhausted:
            raise Failure(Reason.TOO_MANY_HOPS, channel=request.key.code)

    def _replace_same_part(self, call: UpperCall) -> None:
        """GB/T 28181-2022 Annex K c): an INVITE for a sender part already being sent replaces the old link.

        Not waited for: the new one joins the stream before the old one leaves it, and of several that come at once each
        ends all before it.
        """
        if not call.sender_part:
            return
        for old in self.upper_calls:
            if old.upper_id == call.upper_id and old.sender_part == call.sender_part:
                failure = Failure(Reason.CANCELLED, "replaced by a new INVITE for the same stream")
                self._spawn(old.end(failure), f"replace {old.leg}")

    async def _upper_call_ended(self, call: UpperCall, reason: str) -> None:
        self._upper.pop(call.id, None)
        await self._upper_ended(call, reason)

    def find(self, request: Request, *, lower_id: str | None, upper_id: str | None) -> LowerCall | UpperCall | None:
        """The call an in-dialog request belongs to, among the calls with exactly that sender."""
        for lower in self._lower.values():
            if isinstance(lower, LowerCall) and lower.key.peer_id == lower_id and lower.matches(request):
                return lower
        for upper in self._upper.values():
            if upper.upper_id == upper_id and upper.matches(request):
                return upper
        return None

    async def bye(self, call: LowerCall | UpperCall) -> None:
        """The far side ended a call (its BYE is answered already)."""
        await call.ended_by_peer()

    async def peer_offline(self, peer_id: str, failure: Failure) -> None:
        """A peer below went away: everything that came from it ends, up and down."""
        for call in self.lower_calls:
            if call.key.peer_id == peer_id:
                await self._lower_lost(call, failure)

    def sends(self, peer_id: str) -> bool:
        """Whether a stream of a peer that does not register is coming in right now."""
        return any(isinstance(call, RtspCall) and call.up and call.key.peer_id == peer_id for call in self.lower_calls)

    async def upper_offline(self, upper_id: str, failure: Failure) -> None:
        """An upper platform went away: what was sent to it ends."""
        for call in self.upper_calls:
            if call.upper_id == upper_id:
                await call.end(failure)

    async def media_event(self, worker: Worker, event: AnyEvent) -> None:
        """News from any media worker."""
        if worker.spec.kind == "stream":
            if self.views is not None:
                await self.views.media_event(event)
            return
        leg = getattr(event, "leg", "")
        lower = self._lower.get(leg.partition("-")[2]) if leg.startswith(("in-", "pull-")) else None
        if lower is not None:
            if isinstance(event, KeyFrameWanted) and lower.takes_commands:
                # Not awaited: the news of all other legs come behind this one.
                self._spawn(self._want_key_frame(lower.key), f"key frame {lower.key}")
            lower.media_event(event)
        elif leg.startswith("out-"):
            upper = self._upper.get(leg.removeprefix("out-"))
            if upper is not None:
                upper.media_event(event)

    async def worker_lost(self, worker: Worker) -> None:
        """A worker is gone, and its streams with it: everybody concerned is told at once."""
        if worker.spec.kind == "stream":
            if self.views is not None:
                await self.views.worker_lost(worker)
            return
        failure = Failure(Reason.WORKER_LOST, worker.name)
        calls = [call for call in self.lower_calls if any(held is worker for held, _ in call.legs)]
        await asyncio.gather(*(self._lower_lost(call, failure) for call in calls))

    async def worker_back(self, worker: Worker) -> None:
        """A worker was replaced: views are announced to it, and viewers who waited get their stream again."""
        if self.views is not None:
            if worker.spec.kind == "stream":
                await self.views.worker_back()
            await self.views.reattach()

    # -- desired state

    async def end_grant(self, grant_id: str, failure: Failure) -> None:
        """The grant of an upper platform's view is over."""
        for call in self.upper_calls:
            if call.grant_id == grant_id:
                await call.end(failure)

    def call_ids(self) -> set[str]:
        """The ids of all calls."""
        return {*self._lower, *self._upper}

    def leases(self) -> list[Lease]:
        """Every leg that belongs to a call."""
        found = []
        for lower in self.lower_calls:
            lost = self._lower_leg_lost(lower)
            found += [Lease(leg, worker.name, lower.established, lost) for worker, leg in lower.legs]
        for upper in self.upper_calls:
            if upper.worker_name is not None:
                found.append(Lease(upper.leg, upper.worker_name, upper.established, upper.end))
        return found

    def _lower_leg_lost(self, call: CameraCall) -> Callable[[Failure], Awaitable[None]]:
        return lambda failure: self._lower_lost(call, failure)

    def take(self, counters: Iterable[LegStats]) -> None:
        """The counters of a relay worker."""
        for stats in counters:
            upper = self._upper.get(stats.leg.removeprefix("out-"))
            if upper is not None:
                upper.take(stats)

    # -- restarts

    async def restore(self) -> None:
        """After a restart: carry on the calls whose legs an adopted worker still holds, end the others properly."""
        held = {worker.name: {leg.leg: leg for leg in worker.legs_at_hello} for worker in self._pool.workers}
        names = {worker: set(legs) for worker, legs in held.items()}
        records = await self._environment.book.records()
        alive = [r for r in records if all(leg in held.get(worker, {}) for worker, leg in r.legs)]
        for record in alive:
            if record.side == "lower":
                self._restore_lower(record)
        if self.views is not None:
            await self.views.restore(names, self._resume)
        for record in alive:
            if record.side == "upper":
                await self._restore_upper(record, started=held[record.worker][record.leg].started)
        carried = {record.id for record in alive}
        dead = [record for record in records if record.id not in carried]
        lost = Failure(Reason.WORKER_LOST, "restarted")
        await asyncio.gather(*(self._bury(record, lost) for record in dead))
        await self._close_strays(names)
        if records:
            log.info("calls restored", carried_on=len(carried), ended=len(dead))

    def _restore_lower(self, record: CallRecord) -> None:
        worker = self._pool.named(record.worker)
        assert worker is not None
        lost, ended = self._lower_lost, self._lower_ended
        call: CameraCall
        if record.is_rtsp:
            call = self._rtsp.restored(record, worker, on_lost=lost, on_ended=ended)
        else:
            call = LowerCall.restored(record, worker, self._environment, on_lost=lost, on_ended=ended)
        self._lower[call.id] = call
        self.hub.restore(call.key, call)

    async def _restore_upper(self, record: CallRecord, *, started: bool) -> None:
        grant = await self._resume(record.grant_id)
        if grant is None:
            await self._bury(record, Failure(Reason.EXPIRED, "its grant does not hold any more"))
            return
        call = self._restored(record, grant)
        self._upper[call.id] = call
        if self.hub.get(call.key) is None or not started:
            await call.end(Failure(Reason.STREAM_LOST, "the stream did not survive a restart"))
        else:
            await call.rejoin()

    def _restored(self, record: CallRecord, grant: Grant) -> UpperCall:
        return UpperCall.restored(
            record, grant, self._environment, self.hub, self._pool, on_ended=self._upper_call_ended
        )

    async def _bury(self, record: CallRecord, failure: Failure) -> None:
        """A call that cannot go on: tell the far side, so that no camera goes on sending to nobody."""
        if not record.is_rtsp:
            with contextlib.suppress(RemoteError, OSError):
                await send_bye(self._environment.stack, record.restored_dialog(), record.peer, failure)
        await self._environment.book.forget(record.id)
        if record.side == "upper" and (grant := await self._resume(record.grant_id)) is not None:
            await self._upper_ended(self._restored(record, grant), failure.step)

    async def _close_strays(self, held: dict[str, set[str]]) -> None:
        """Legs that no call owns (a crash between opening and remembering) are closed: leases never leak."""
        known = {lease.leg for lease in self.leases()}
        if self.views is not None:
            known |= {source.name for source in self.views.inputs.all()}
        for worker in self._pool.workers:
            for leg in held.get(worker.name, set()) - known:
                if worker.spec.kind != "stream":
                    with contextlib.suppress(*WORKER_TROUBLE):
                        await worker.link.call(close_leg(worker, leg))

    async def close(self) -> None:
        """A clean stop: every call is ended on both sides."""
        failure = Failure(Reason.SHUTTING_DOWN)
        await asyncio.gather(*(upper.end(failure) for upper in self.upper_calls))
        await self.hub.close(failure)

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:  # task boundary
                log.exception("background work failed", work=name)

        task = asyncio.get_running_loop().create_task(run(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
