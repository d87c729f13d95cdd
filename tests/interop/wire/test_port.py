"""Sockets that speak SIP: retransmission, repeated answers, streams, and strangers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interop.wire import sipwire
from interop.wire.port import WirePort, WireStranger
from interop.wire.sipwire import Path, Split, WireTimeout


def _request(port: WirePort, path: Path, method: str = "OPTIONS") -> bytes:
    lines = [port.via(path), "From: <sip:a@b>;tag=1", "To: <sip:c@d>", f"Call-ID: {sipwire.fresh()}"]
    lines += [f"CSeq: 1 {method}", "Max-Forwards: 70"]
    return sipwire.build(f"{method} sip:c@d SIP/2.0", lines)


class Pair:
    """Two ports; the right one answers as told."""

    def __init__(self, answer: Any = 200, drop: int = 0) -> None:
        self.answer, self.drop, self.asked = answer, drop, 0
        self.left, self.right = WirePort("127.0.0.1", self._nobody), WirePort("127.0.0.1", self._asked)

    async def _nobody(self, request: Split, path: Path) -> None:
        raise AssertionError(request.start)

    async def _asked(self, request: Split, path: Path) -> None:
        self.asked += 1
        if self.asked <= self.drop:
            return
        if self.answer == "raise":
            raise ValueError("broken handler")
        if self.answer == "late":
            self.right.reply(request, path, 100)
            await asyncio.sleep(0)
        self.right.reply(request, path, self.answer if isinstance(self.answer, int) else 200)

    async def __aenter__(self) -> Pair:
        await self.left.open()
        await self.right.open()
        self.udp = Path("UDP", "127.0.0.1", self.right.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.left.close()
        await self.right.close()


async def test_an_unanswered_datagram_is_repeated() -> None:
    async with Pair(drop=1) as pair:
        assert (await pair.left.ask(_request(pair.left, pair.udp), pair.udp)).status == 200
        assert [data for data in pair.left.sent][0] == pair.left.sent[1]


async def test_a_provisional_answer_is_not_the_end() -> None:
    async with Pair("late") as pair:
        assert (await pair.left.ask(_request(pair.left, pair.udp, "INVITE"), pair.udp)).status == 200
        assert [one.status for one in pair.left.received] == [100, 200]


async def test_a_repeated_request_gets_the_same_answer_and_is_not_executed_twice() -> None:
    async with Pair() as pair, WireStranger("127.0.0.3") as stranger:
        data = _request(pair.left, pair.udp)
        to = ("127.0.0.1", pair.right.port)
        first, second = await stranger.say(data, to), await stranger.say(data, to)
        assert first == second
        assert first[0].startswith(b"SIP/2.0 200")
        assert b"received=127.0.0.3" in first[0]
        assert pair.asked == 1


async def test_a_broken_handler_says_so_and_answers_500() -> None:
    async with Pair("raise") as pair:
        answer = await pair.left.ask(_request(pair.left, pair.udp), pair.udp)
        assert answer.status == 500
        assert any("broken handler" in fault for fault in pair.right.faults)


async def test_silence_ends_in_a_timeout() -> None:
    async with Pair(drop=9) as pair:
        with pytest.raises(WireTimeout):
            await pair.left.ask(_request(pair.left, pair.udp), pair.udp, timeout_s=0.05)


async def test_a_stream_carries_requests_both_ways() -> None:
    async with Pair() as pair:
        stream = await pair.left.dial("127.0.0.1", pair.right.port)
        assert (await pair.left.ask(_request(pair.left, stream), stream)).status == 200
        assert ";rport;" in pair.left.via(stream)
        assert list(pair.right.faults) == []


async def test_a_stranger_may_say_anything() -> None:
    async with Pair() as pair, WireStranger() as stranger:
        to = ("127.0.0.1", pair.right.port)
        assert await stranger.say(b"\r\n\r\n", to, wait_s=0.05) == []
        assert await stranger.say(b"garbage", to, wait_s=0.05, every=True) == []
        assert any("unreadable" in fault for fault in pair.right.faults)
        answer = await stranger.say_tcp(_request(pair.left, Path("TCP", *to)), to)
        assert answer.startswith(b"SIP/2.0 200")


async def test_a_port_in_use_is_refused() -> None:
    async with Pair() as pair:
        other = WirePort("127.0.0.1", pair._nobody, pair.right.port)
        with pytest.raises(OSError, match="in use"):
            await other.open()
