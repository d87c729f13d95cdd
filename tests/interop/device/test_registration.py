"""Registering, refreshing, and finding the platform again; time is the test's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from interop.device.outbox import Outbox
from interop.device.registration import Refused, Registration
from interop.wire.platform import WirePlatform
from sip import Headers, RemoteError, Response, TransportFailed
from sip.aio import SipStack
from sip.manscdp import Edition

PLATFORM, DEVICE, PASSWORD = "34020000002000000001", "34020000001180000001", "device-0815"


class Clock:
    """Seconds, moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def _registration(
    settings: Any, port: int, news: Any, clock: Clock, **changed: Any
) -> AsyncIterator[Registration]:
    chosen = settings(port, **{"keepalive_s": 0.0, "retry_s": 0.0, **changed})
    stack = SipStack(user_agent="gbsim", on_request=lambda incoming: None)
    await stack.listen(chosen.transport, "127.0.0.1", 0)
    try:
        yield Registration(chosen, stack, Outbox(chosen, stack), news.heard, clock)
    finally:
        await stack.close()


def _registers(up: WirePlatform) -> list[Any]:
    return [one for one in up.port.received if one.method == "REGISTER"]


@pytest.mark.parametrize(("algorithm", "qop"), [("MD5", "auth"), ("MD5", ""), ("SHA-256", "auth")])
async def test_one_round_and_its_end(settings: Any, news: Any, algorithm: str, qop: str) -> None:
    async with (
        WirePlatform(PLATFORM, PASSWORD, algorithm=algorithm, qop=qop) as up,
        _registration(settings, up.port.port, news, Clock(), edition=Edition.V2022) as one,
    ):
        await one.register()
        assert one.registered.is_set()
        assert DEVICE in up.registered
        await one.register(0)
        assert not one.registered.is_set()
        assert up.registered == {}
        sent = _registers(up)
        assert [request.need("cseq") for request in sent] == [f"{number} REGISTER" for number in range(1, 5)]
        assert len({request.need("call-id") for request in sent}) == 1
        assert {request.need("x-gb-ver") for request in sent} == {"3.0"}
        assert [told for told, _ in news.told] == ["registered"]
        assert up.faults == []


async def test_a_refusal_carries_the_status(settings: Any, news: Any) -> None:
    async with (
        WirePlatform(PLATFORM, "another") as up,
        _registration(settings, up.port.port, news, Clock()) as one,
    ):
        with pytest.raises(Refused) as refused:
            await one.register()
        assert refused.value.status == 401
        assert not one.registered.is_set()


async def _holding(
    one: Registration, answers: list[Response | RemoteError], clock: Clock, each_s: float = 60.0
) -> None:
    """Hold the registration for as many keepalives as there are answers; `each_s` pass before each."""

    class Enough(Exception):
        pass

    async def keepalive() -> Response:
        if not answers:
            raise Enough
        clock.now += 60.0
        outcome = answers.pop(0)
        if isinstance(outcome, RemoteError):
            raise outcome
        return outcome

    with contextlib.suppress(Enough):
        await asyncio.wait_for(one.hold(keepalive), 20)


def _ok() -> Response:
    return Response(200, "OK", Headers())


def _silence() -> RemoteError:
    return TransportFailed("peer", "gone", peer="peer")


async def test_it_is_refreshed_before_the_granted_time_is_over(settings: Any, news: Any) -> None:
    clock = Clock()
    async with (
        WirePlatform(PLATFORM, PASSWORD) as up,
        _registration(settings, up.port.port, news, clock, expires=300) as one,
    ):
        await _holding(one, [_ok() for _ in range(9)], clock)
        answered = [request for request in _registers(up) if request.get("authorization")]
        assert len(answered) == 3  # at the start, after 240 s, after 480 s
        assert news.count("registered") == 1


async def test_a_refused_keepalive_registers_anew(settings: Any, news: Any) -> None:
    clock = Clock()
    async with (
        WirePlatform(PLATFORM, PASSWORD) as up,
        _registration(settings, up.port.port, news, clock) as one,
    ):
        await _holding(one, [_ok(), Response(403, "Forbidden", Headers()), _ok()], clock)
        assert news.count("registered") == 2
        assert (await news.event("keepalive refused"))["status"] == 403
        assert one.registered.is_set()


async def test_three_unanswered_keepalives_lose_the_platform_and_it_is_found_again(settings: Any, news: Any) -> None:
    clock = Clock()
    async with (
        WirePlatform(PLATFORM, PASSWORD) as up,
        _registration(settings, up.port.port, news, clock) as one,
    ):
        await _holding(one, [_silence(), _silence(), _ok(), _silence(), _silence(), _silence(), _ok()], clock)
        told = [name for name, _ in news.told]
        assert told == ["registered", *["keepalive failed"] * 5, "platform lost", "registered"]
        assert [facts["in a row"] for name, facts in news.told if name == "keepalive failed"] == [1, 2, 1, 2, 3]


async def test_it_tries_until_the_platform_takes_it(settings: Any, news: Any) -> None:
    clock = Clock()
    async with (
        WirePlatform(PLATFORM, "another") as up,
        _registration(settings, up.port.port, news, clock) as one,
    ):
        holding = asyncio.ensure_future(_holding(one, [_ok()], clock))
        await news.event("not registered", 2)
        up.password = PASSWORD
        await news.event("registered")
        await holding
        assert one.registered.is_set()
