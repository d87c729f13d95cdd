"""A call to an RTSP camera for its live stream: open the leg, have a source worker fetch the stream into it, watch.

To the hub it is what a call over GB/T 28181 is. The listening socket exists before the camera is called. While somebody
watches, the source worker calls again when the camera breaks off; it is given up when nothing came for the time a
stream may be silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import structlog

from gateway.errors import Failure, Reason
from gateway.relay.inputs import LOOPBACK, WORKER_TROUBLE
from gateway.relay.pool import Worker, close_leg
from gateway.rtsp.reasons import failure_of
from gateway.rtsp.target import RtspTarget
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.calls import CallRecord
from gateway.signalling.first_media import FirstMedia
from media.worker.client import CommandRefused
from media.worker.control import (
    AnyEvent,
    LegClosed,
    OpenPull,
    OpenSource,
    PullFailed,
    PullUp,
    SourceSilent,
)

log = structlog.get_logger("call")

MARGIN_S = 3.0
"""What the answer of a camera may take beyond the time it is given: the worker's own part."""


@dataclass(frozen=True, slots=True)
class RtspTimes:
    """Seconds: how long a camera may take to answer, and how long it may send nothing."""

    answer_s: float = 8.0
    stall_s: float = 8.0


LostCallback = Callable[["RtspCall", Failure], Coroutine[Any, Any, None]]
EndedCallback = Callable[["RtspCall"], None]
Seen = Callable[[str, Failure | None], None]
"""Told what a call shows of a camera, by its device id: it answered (None), or why not."""


class RtspCall:
    """One running (or starting) call; `relay` takes the stream in, `source` fetches it."""

    route_path = ""

    def __init__(
        self,
        target: RtspTarget,
        relay: Worker,
        source: Worker,
        environment: CallEnvironment,
        times: RtspTimes,
        *,
        on_lost: LostCallback,
        on_ended: EndedCallback,
        seen: Seen,
        call_id: str | None = None,
    ) -> None:
        self.id = call_id or secrets.token_hex(8)
        self.target = target
        self.key = target.key
        self.ssrc = ""
        self.established = False
        self._relay = relay
        self._source = source
        self._environment = environment
        self._times = times
        self._on_lost = on_lost
        self._on_ended = on_ended
        self._seen = seen
        self._media = FirstMedia(self.key, self.id, environment, self._lose)
        self._answer: asyncio.Future[PullUp] | None = None
        self._interrupted: Failure | None = None
        self._interrupted_at = 0.0
        self._losing = False
        self._ended = False

    @property
    def source_leg(self) -> str:
        return f"in-{self.id}"

    @property
    def pull(self) -> str:
        """The pull in the source worker."""
        return f"pull-{self.id}"

    @property
    def worker_name(self) -> str:
        return self._relay.name

    @property
    def legs(self) -> list[tuple[Worker, str]]:
        return [(self._relay, self.source_leg), (self._source, self.pull)]

    @property
    def takes_commands(self) -> bool:
        return self.target.takes_commands

    @property
    def up(self) -> bool:
        """Whether the camera sends right now."""
        return self.established and self._interrupted is None and not self._ended

    async def start(self) -> None:
        """Set the call up; returns when the camera has said what it sends. Raises Failure."""
        self._take_places()
        try:
            await self._set_up()
        except BaseException:
            await self._release()
            raise
        self.established = True
        self._remember()
        self._media.watch()

    @classmethod
    def restored(cls, record: CallRecord, relay: Worker, source: Worker, **parts: Any) -> RtspCall:
        """The call of a record whose leg and pull adopted workers still hold. `parts`: as for a new one."""
        details = record.details
        target = RtspTarget(record.key, str(details["url"]), rtsp_transport=details["rtsp_transport"])
        target = replace(target, takes_commands=bool(details.get("takes_commands")))
        call = cls(target, relay, source, call_id=record.id, **parts)
        call.ssrc = record.ssrc
        call.established = True
        call._take_places()
        return call

    def _take_places(self) -> None:
        self._relay.calls.add(self.id)
        self._source.calls.add(self.id)

    async def _set_up(self) -> None:
        step, target = self._environment.ladder.step, self.target
        # Whoever else connects to the port of the leg cannot know its number.
        ssrc = 1 + secrets.randbelow(2**32 - 1)
        self.ssrc = str(ssrc)
        self._answer = asyncio.get_running_loop().create_future()
        self._media.started_at = time.monotonic()
        try:
            opened = await self._relay.link.call(
                OpenSource(
                    leg=self.source_leg,
                    transport="tcp_passive",
                    bind=LOOPBACK,
                    ssrc=ssrc,
                    accept_from=[LOOPBACK],
                    gop_cache=self._environment.gop_cache,
                    any_ssrc=False,
                )
            )
            self._environment.ladder.bind_call(self.id, self.pull, self.key)
            step(self.id, "media port open", port=opened.port, transport=target.transport, ssrc=self.ssrc)
            await self._source.link.call(
                OpenPull(
                    leg=self.pull,
                    url=target.url,
                    username=target.username,
                    password=target.password.reveal(),
                    transport=target.rtsp_transport,
                    destination=(LOOPBACK, opened.port),
                    ssrc=ssrc,
                    open_s=self._times.answer_s,
                    stall_s=self._times.stall_s,
                )
            )
        except CommandRefused as error:
            raise Failure(Reason.BUSY, error.error.message, peer_id=self.key.peer_id, channel=self.key.code) from error
        except WORKER_TROUBLE as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=self.key.code) from error
        up = await self._answered()
        step(self.id, "camera answered", video=up.video_codec, audio=up.audio_codec)

    async def _answered(self) -> PullUp:
        assert self._answer is not None
        try:
            async with asyncio.timeout(self._times.answer_s + MARGIN_S):
                return await self._answer
        except TimeoutError as error:
            failure = failure_of(self.key, "timeout", f"within {self._times.answer_s:g} s")
            self._seen(self.key.peer_id, failure)
            raise failure from error

    def _remember(self) -> None:
        host, port = self.target.remote
        self._environment.book.remember(
            CallRecord(
                id=self.id,
                side="lower",
                peer_id=self.key.peer_id,
                stream_peer=self.key.peer_id,
                code=self.key.code,
                dialog={},
                remote=("RTSP", host, port),
                worker=self._relay.name,
                leg=self.source_leg,
                ssrc=self.ssrc,
                transport="rtsp",
                started_at=time.time(),
                details={
                    "source_worker": self._source.name,
                    "pull": self.pull,
                    "url": self.target.url,
                    "rtsp_transport": self.target.rtsp_transport,
                    "takes_commands": self.target.takes_commands,
                },
            )
        )

    def media_event(self, event: AnyEvent) -> None:
        """News of the leg or of the pull."""
        self._media.take(event)
        match event:
            case PullUp():
                self._came_up(event)
            case PullFailed():
                self._broke_off(event)
            case SourceSilent() if event.silent_s >= self._environment.silent_s:
                silent = Failure(Reason.STREAM_LOST, f"silent for {event.silent_s:.0f} s", channel=self.key.code)
                self._lose(self._interrupted or silent)
            case LegClosed():
                self._lose(Failure(Reason.WORKER_LOST, event.reason, channel=self.key.code))
            case _:
                pass

    def _came_up(self, event: PullUp) -> None:
        self._seen(self.key.peer_id, None)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(event)
        if self._interrupted is not None:
            self._interrupted = None
            self._environment.ladder.step(self.id, "camera is back", attempt=event.attempt)

    def _broke_off(self, event: PullFailed) -> None:
        failure = failure_of(self.key, event.reason, event.detail)
        if self._answer is not None and not self._answer.done():
            self._seen(self.key.peer_id, failure)
            self._answer.set_exception(failure)
            return
        self._environment.ladder.step(self.id, "camera broke off", step=failure.step, retry_in_s=event.retry_in_s)
        now = time.monotonic()
        if self._interrupted is None:
            self._interrupted_at = now
        self._interrupted = failure
        if event.retry_in_s is None or now - self._interrupted_at >= self._environment.silent_s:
            self._lose(failure)

    def _lose(self, failure: Failure) -> None:
        if self._ended or self._losing:
            return
        self._losing = True
        if failure.reason is not Reason.WORKER_LOST:
            self._seen(self.key.peer_id, failure)
        task = asyncio.create_task(self._on_lost(self, failure), name=f"lost {self.key}")
        _background.add(task)
        task.add_done_callback(_background.discard)

    async def end(self, failure: Failure | None) -> None:
        """Leave the camera alone and release everything. Never raises."""
        if self._ended:
            return
        self._ended = True
        self._media.stop()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure or Failure(Reason.CANCELLED, channel=self.key.code))
            self._answer.exception()  # retrieved here: perhaps nobody waits for it any more
        await self._release()
        log.info("call below ended", stream=str(self.key), reason=failure.step if failure else "no reader left")

    async def _release(self) -> None:
        self._ended = True
        # The camera first: else its stream would run into a closed leg.
        for worker, leg in reversed(self.legs):
            worker.calls.discard(self.id)
            with contextlib.suppress(*WORKER_TROUBLE):
                await worker.link.call(close_leg(worker, leg))
        await self._environment.book.forget(self.id)
        self._on_ended(self)


_background: set[asyncio.Task[None]] = set()
