"""The control process's side of the channel, against a scripted worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from media.worker import client as client_module
from media.worker.client import CommandRefused, WorkerClient, WorkerGone
from media.worker.control import (
    CloseLeg,
    Command,
    FirstKeyFrame,
    FrameDecoder,
    Hello,
    HelloReply,
    LegStats,
    Opened,
    OpenSource,
    PullStats,
    Reply,
    SourceStats,
    Stats,
    WorkerError,
    encode,
)

Answer = Callable[[Command], bytes | None]


class ScriptedWorker:
    """Answers each command with what the script says; None closes the connection."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        decoder = FrameDecoder()
        while data := await reader.read(65536):
            for command in decoder.feed(data):
                assert isinstance(command, Command)
                answer = b"" if not isinstance(command, Hello) else hello(command)
                answer = answer or self.answer(command)
                if answer is None:
                    writer.close()
                    return
                writer.write(answer)
        writer.close()


def hello(command: Command) -> bytes:
    return encode(Reply(seq=command.seq, ok=True, value=HelloReply(kind="relay", pid=7, name="r", epoch=1, legs=[])))


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., object]]:
    servers: list[asyncio.Server] = []
    clients: list[WorkerClient] = []

    async def _start(answer: Answer) -> tuple[WorkerClient, ScriptedWorker]:
        worker = ScriptedWorker(answer)
        servers.append(await asyncio.start_unix_server(worker.serve, tmp_path / "w.sock"))
        client = await WorkerClient.connect(str(tmp_path / "w.sock"), epoch=1, name="node")
        clients.append(client)
        return client, worker

    yield _start
    for client in clients:
        await client.close()
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_hello_is_said_first_and_its_answer_kept(start: Callable[..., object]) -> None:
    client, _ = await start(lambda command: b"")
    assert client.hello.pid == 7 and client.connected


async def test_a_command_gets_its_value(start: Callable[..., object]) -> None:
    client, _ = await start(lambda c: encode(Reply(seq=c.seq, ok=True, value=Opened(port=30000, rtcp_port=30001))))
    opened = await client.call(OpenSource(leg="a", transport="udp", bind="127.0.0.1"))
    assert (opened.port, opened.rtcp_port) == (30000, 30001)


async def test_counters_come_as_a_list(start: Callable[..., object]) -> None:
    stats = [LegStats(leg="a", kind="source", transport="udp", packets=3)]
    client, _ = await start(lambda c: encode(Reply(seq=c.seq, ok=True, value=stats)))
    assert await client.leg_stats() == stats


async def test_counters_of_pulls_come_as_those_of_a_source_worker(start: Callable[..., object]) -> None:
    stats = SourceStats(pulls=[PullStats(leg="pull-1", state="up", packets=3)])
    client, _ = await start(lambda c: encode(Reply(seq=c.seq, ok=True, value=stats)))
    assert await client.source_stats() == stats


async def test_a_refusal_is_raised_with_its_code(start: Callable[..., object]) -> None:
    error = WorkerError("no_such_leg", "no leg 'a'")
    client, _ = await start(lambda c: encode(Reply(seq=c.seq, ok=False, error=error)))
    with pytest.raises(CommandRefused, match="no_such_leg: no leg 'a'") as caught:
        await client.call(CloseLeg(leg="a"))
    assert caught.value.error == error


async def test_answers_may_come_in_any_order(start: Callable[..., object]) -> None:
    held: list[Command] = []

    def both_backwards(command: Command) -> bytes:
        held.append(command)
        if len(held) < 2:
            return b""
        return b"".join(encode(Reply(seq=c.seq, ok=True, value=Opened(port=c.seq))) for c in reversed(held))

    client, _ = await start(both_backwards)
    opened = [OpenSource(leg=name, transport="udp", bind="127.0.0.1") for name in "ab"]
    first, second = await asyncio.gather(*(client.call(command) for command in opened))
    assert (first.port, second.port) == (held[0].seq, held[1].seq)


async def test_events_are_queued_in_order_and_none_marks_the_end(start: Callable[..., object]) -> None:
    client, worker = await start(lambda c: b"")
    assert worker.writer is not None
    worker.writer.write(encode(FirstKeyFrame(leg="a")) + encode(FirstKeyFrame(leg="b")))
    worker.writer.close()
    assert [await client.events.get() for _ in range(3)] == [FirstKeyFrame(leg="a"), FirstKeyFrame(leg="b"), None]
    assert not client.connected


async def test_an_unread_event_queue_drops_its_oldest(
    start: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "EVENT_QUEUE", 2)
    client, worker = await start(lambda c: encode(Reply(seq=c.seq, ok=True, value=[])))
    assert worker.writer is not None
    for name in "abc":
        worker.writer.write(encode(FirstKeyFrame(leg=name)))
    await client.call(Stats())
    assert client.events_dropped == 1
    assert await client.events.get() == FirstKeyFrame(leg="b")


async def test_a_call_in_flight_fails_when_the_worker_goes(start: Callable[..., object]) -> None:
    client, _ = await start(lambda c: None)
    with pytest.raises(WorkerGone, match="closed the connection"):
        await client.call(Stats())
    with pytest.raises(WorkerGone):
        await client.call(Stats())


async def test_rubbish_from_the_worker_ends_the_connection(start: Callable[..., object]) -> None:
    client, _ = await start(lambda c: b"\x00\x00\x00\x01\xc1")
    with pytest.raises(WorkerGone, match="not a message"):
        await client.call(Stats())


async def test_a_late_answer_is_ignored(start: Callable[..., object]) -> None:
    client, worker = await start(lambda c: b"")
    with pytest.raises(TimeoutError):
        await client.call(Stats(), timeout_s=0.01)
    assert worker.writer is not None
    worker.writer.write(encode(Reply(seq=2, ok=True, value=[])) + encode(FirstKeyFrame(leg="a")))
    assert await client.events.get() == FirstKeyFrame(leg="a")


async def test_a_refused_hello_closes_the_connection(tmp_path: Path) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(encode(Reply(seq=1, ok=False, error=WorkerError("stale_epoch", "3 < 4"))))
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(refuse, tmp_path / "w.sock")
    with pytest.raises(CommandRefused, match="stale_epoch"):
        await WorkerClient.connect(str(tmp_path / "w.sock"), epoch=3, name="node")
    server.close()
    await server.wait_closed()
