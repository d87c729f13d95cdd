"""The control process's side of one worker's control channel.

    client = await WorkerClient.connect("/run/gbgateway/relay-1.sock", epoch=7, name="node-1")
    opened = await client.call(OpenSource(leg="call-1", transport="udp", bind="0.0.0.0"))
    event = await client.events.get()      # None when the connection is gone

`call` raises `CommandRefused` when the worker says no and `WorkerGone` when the connection ends first. Events arrive
in order in a bounded queue; when nobody reads it the oldest are dropped and counted in `events_dropped`.
"""

from __future__ import annotations

import asyncio
from typing import overload

import msgspec

from media.worker.control import (
    AnyEvent,
    AnyMessage,
    Command,
    ControlError,
    Event,
    FrameDecoder,
    Hello,
    HelloReply,
    LegStats,
    Opened,
    OpenInput,
    OpenSink,
    OpenSource,
    Probed,
    ProbeSource,
    Reply,
    Snapshot,
    SnapshotTaken,
    SourceStats,
    Stats,
    StreamStats,
    Value,
    WorkerError,
    encode,
)

EVENT_QUEUE = 10_000


class WorkerGone(Exception):
    """The control connection to the worker is closed."""


class CommandRefused(Exception):
    """The worker answered a command with an error; see ``error.code`` and ``error.message``."""

    def __init__(self, error: WorkerError) -> None:
        super().__init__(f"{error.code}: {error.message}")
        self.error = error


class WorkerClient:
    """One control connection, already adopted by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Value]] = {}
        self._seq = 0
        self._gone = False
        self.events: asyncio.Queue[AnyEvent | None] = asyncio.Queue(EVENT_QUEUE)
        self.events_dropped = 0
        self.hello: HelloReply = HelloReply(kind="relay", pid=0, name="", epoch=0, legs=[])
        self._receiver = asyncio.create_task(self._receive(), name="worker-client")

    @classmethod
    async def connect(cls, path: str, *, epoch: int, name: str, timeout_s: float = 5.0) -> WorkerClient:
        """Connect to the socket at ``path`` and say Hello; the answer is kept in `hello`.

        Raises OSError when nothing listens there, `CommandRefused` (stale_epoch), TimeoutError.
        """
        reader, writer = await asyncio.open_unix_connection(path)
        client = cls(reader, writer)
        try:
            answer = await client.call(Hello(epoch=epoch, name=name), timeout_s=timeout_s)
        except BaseException:
            await client.close()
            raise
        assert isinstance(answer, HelloReply)
        client.hello = answer
        return client

    @property
    def connected(self) -> bool:
        """Whether commands can still be sent."""
        return not self._gone

    @overload
    async def call(self, command: OpenSource | OpenSink | OpenInput, *, timeout_s: float = 10.0) -> Opened: ...
    @overload
    async def call(self, command: Snapshot, *, timeout_s: float = 10.0) -> SnapshotTaken: ...
    @overload
    async def call(self, command: ProbeSource, *, timeout_s: float = 10.0) -> Probed: ...
    @overload
    async def call(self, command: Command, *, timeout_s: float = 10.0) -> Value: ...

    async def call(self, command: Command, *, timeout_s: float = 10.0) -> Value:
        """Send ``command`` (its ``seq`` is filled in) and wait for its value.

        Raises `CommandRefused`, `WorkerGone`, TimeoutError.
        """
        if self._gone:
            raise WorkerGone("the control connection is closed")
        self._seq += 1
        seq = self._seq
        answer: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._waiting[seq] = answer
        try:
            self._writer.write(encode(msgspec.structs.replace(command, seq=seq)))
            # Not wait_for: before Python 3.12 it forgets a cancellation that comes together with the answer.
            async with asyncio.timeout(timeout_s):
                return await answer
        finally:
            self._waiting.pop(seq, None)

    async def leg_stats(self) -> list[LegStats]:
        """The counters of a relay worker's legs."""
        answer = await self.call(Stats())
        assert isinstance(answer, list)
        return answer

    async def stream_stats(self) -> StreamStats:
        """The counters of a stream worker's inputs and views."""
        answer = await self.call(Stats())
        assert isinstance(answer, StreamStats)
        return answer

    async def source_stats(self) -> SourceStats:
        """The counters of a source worker's pulls."""
        answer = await self.call(Stats())
        assert isinstance(answer, SourceStats)
        return answer

    async def close(self) -> None:
        """Close the connection; the worker carries on without."""
        self._receiver.cancel()
        try:
            await self._receiver
        except asyncio.CancelledError:
            pass
        self._end("closed")
        try:
            await self._writer.wait_closed()
        except OSError:
            pass

    async def _receive(self) -> None:
        decoder = FrameDecoder()
        reason = "the worker closed the connection"
        try:
            while data := await self._reader.read(65536):
                for message in decoder.feed(data):
                    self._take(message)
        except (OSError, ControlError) as error:
            reason = str(error)
        self._end(reason)

    def _take(self, message: AnyMessage) -> None:
        if isinstance(message, Reply):
            waiting = self._waiting.get(message.seq)
            if waiting is None or waiting.done():
                return
            if message.ok:
                waiting.set_result(message.value)
            else:
                waiting.set_exception(CommandRefused(message.error or WorkerError("bad_request", "no reason given")))
        elif isinstance(message, Event):
            self._queue(message)

    def _queue(self, event: AnyEvent | None) -> None:
        if self.events.full():
            self.events.get_nowait()
            self.events_dropped += 1
        self.events.put_nowait(event)

    def _end(self, reason: str) -> None:
        if self._gone:
            return
        self._gone = True
        self._writer.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(WorkerGone(reason))
        self._queue(None)
