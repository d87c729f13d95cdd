"""One upstream per camera, whatever the number of readers (design: one upstream copy per stream).

The hub knows nothing of SIP or packets: it opens an upstream through `open_upstream`, counts its readers, lets it
linger, and tells every reader when it ends. Its states are a table.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import structlog

from gateway.compliance.access import PICTURES
from gateway.compliance.grant import Grant
from gateway.errors import Failure, LocalError, Reason
from gateway.relay.trail import Trail

log = structlog.get_logger("hub")


class StreamKey(NamedTuple):
    """A live stream of this node: which peer below us, which of its channels."""

    peer_id: str
    code: str

    def __str__(self) -> str:
        return f"{self.peer_id}/{self.code}"

    @classmethod
    def granted(cls, grant: Grant) -> StreamKey:
        """The stream a grant gives leave to see. Raises LocalError when it gives leave to see nothing."""
        if grant.action not in PICTURES:
            raise LocalError(f"a grant for {grant.action} shows no picture")
        return cls(grant.peer_id, grant.code)


class UpstreamState(enum.Enum):
    CALLING = "calling"
    RUNNING = "running"
    LINGERING = "lingering"
    ENDED = "ended"


class UpstreamInput(enum.Enum):
    ANSWERED = "answered"
    READER_JOINED = "reader joined"
    LAST_READER_LEFT = "last reader left"
    LINGER_OVER = "linger over"
    LOST = "lost"


TRANSITIONS: dict[tuple[UpstreamState, UpstreamInput], UpstreamState] = {
    (UpstreamState.CALLING, UpstreamInput.ANSWERED): UpstreamState.RUNNING,
    (UpstreamState.CALLING, UpstreamInput.READER_JOINED): UpstreamState.CALLING,
    (UpstreamState.CALLING, UpstreamInput.LAST_READER_LEFT): UpstreamState.CALLING,
    (UpstreamState.CALLING, UpstreamInput.LOST): UpstreamState.ENDED,
    (UpstreamState.RUNNING, UpstreamInput.READER_JOINED): UpstreamState.RUNNING,
    (UpstreamState.RUNNING, UpstreamInput.LAST_READER_LEFT): UpstreamState.LINGERING,
    (UpstreamState.RUNNING, UpstreamInput.LOST): UpstreamState.ENDED,
    (UpstreamState.LINGERING, UpstreamInput.READER_JOINED): UpstreamState.RUNNING,
    (UpstreamState.LINGERING, UpstreamInput.LAST_READER_LEFT): UpstreamState.LINGERING,
    (UpstreamState.LINGERING, UpstreamInput.LINGER_OVER): UpstreamState.ENDED,
    (UpstreamState.LINGERING, UpstreamInput.LOST): UpstreamState.ENDED,
}


class UpstreamCall(Protocol):
    """What the hub needs of the call that brings a stream in."""

    @property
    def source_leg(self) -> str: ...

    @property
    def worker_name(self) -> str: ...

    @property
    def route_path(self) -> str:
        """X-RoutePath as it came from below, "" when none did."""
        ...

    async def end(self, failure: Failure | None) -> None:
        """Release everything: BYE below unless the far side ended it, close the leg. Never raises."""


EndCallback = Callable[[Failure], Awaitable[None]]
OpenUpstream = Callable[[StreamKey, Trail], Awaitable[UpstreamCall]]


@dataclass(slots=True)
class Upstream:
    """One stream coming in, and who reads it."""

    key: StreamKey
    state: UpstreamState = UpstreamState.CALLING
    call: UpstreamCall | None = None
    readers: dict[str, EndCallback] = field(default_factory=dict)
    answered: asyncio.Future[UpstreamCall] | None = None
    linger: asyncio.TimerHandle | None = None

    def take(self, event: UpstreamInput) -> bool:
        """Move by the table; False when the input means nothing in this state."""
        state = TRANSITIONS.get((self.state, event))
        if state is None:
            return False
        self.state = state
        return True


class Hub:
    """All upstreams of a node. `linger_s`: how long a stream without readers is kept for the next one."""

    def __init__(self, open_upstream: OpenUpstream, *, linger_s: float) -> None:
        self._open = open_upstream
        self._linger_s = linger_s
        self._streams: dict[StreamKey, Upstream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._streams)

    def get(self, key: StreamKey) -> Upstream | None:
        return self._streams.get(key)

    def upstreams(self) -> list[Upstream]:
        return list(self._streams.values())

    async def attach(self, grant: Grant, reader: str, on_end: EndCallback, trail: Trail | None = None) -> UpstreamCall:
        """Join the granted stream, starting it if nobody has it. Returns when the far side has answered.

        `trail` says how the wish came to us; that of the reader who starts the stream goes on downward.

        `on_end(failure)` is called once if the stream ends before `detach`. Raises Failure when it cannot be started;
        everybody who waited for the same start gets the same Failure.
        """
        key = StreamKey.granted(grant)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Upstream(key)
            stream.answered = asyncio.get_running_loop().create_future()
            self._spawn(self._start(stream, trail or Trail()), f"start {key}")
        stream.readers[reader] = on_end
        stream.take(UpstreamInput.READER_JOINED)
        self._stop_linger(stream)
        if stream.call is not None:
            return stream.call
        assert stream.answered is not None
        try:
            return await asyncio.shield(stream.answered)
        except BaseException:
            # Refused, or this reader gave up waiting (CANCEL): the others go on.
            self.detach(key, reader)
            raise

    def detach(self, key: StreamKey, reader: str) -> None:
        """Leave a stream; the last reader out starts its linger time."""
        stream = self._streams.get(key)
        if stream is None or stream.readers.pop(reader, None) is None or stream.readers:
            return
        stream.take(UpstreamInput.LAST_READER_LEFT)
        if stream.state is UpstreamState.LINGERING:
            self._start_linger(stream)

    async def lost(self, key: StreamKey, failure: Failure, call: UpstreamCall | None = None) -> None:
        """The stream ended by itself (BYE from below, silence, dead worker): tell the readers, release it.

        With `call`, only if that call still is the stream's: news of an earlier call must not end its successor.
        """
        stream = self._streams.get(key)
        if stream is not None and (call is None or stream.call is call):
            await self._end(stream, UpstreamInput.LOST, failure)

    async def end_lingering(self, peer_id: str) -> bool:
        """End a stream of a peer that nobody reads any more, to make room for another; False: there is none."""
        for stream in self.upstreams():
            if stream.key.peer_id == peer_id and stream.state is UpstreamState.LINGERING:
                await self._end(stream, UpstreamInput.LINGER_OVER, None)
                return True
        return False

    def restore(self, key: StreamKey, call: UpstreamCall) -> None:
        """Enter a stream that survived a restart of this process; without a reader soon, it lingers and ends."""
        stream = self._streams[key] = Upstream(key, UpstreamState.RUNNING, call)
        stream.take(UpstreamInput.LAST_READER_LEFT)
        self._start_linger(stream)

    async def close(self, failure: Failure) -> None:
        """End every stream, telling the readers why."""
        await asyncio.gather(*(self._end(stream, UpstreamInput.LOST, failure) for stream in self.upstreams()))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _start(self, stream: Upstream, trail: Trail) -> None:
        assert stream.answered is not None
        try:
            call = await self._open(stream.key, trail)
        except Failure as failure:
            self._refuse(stream, failure)
            return
        except asyncio.CancelledError:
            self._refuse(stream, Failure(Reason.SHUTTING_DOWN))
            raise
        except Exception as error:  # task boundary: our own fault becomes a failure everybody hears of
            log.exception("opening an upstream failed", stream=str(stream.key))
            self._refuse(stream, Failure(Reason.INTERNAL, type(error).__name__))
            return
        if stream.state is UpstreamState.ENDED:
            await call.end(None)
            return
        stream.call = call
        stream.take(UpstreamInput.ANSWERED)
        if not stream.answered.done():
            stream.answered.set_result(call)
        if not stream.readers:
            stream.take(UpstreamInput.LAST_READER_LEFT)
            self._start_linger(stream)

    def _refuse(self, stream: Upstream, failure: Failure) -> None:
        stream.take(UpstreamInput.LOST)
        if self._streams.get(stream.key) is stream:
            del self._streams[stream.key]
        stream.readers.clear()
        if stream.answered is not None and not stream.answered.done():
            stream.answered.set_exception(failure)
            stream.answered.exception()  # retrieved here: perhaps every waiter has gone

    async def _end(self, stream: Upstream, event: UpstreamInput, failure: Failure | None) -> None:
        if not stream.take(event):
            return
        self._stop_linger(stream)
        if self._streams.get(stream.key) is stream:
            del self._streams[stream.key]
        readers, stream.readers = stream.readers, {}
        if stream.answered is not None and not stream.answered.done():
            stream.answered.set_exception(failure or Failure(Reason.INTERNAL))
            stream.answered.exception()
        # All at once: a reader whose far side does not answer delays nobody else.
        told = failure or Failure(Reason.STREAM_LOST)
        await asyncio.gather(*(self._tell(stream, on_end, told) for on_end in readers.values()))
        if stream.call is not None:
            await stream.call.end(failure)

    async def _tell(self, stream: Upstream, on_end: EndCallback, failure: Failure) -> None:
        try:
            await on_end(failure)
        except Exception:  # task boundary: one reader's trouble is not another's
            log.exception("telling a reader failed", stream=str(stream.key))

    def _start_linger(self, stream: Upstream) -> None:
        self._stop_linger(stream)
        loop = asyncio.get_running_loop()
        over = self._linger_over
        stream.linger = loop.call_later(self._linger_s, lambda: self._spawn(over(stream), f"end {stream.key}"))

    def _stop_linger(self, stream: Upstream) -> None:
        if stream.linger is not None:
            stream.linger.cancel()
            stream.linger = None

    async def _linger_over(self, stream: Upstream) -> None:
        await self._end(stream, UpstreamInput.LINGER_OVER, None)

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        async def run() -> None:
            await work

        task = asyncio.get_running_loop().create_task(run(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
