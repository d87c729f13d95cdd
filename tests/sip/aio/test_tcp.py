"""TCP connections, with plain sockets as the far end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from sip.aio.tcp import TcpConnection, TcpPool
from sip.counters import Counters
from sip.errors import ParseError, TransportFailed
from sip.limits import Limits
from sip.message import LENIENT
from sip.peer import Peer

MESSAGE = (
    b"MESSAGE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:x@b>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 4\r\n\r\nbody"
)


class Seen:
    """Takes what the connections bring."""

    def __init__(self) -> None:
        self.messages: list[bytes | ParseError] = []
        self.connections: list[TcpConnection] = []
        self.batches = 0
        self.ended: list[tuple[int | None, str]] = []
        self.failures: list[str] = []

    def message_arrived(self, message: bytes | ParseError, connection: TcpConnection) -> None:
        self.messages.append(message)
        self.connections.append(connection)

    def batch_ended(self) -> None:
        self.batches += 1

    def connection_ended(self, connection: TcpConnection, reason: str) -> None:
        self.ended.append((connection.peer.connection, reason))


@asynccontextmanager
async def pool_of(now: Callable[[], float] = lambda: 0.0, **limits: Any) -> AsyncIterator[tuple[TcpPool, Seen, int]]:
    seen = Seen()
    pool = TcpPool(seen, limits=Limits(**limits), counters=Counters(), tolerance=LENIENT, now=now)
    _, port = await pool.listen("127.0.0.1", 0)
    try:
        yield pool, seen, port
    finally:
        await pool.close()


@asynccontextmanager
async def far_end(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


async def until(reached: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not reached():
            await asyncio.sleep(0.001)


def pool_connections(pool: TcpPool) -> list[TcpConnection]:
    found = (pool.live(number) for number in range(1, 10))
    return [one for one in found if one is not None]


async def test_messages_are_cut_from_the_stream_however_it_arrives() -> None:
    async with pool_of() as (pool, seen, port), far_end(port) as (_, writer):
        writer.write(MESSAGE + MESSAGE[:20])
        await until(lambda: seen.messages)
        writer.write(MESSAGE[20:] + MESSAGE)
        await until(lambda: len(seen.messages) == 3)
        assert seen.messages == [MESSAGE] * 3
        assert seen.connections[0].peer.port == writer.get_extra_info("sockname")[1]
        assert seen.connections[0].local == ("127.0.0.1", port)
        assert pool.counters.connections_accepted == 1
        assert len(pool) == 1


async def test_an_answer_goes_back_on_the_connection_its_request_came_on() -> None:
    async with pool_of() as (pool, seen, port), far_end(port) as (reader, writer):
        writer.write(MESSAGE)
        await until(lambda: seen.connections)
        peer = seen.connections[0].peer
        assert pool.live(peer.connection) is seen.connections[0]
        assert pool.towards(peer) is seen.connections[0]
        assert pool.towards(Peer("TCP", peer.host, peer.port)) is seen.connections[0]
        seen.connections[0].send(b"answer", seen.failures.append)
        assert await reader.readexactly(6) == b"answer"
    assert seen.failures == []


async def test_bytes_for_a_connection_being_opened_leave_when_it_stands() -> None:
    async with pool_of() as (pool, seen, port):
        connection = pool.towards(Peer("TCP", "127.0.0.1", port))
        assert pool.towards(Peer("TCP", "127.0.0.1", port)) is connection
        connection.send(MESSAGE, seen.failures.append)
        await until(lambda: seen.messages)
        assert seen.messages == [MESSAGE]
        assert pool.counters.connections_opened == 1


async def test_bytes_for_a_connection_that_never_stands_fail_with_the_reason() -> None:
    async with pool_of() as (pool, seen, port):
        pass
    async with pool_of() as (pool, seen, _):
        connection = pool.towards(Peer("TCP", "127.0.0.1", port))
        connection.send(b"one", seen.failures.append)
        connection.send(b"two", seen.failures.append)
        await until(lambda: seen.ended)
        assert len(seen.failures) == 2
        assert seen.failures[0].startswith("no TCP connection (")
        assert pool.live(connection.peer.connection) is None
        connection.send(b"three", seen.failures.append)
        assert seen.failures[2] == "connection closed"
        assert not connection.stood


async def test_opening_takes_no_longer_than_its_limit() -> None:
    async with pool_of(connect_timeout_s=0.0) as (pool, seen, port):
        connection = pool.towards(Peer("TCP", "127.0.0.1", port))
        connection.send(b"one", seen.failures.append)
        await until(lambda: seen.ended)
        assert seen.failures == ["no TCP connection in 0 s"]


async def test_what_waits_for_a_connection_is_bounded() -> None:
    async with pool_of(send_queue_bytes=10) as (pool, seen, port):
        connection = pool.towards(Peer("TCP", "127.0.0.1", port))
        connection.send(b"12345678", seen.failures.append)
        connection.send(b"9012", seen.failures.append)
        assert seen.failures == ["send queue full"]


async def test_a_peer_that_does_not_read_fills_only_its_own_queue() -> None:
    async with pool_of(send_queue_bytes=100_000) as (_, seen, port), far_end(port) as (_, writer):
        writer.write(MESSAGE)
        await until(lambda: seen.connections)
        for _ in range(1000):
            seen.connections[0].send(b"x" * 50_000, seen.failures.append)
        assert "send queue full" in seen.failures


async def test_the_end_of_a_connection_is_reported_once() -> None:
    async with pool_of() as (pool, seen, port):
        async with far_end(port) as (_, writer):
            writer.write(MESSAGE)
            await until(lambda: seen.connections)
        await until(lambda: seen.ended)
        number = seen.connections[0].peer.connection
        assert seen.ended == [(number, "closed by the peer")]
        assert pool.live(number) is None
        assert pool.counters.connections_lost == 1
    assert len(seen.ended) == 1


async def test_connections_beyond_the_limit_are_refused() -> None:
    async with pool_of(max_connections=1) as (pool, _, port), far_end(port):
        await until(lambda: len(pool) == 1)
        async with far_end(port) as (reader, _):
            with pytest.raises(ConnectionError):
                if await reader.read(1) == b"":
                    raise ConnectionResetError
        assert pool.counters.connections_refused == 1
        with pytest.raises(TransportFailed):
            pool.towards(Peer("TCP", "127.0.0.1", 9))


async def test_a_silent_connection_and_one_that_never_says_anything_are_swept() -> None:
    clock = [0.0]
    limits = {"connection_idle_s": 0.4, "first_message_s": 0.04}
    async with (
        pool_of(lambda: clock[0], **limits) as (pool, seen, port),
        far_end(port) as (_, talker),
        far_end(port),
    ):
        talker.write(MESSAGE)
        await until(lambda: seen.connections and len(pool) == 2)
        clock[0] = 0.2
        await until(lambda: seen.ended)
        assert [reason for _, reason in seen.ended] == ["no message"]
        clock[0] = 0.7
        await until(lambda: len(seen.ended) == 2)
        assert seen.ended[1] == (seen.connections[0].peer.connection, "idle")


async def test_a_connection_that_trickles_its_first_message_is_closed() -> None:
    clock = [0.0]
    limits = {"connection_idle_s": 100.0, "first_message_s": 0.04}
    async with pool_of(lambda: clock[0], **limits) as (pool, seen, port), far_end(port) as (_, writer):
        for at in range(3):
            writer.write(MESSAGE[at : at + 1])
            await until(lambda at=at: pool and [one for one in pool_connections(pool) if one.held == at + 1])
            clock[0] += 0.015
        await until(lambda: seen.ended)
        assert seen.ended[0][1] == "no message"
        assert pool.counters.connections_slow == 1


async def test_a_message_begun_and_not_ended_closes_the_connection_but_silence_between_messages_does_not() -> None:
    clock = [0.0]
    limits = {"connection_idle_s": 100.0, "first_message_s": 0.04}
    async with pool_of(lambda: clock[0], **limits) as (pool, seen, port), far_end(port) as (_, writer):
        writer.write(MESSAGE)
        await until(lambda: seen.messages)
        clock[0] = 1.0
        await asyncio.sleep(0.03)
        assert len(pool) == 1
        writer.write(MESSAGE[:-1])
        await until(lambda: [one for one in pool_connections(pool) if one.held])
        clock[0] = 1.03
        await asyncio.sleep(0.03)
        assert len(pool) == 1
        clock[0] = 1.05
        await until(lambda: seen.ended)
        assert seen.ended[0][1] == "unfinished message"


async def test_of_one_sources_connections_without_a_message_the_oldest_goes_first() -> None:
    async with pool_of(max_unproven_per_source=2) as (pool, seen, port), far_end(port) as (_, proven):
        proven.write(MESSAGE)
        await until(lambda: seen.messages)
        async with far_end(port), far_end(port), far_end(port):
            await until(lambda: seen.ended)
            assert seen.ended == [(2, "too many connections without a message")]
            assert pool.counters.connections_unproven == 1
            assert pool.live(seen.connections[0].peer.connection) is seen.connections[0]


async def test_one_source_cannot_take_every_connection() -> None:
    async with pool_of(max_connections_per_source=1) as (pool, seen, port), far_end(port):
        await until(lambda: len(pool) == 1)
        async with far_end(port) as (reader, _):
            with pytest.raises(ConnectionError):
                if await reader.read(1) == b"":
                    raise ConnectionResetError
        assert pool.counters.connections_refused == 1
    assert len(seen.ended) == 1


async def test_unfinished_messages_share_a_budget_and_the_largest_goes_first() -> None:
    async with (
        pool_of(max_unfinished_bytes=3000) as (pool, seen, port),
        far_end(port) as (_, large),
        far_end(port) as (_, small),
    ):
        long = MESSAGE.replace(b"Content-Length: 4", b"Content-Length: 9000")
        large.write(long + b"x" * 2000)
        await until(lambda: [one for one in pool_connections(pool) if one.held > 2000])
        small.write(long + b"x" * 900)
        await until(lambda: seen.ended)
        assert seen.ended[0][1] == "too many bytes of unfinished messages"
        assert [one.held < 2000 for one in pool_connections(pool)] == [True]


async def test_a_stream_that_is_no_sip_is_closed() -> None:
    async with pool_of() as (_, seen, port), far_end(port) as (_, writer):
        writer.write(MESSAGE.replace(b"Content-Length: 4", b"Content-Length: 99999999999"))
        await until(lambda: seen.ended)
        assert seen.ended[0][1] == "no SIP in the stream"
        assert any(isinstance(message, ParseError) for message in seen.messages)


async def test_who_sends_too_much_can_read_the_answer_before_the_connection_is_gone() -> None:
    class Refusing(Seen):
        def message_arrived(self, message: bytes | ParseError, connection: TcpConnection) -> None:
            super().message_arrived(message, connection)
            connection.send(b"SIP/2.0 513 Message Too Large\r\n\r\n", self.failures.append)

    seen = Refusing()
    pool = TcpPool(seen, limits=Limits(), counters=Counters(), tolerance=LENIENT, now=lambda: 0.0)
    _, port = await pool.listen("127.0.0.1", 0)
    async with far_end(port) as (reader, writer):
        writer.write(MESSAGE.replace(b"Content-Length: 4", b"Content-Length: 1500000") + b"x" * 1_500_000)
        assert (await reader.read()).startswith(b"SIP/2.0 513 ")
        assert len(pool) == 0
        await pool.close()


def test_connections_work_on_uvloop_as_well() -> None:
    async def talk() -> list[bytes | ParseError]:
        async with pool_of() as (pool, seen, port):
            pool.towards(Peer("TCP", "127.0.0.1", port)).send(MESSAGE, seen.failures.append)
            await until(lambda: seen.messages)
            assert seen.failures == []
            return seen.messages

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(talk()) == [MESSAGE]
