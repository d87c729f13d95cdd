"""All live calls of this node, below and above: opened, found by their dialog or leg, carried over a restart.

This is the bridge (B2BUA): an upper platform's or a person's wish on one side, one call to the camera on the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from gateway.errors import Failure, Reason
from gateway.relay.hub import Hub, StreamKey, UpstreamCall
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable
from gateway.relay.views import Views
from gateway.signalling.calls import CallRecord
from gateway.signalling.lower_call import CallEnvironment, LowerCall, LowerTarget, send_bye
from gateway.signalling.upper_call import UpperCall, UpperRequest
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import AnyEvent, CloseLeg, KeyFrameWanted
from sip import RemoteError, Request

log = structlog.get_logger("live")

MAX_UPPER_CALLS = 4000


class LiveCalls:
    """The calls of a node.

    `locate(key)` says where a stream is to be had right now (raises Failure: unknown, offline); `want_key_frame(key)`
    asks the camera for one; `upper_ended(call, reason)` closes the books of an upper platform's view.
    """

    def __init__(
        self,
        environment: CallEnvironment,
        pool: WorkerPool,
        *,
        locate: Callable[[StreamKey], LowerTarget],
        want_key_frame: Callable[[StreamKey], Awaitable[None]],
        upper_ended: Callable[[UpperCall, str], Awaitable[None]],
        linger_s: float,
    ) -> None:
        self.hub = Hub(self._open_upstream, linger_s=linger_s)
        self.views: Views | None = None
        self._environment = environment
        self._pool = pool
        self._locate = locate
        self._want_key_frame = want_key_frame
        self._upper_ended = upper_ended
        self._lower: dict[str, LowerCall] = {}
        self._upper: dict[str, UpperCall] = {}

    @property
    def lower_calls(self) -> list[LowerCall]:
        return list(self._lower.values())

    @property
    def upper_calls(self) -> list[UpperCall]:
        return list(self._upper.values())

    async def _open_upstream(self, key: StreamKey) -> UpstreamCall:
        target = self._locate(key)
        try:
            worker = self._pool.of_kind("relay")
        except WorkerUnavailable as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=key.code) from error
        call = LowerCall(target, worker, self._environment, on_lost=self._lower_lost, on_ended=self._lower_ended)
        self._lower[call.id] = call
        await call.start()
        return call

    def _lower_ended(self, call: LowerCall) -> None:
        self._lower.pop(call.id, None)

    async def _lower_lost(self, call: LowerCall, failure: Failure) -> None:
        log.warning("stream lost", stream=str(call.key), step=failure.step, problem=failure.message)
        self._environment.ladder.step(call.id, "lost", step=failure.step, message=failure.message)
        await self.hub.lost(call.key, failure, call)
        await call.end(failure)

    async def invited(self, request: UpperRequest) -> None:
        """An upper platform's INVITE that was granted. Raises Failure before anything was answered."""
        if len(self._upper) >= MAX_UPPER_CALLS:
            raise Failure(Reason.BUSY, f"{MAX_UPPER_CALLS} calls are up")
        call = UpperCall.for_request(request, self._environment, self.hub, self._pool, on_ended=self._upper_call_ended)
        await self._replace_same_subject(call)
        self._upper[call.id] = call
        await call.answer(request)

    async def _replace_same_subject(self, call: UpperCall) -> None:
        """GB/T 28181-2022 Annex K c): an INVITE for a sender part already being sent replaces the old link."""
        part = call.subject.split(",")[0].strip()
        if ":" not in part or part.endswith(":0"):
            return
        for old in self.upper_calls:
            if old.upper_id == call.upper_id and old.subject.split(",")[0].strip() == part:
                await old.end(Failure(Reason.CANCELLED, "replaced by a new INVITE for the same stream"))

    async def _upper_call_ended(self, call: UpperCall, reason: str) -> None:
        self._upper.pop(call.id, None)
        await self._upper_ended(call, reason)

    def find(self, request: Request, *, lower_id: str | None, upper_id: str | None) -> LowerCall | UpperCall | None:
        """The call an in-dialog request belongs to, among the calls with exactly that sender."""
        for lower in self._lower.values():
            if lower.key.peer_id == lower_id and lower.matches(request):
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

    async def upper_offline(self, upper_id: str, failure: Failure) -> None:
        """An upper platform went away: what was sent to it ends."""
        for call in self.upper_calls:
            if call.upper_id == upper_id:
                await call.end(failure)

    async def media_event(self, worker: Worker, event: AnyEvent) -> None:
        """News from any media worker."""
        if worker.spec.kind == "stream":
            if self.views is not None:
                await self.views.media_event(worker, event)
            return
        leg = getattr(event, "leg", "")
        lower = self._lower.get(leg.removeprefix("in-")) if leg.startswith("in-") else None
        if lower is not None:
            if isinstance(event, KeyFrameWanted):
                await self._want_key_frame(lower.key)
            lower.media_event(event)
        elif leg.startswith("out-"):
            upper = self._upper.get(leg.removeprefix("out-"))
            if upper is not None:
                upper.media_event(event)

    async def worker_lost(self, worker: Worker) -> None:
        """A worker died and was replaced: its streams are gone, everybody concerned is told, viewers ask again."""
        if worker.spec.kind == "stream":
            if self.views is not None:
                await self.views.worker_lost(worker)
            return
        worker.load = 0
        for call in self.lower_calls:
            if call.worker is worker:
                await self._lower_lost(call, Failure(Reason.WORKER_LOST, worker.name, channel=call.key.code))

    async def restore(self) -> None:
        """After a restart: carry on the calls whose legs an adopted worker still holds, end the others properly."""
        held = {worker.name: {leg.leg for leg in worker.legs_at_hello} for worker in self._pool.workers}
        records = await self._environment.store.calls()
        alive = [record for record in records if record.leg in held.get(record.worker, set())]
        for record in alive:
            if record.side == "lower":
                self._restore_lower(record)
        if self.views is not None:
            await self.views.restore(held)
        for record in alive:
            if record.side == "upper":
                await self._restore_upper(record)
        carried = {record.id for record in alive}
        dead = [record for record in records if record.id not in carried]
        await asyncio.gather(*(self._bury(record) for record in dead))
        await self._close_strays(held)
        if records:
            log.info("calls restored", carried_on=len(carried), ended=len(dead))

    def _restore_lower(self, record: CallRecord) -> None:
        worker = self._pool.named(record.worker)
        assert worker is not None
        call = LowerCall.restored(
            record, worker, self._environment, on_lost=self._lower_lost, on_ended=self._lower_ended
        )
        self._lower[call.id] = call
        self.hub.restore(call.key, call)

    async def _restore_upper(self, record: CallRecord) -> None:
        call = UpperCall.restored(record, self._environment, self.hub, self._pool, on_ended=self._upper_call_ended)
        self._upper[call.id] = call
        if self.hub.get(call.key) is None:
            await call.end(Failure(Reason.STREAM_LOST, "the stream did not survive a restart"))
            return
        await call.rejoin()

    async def _bury(self, record: CallRecord) -> None:
        """A call whose media is gone: tell the far side, so that no camera goes on sending to nobody."""
        failure = Failure(Reason.WORKER_LOST, "restarted")
        with contextlib.suppress(RemoteError, OSError):
            await send_bye(self._environment.stack, record.restored_dialog(), record.peer, failure)
        await self._environment.store.forget_call(record.id)

    async def _close_strays(self, held: dict[str, set[str]]) -> None:
        """Legs that no call owns (a crash between opening and remembering) are closed: leases never leak."""
        known = {call.source_leg for call in self.lower_calls} | {call.leg for call in self.upper_calls}
        if self.views is not None:
            known |= self.views.legs()
        for worker in self._pool.workers:
            for leg in held.get(worker.name, set()) - known:
                if worker.spec.kind == "relay":
                    with contextlib.suppress(CommandRefused, WorkerGone, WorkerUnavailable, TimeoutError):
                        await worker.link.call(CloseLeg(leg=leg))

    async def close(self) -> None:
        """A clean stop: every call is ended on both sides."""
        failure = Failure(Reason.SHUTTING_DOWN)
        for upper in self.upper_calls:
            await upper.end(failure)
        await self.hub.close(failure)
