"""Streams that run without a viewer, under a grant of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gateway.compliance.grant import Grants
from gateway.compliance.ledger import Ledger, LedgerQuery
from gateway.errors import Failure, Reason
from gateway.relay.hub import Hub, StreamKey
from gateway.relay.trail import Trail
from gateway.rtsp.keeper import RETRY_S, RtspKeeper
from gateway.store.devices import Device
from gateway.store.stores import Stores

ID, CHANNEL = "34020000001110000007", "34020000001320000007"
CAMERA = Device(ID, kind="rtsp", url="rtsp://192.0.2.1/", channel_id=CHANNEL, always_on=True)
KEY, OTHER = StreamKey(ID, CHANNEL), StreamKey(ID, "34020000001320000008")


@dataclass
class Call:
    """A stream."""

    source_leg: str = "in-1"
    worker_name: str = "relay-1"
    route_path: str = ""
    ended: bool = False

    async def end(self, failure: Failure | None) -> None:
        self.ended = True


@dataclass
class Yard:
    stores: Stores
    ledger: Ledger
    now: list[float]
    calls: list[Call] = field(default_factory=list)
    refusal: Failure | None = None

    def build(self) -> None:
        self.hub = Hub(self.open, linger_s=1000)
        self.grants = Grants(self.ledger, lifetime_seconds=3600, clock=lambda: self.now[0])
        self.keeper = RtspKeeper(self.stores.devices, self.hub, self.grants, clock=lambda: self.now[0])

    async def open(self, key: StreamKey, trail: Trail) -> Call:
        if self.refusal is not None:
            raise self.refusal
        assert key in (KEY, OTHER)
        self.calls.append(Call())
        return self.calls[-1]

    @property
    def readers(self) -> int:
        stream = self.hub.get(KEY)
        return len(stream.readers) if stream is not None else 0

    async def entries(self) -> list[tuple[str, str]]:
        rows = await self.ledger.entries(LedgerQuery())
        return [(row.entry.actor_id, row.entry.action) for row in reversed(rows)]


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    stores, ledger = await Stores.open(tmp_path), Ledger.open(tmp_path)
    made = Yard(stores, ledger, [1000.0])
    made.build()
    yield made
    await made.keeper.stop()
    await made.hub.close(Failure(Reason.SHUTTING_DOWN))
    await ledger.close()
    await stores.close()


async def test_a_stream_is_kept_running_under_a_grant_in_the_ledger(yard: Yard) -> None:
    await yard.stores.devices.create(CAMERA)
    await yard.keeper.round()
    await yard.keeper.round()
    assert len(yard.calls) == 1 and yard.readers == 1
    assert await yard.entries() == [("health-check", "live")]
    await yard.stores.devices.update(ID, always_on=False)
    await yard.keeper.round()
    assert yard.readers == 0 and await yard.entries() == [("health-check", "live"), ("health-check", "live.ended")]


async def test_others_are_left_alone(yard: Yard) -> None:
    await yard.stores.devices.create(Device("34020000001110000001"))
    await yard.stores.devices.create(
        Device(ID, kind="rtsp", url="rtsp://192.0.2.1/", channel_id=CHANNEL, always_on=True, enabled=False)
    )
    await yard.keeper.round()
    assert yard.calls == [] and await yard.entries() == []


async def test_a_stream_that_was_lost_is_begun_again_after_a_while(yard: Yard) -> None:
    await yard.stores.devices.create(CAMERA)
    await yard.keeper.round()
    await yard.hub.lost(KEY, Failure(Reason.RTSP_ENDED))
    await yard.keeper.round()
    assert len(yard.calls) == 1
    yard.now[0] += RETRY_S
    await yard.keeper.round()
    assert len(yard.calls) == 2
    assert [action for _, action in await yard.entries()] == ["live", "live.ended", "live"]


async def test_one_that_cannot_be_begun_is_tried_again_after_a_while(yard: Yard) -> None:
    yard.refusal = Failure(Reason.RTSP_REFUSED_PASSWORD)
    await yard.stores.devices.create(CAMERA)
    for _ in range(3):
        await yard.keeper.round()
    assert [action for _, action in await yard.entries()] == ["live", "live.ended"]
    yard.refusal = None
    yard.now[0] += RETRY_S
    await yard.keeper.round()
    assert len(yard.calls) == 1


async def test_the_grant_is_renewed_when_its_time_is_over(yard: Yard) -> None:
    await yard.stores.devices.create(CAMERA)
    await yard.keeper.round()
    yard.now[0] += 3601
    await yard.keeper.round()
    assert len(yard.calls) == 1 and yard.readers == 1
    assert len([action for _, action in await yard.entries() if action == "live"]) == 2


async def test_another_channel_is_another_stream(yard: Yard) -> None:
    await yard.stores.devices.create(CAMERA)
    await yard.keeper.round()
    await yard.stores.devices.update(ID, channel_id="34020000001310000008", always_on=True)
    yard.refusal = Failure(Reason.UNKNOWN_CHANNEL)
    await yard.keeper.round()
    assert yard.readers == 0


async def test_each_channel_of_a_camera_with_several_is_kept_and_one_that_is_gone_is_left(yard: Yard) -> None:
    codes = [KEY.code, OTHER.code]
    keeper = RtspKeeper(
        yard.stores.devices, yard.hub, yard.grants, channels=lambda _: list(codes), clock=lambda: yard.now[0]
    )
    await yard.stores.devices.create(replace(CAMERA, kind="onvif"))
    await keeper.round()
    assert yard.hub.get(KEY) is not None and yard.hub.get(OTHER) is not None
    codes.remove(OTHER.code)
    await keeper.round()
    assert set(keeper._kept) == {KEY}
    await keeper.stop()
    assert keeper._kept == {}
