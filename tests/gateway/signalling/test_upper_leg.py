"""The media leg of a call from above, at a real relay worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.relay.ssrc import SsrcPool
from gateway.relay.trail import Trail
from gateway.signalling.calls import CallRecord
from gateway.signalling.upper_leg import OTHER_ADDRESS, UpperLeg
from gateway.telemetry.ladder import Ladder
from media.worker.control import (
    AnyEvent,
    CloseLeg,
    ConnectFailed,
    LegClosed,
    LegStats,
    SendFailed,
    SinkOverflow,
    SourceSilent,
    TcpClosed,
    TcpConnected,
    Transport,
)
from sip.aio import Peer
from tests.gateway.grants import granting
from tests.gateway.relay.floor import HOST, RELAY, Floor, Upstream, running_floor
from tests.gateway.signalling.raw import CAMERA, CHANNEL, NODE

KEY = StreamKey(CAMERA, CHANNEL)
PLATFORM = Peer("UDP", HOST, 5060)


class Stand:
    """A stream at a relay worker, and what a leg needs of its node."""

    def __init__(self, floor: Floor, stream: Upstream, grant: Grant) -> None:
        self.floor, self.stream, self.grant = floor, stream, grant
        self.ssrcs, self.ladder, self.host = SsrcPool(NODE), Ladder(), HOST
        self.ports: tuple[int, int] | None = None
        self.ladder.bind_call("1", "call-id", KEY)
        self.environment: Any = SimpleNamespace(
            live_ssrcs=self.ssrcs,
            ladder=self.ladder,
            addresses=SimpleNamespace(bind_host=lambda peer: self.host, ports=lambda peer, worker: self.ports),
        )

    def leg(self, transport: Transport = "udp") -> UpperLeg:
        return UpperLeg(self.grant, self.environment, self.floor.pool, call_id="1", peer=PLATFORM, transport=transport)

    async def held(self) -> LegStats | None:
        """The leg as the worker has it."""
        stats = await self.floor.worker("relay").link.leg_stats()
        return next((one for one in stats if one.leg == "out-1"), None)

    def steps(self) -> list[str]:
        trace = self.ladder.get("1")
        return [step.what for step in trace.steps] if trace is not None else []


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with granting(tmp_path) as desk, running_floor(tmp_path, [], specs=(RELAY,)) as floor:
        yield Stand(floor, await floor.camera.open(KEY, Trail()), await desk.grant(*KEY))


async def failed(leg: UpperLeg, stream: Any, **options: Any) -> Reason:
    with pytest.raises(Failure) as caught:
        await leg.open(stream, ssrc=None, payload_type=96, **options)
    await leg.close()
    return caught.value.reason


async def test_a_leg_is_opened_started_and_closed_with_everything_given_back(stand: Stand) -> None:
    leg = stand.leg()
    opened = await leg.open(stand.stream, ssrc=None, payload_type=97)
    held = await stand.held()
    assert leg.owns_ssrc and len(stand.ssrcs) == 1 and opened.port > 0 and leg.worker is stand.floor.worker("relay")
    assert held is not None and (held.ssrc, held.payload_type, held.source) == (int(leg.ssrc), 97, "in-0")
    await leg.start((HOST, 9000), HOST)
    held = await stand.held()
    assert held is not None and held.remote == (HOST, 9000)
    await leg.close()
    assert await stand.held() is None and len(stand.ssrcs) == 0
    await leg.close()  # a second time there is nothing to close


async def test_its_port_is_one_of_those_of_the_zone_of_the_platform(stand: Stand) -> None:
    stand.ports = (47900, 47909)
    leg = stand.leg()
    assert (await leg.open(stand.stream, ssrc=None, payload_type=96)).port in range(47900, 47910)
    await leg.close()


async def test_the_ssrc_of_the_upper_platform_is_not_one_of_ours(stand: Stand) -> None:
    leg = stand.leg()
    await leg.open(stand.stream, ssrc="0400001234", payload_type=96)
    held = await stand.held()
    assert held is not None and held.ssrc == 400001234 and not leg.owns_ssrc and len(stand.ssrcs) == 0
    await leg.close()


async def test_a_listening_leg_takes_the_receiver_and_nobody_else(stand: Stand) -> None:
    leg = stand.leg("tcp_passive")
    opened = await leg.open(stand.stream, ssrc=None, payload_type=96)
    await leg.start(("127.0.0.9", 9), "127.0.0.8")
    reader, writer = await asyncio.open_connection(HOST, opened.port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    reader, writer = await asyncio.open_connection(HOST, opened.port, local_addr=("127.0.0.8", 0))
    async with asyncio.timeout(5):
        while (held := await stand.held()) is None or held.remote is None:
            await asyncio.sleep(0.01)
    writer.close()
    await leg.close()


@pytest.mark.parametrize(
    ("transport", "to", "suspected"),
    [("udp", "127.0.0.9", True), ("udp", HOST, False), ("tcp_passive", "127.0.0.9", False)],
)
async def test_media_to_another_address_than_requests_come_from_is_in_the_trace(
    stand: Stand, transport: Transport, to: str, suspected: bool
) -> None:
    leg = stand.leg(transport)
    await leg.open(stand.stream, ssrc=None, payload_type=96)
    await leg.start((to, 9), HOST)
    trace = stand.ladder.get("1")
    found = [step.details for step in trace.steps if step.what == OTHER_ADDRESS] if trace is not None else []
    assert bool(found) is suspected
    for details in found:
        assert to in details["message"] and HOST in details["message"] and "映射" in details["message_zh"]
    await leg.close()


async def test_where_it_cannot_be_opened_it_says_why(stand: Stand) -> None:
    gone: Any = SimpleNamespace(worker_name="relay-9", source_leg="in-0")
    assert await failed(stand.leg(), gone) is Reason.WORKER_LOST
    missing: Any = SimpleNamespace(worker_name="relay-1", source_leg="in-9")
    assert await failed(stand.leg(), missing) is Reason.BUSY
    stand.host = "nowhere"
    assert await failed(stand.leg(), stand.stream) is Reason.BUSY
    stand.ssrcs._leased.update(dict.fromkeys(range(10_000), "others"))
    assert await failed(stand.leg(), stand.stream) is Reason.BUSY
    stand.ssrcs._leased.clear()
    stand.floor.pool._stopping = True
    await stand.floor.kill("relay")
    assert await failed(stand.leg(), stand.stream) is Reason.WORKER_LOST and len(stand.ssrcs) == 0


async def test_a_leg_the_worker_has_lost_is_not_started(stand: Stand) -> None:
    leg = stand.leg()
    await leg.open(stand.stream, ssrc=None, payload_type=96)
    await stand.floor.worker("relay").link.call(CloseLeg(leg=leg.name))
    with pytest.raises(Failure) as caught:
        await leg.start((HOST, 9000), HOST)
    assert caught.value.reason is Reason.WORKER_LOST
    await leg.close()


@pytest.mark.parametrize(
    ("news", "reason", "step"),
    [
        ([TcpConnected(leg="", remote=(HOST, 9))], None, "media connected"),
        ([SinkOverflow(leg="", dropped=3)], None, "receiver too slow"),
        ([SourceSilent(leg="", silent_s=5)], None, None),
        ([TcpClosed(leg="", reason="closed")], None, "media connection closed"),
        ([TcpClosed(leg="", reason="none came", final=True)], Reason.CONNECT_FAILED, "media connection closed"),
        (
            [TcpConnected(leg="", remote=(HOST, 9)), TcpClosed(leg="", reason="none came", final=True)],
            Reason.CONNECTION_LOST,
            "media connected",
        ),
        ([ConnectFailed(leg="", remote=(HOST, 9), error="refused")], Reason.CONNECT_FAILED, None),
        ([SendFailed(leg="", remote=(HOST, 9), error="unreachable")], Reason.MEDIA_UNREACHABLE, None),
        ([LegClosed(leg="", reason="stopped")], Reason.WORKER_LOST, None),
    ],
)
async def test_news_that_end_a_leg_name_their_reason(
    stand: Stand, news: list[AnyEvent], reason: Reason | None, step: str | None
) -> None:
    leg = stand.leg()
    failure = [leg.bad_news(event) for event in news][-1]
    assert (failure.reason if failure is not None else None) is reason
    assert step is None or step in stand.steps()


@pytest.mark.parametrize("own", [True, False])
async def test_after_a_restart_a_leg_is_what_its_record_says(stand: Stand, own: bool) -> None:
    before = stand.leg()
    await before.open(stand.stream, ssrc=None if own else "0400001234", payload_type=96)
    record = CallRecord(
        id="1", side="upper", peer_id="u", stream_peer=CAMERA, code=CHANNEL, dialog={}, remote=("UDP", HOST, 9),
        worker="relay-1", leg="out-1", ssrc=before.ssrc, transport="tcp_active", details={"own_ssrc": own},
    )  # fmt: skip
    stand.ssrcs._leased.clear()
    leg = stand.leg("tcp_active")
    leg.restore(record)
    assert (leg.ssrc, leg.owns_ssrc, len(stand.ssrcs)) == (before.ssrc, own, int(own))
    final = leg.bad_news(TcpClosed(leg=leg.name, reason="none came", final=True))
    assert final is not None and final.reason is Reason.CONNECTION_LOST  # it stood before the restart
    await leg.close()
    assert await stand.held() is None and len(stand.ssrcs) == 0
