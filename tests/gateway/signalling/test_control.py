"""Control commands on their way to a camera."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.compliance.access import Action
from gateway.compliance.grant import Grant
from gateway.errors import Failure, LocalError, Reason
from gateway.relay.hub import StreamKey
from gateway.signalling import control as module
from gateway.signalling.control import Controls
from gateway.signalling.exchange import Correspondent, Exchange
from gateway.signalling.requests import Party
from interop.wire.sipwire import element
from sip.aio import Peer
from sip.manscdp import Edition
from tests.gateway.grants import Desk as Granter
from tests.gateway.grants import granting
from tests.gateway.signalling.raw import CAMERA, CHANNEL, NODE, Clock, Desk, RawPeer, eventually

KEY = StreamKey(CAMERA, CHANNEL)
LEFT, STOP = "A50F01021F0000D6", "A50F0100000000B5"


@pytest.fixture
def controls(desk: Desk, raw: RawPeer, clock: Clock) -> Controls:
    camera = Correspondent(CAMERA, Peer("UDP", *raw.address), "GB2312", Edition.V2022)
    exchange = Exchange(desk.stack, Party(NODE), answer_s=1.0)
    return Controls(exchange, lambda peer_id: camera if peer_id == CAMERA else None, clock=clock)


@pytest.fixture
async def granter(tmp_path: Path) -> AsyncIterator[Granter]:
    async with granting(tmp_path) as opened:
        yield opened


@pytest.fixture
async def move(granter: Granter) -> Grant:
    return await granter.grant(CAMERA, CHANNEL, Action.PTZ)


async def test_a_grant_to_watch_moves_no_camera(controls: Controls, granter: Granter, raw: RawPeer) -> None:
    with pytest.raises(LocalError):
        await controls.ptz(await granter.grant(CAMERA, CHANNEL), LEFT)
    assert raw.heard == []


async def test_a_ptz_command_reaches_the_channel_unchanged(controls: Controls, raw: RawPeer, move: Grant) -> None:
    await controls.ptz(move, LEFT, 5)
    [heard] = await raw.wait_for("MESSAGE", "DeviceControl")
    assert element(heard.text, "PTZCmd") == LEFT and element(heard.text, "DeviceID") == CHANNEL
    assert element(heard.text, "ControlPriority") == "5" and f"sip:{CHANNEL}@" in heard.start


async def test_a_stop_never_overtakes_the_movement_before_it(controls: Controls, raw: RawPeer, move: Grant) -> None:
    lost = iter([None])  # the first datagram gets no answer, so the stack repeats it
    raw.answer = lambda request: next(lost, 200)
    await asyncio.gather(controls.ptz(move, LEFT), controls.ptz(move, STOP))
    order = [element(one.text, "PTZCmd") for one in raw.of("MESSAGE")]
    assert order == [LEFT, LEFT, STOP] and controls._turns == {}


async def test_too_many_waiting_commands_are_refused(
    controls: Controls, raw: RawPeer, monkeypatch: pytest.MonkeyPatch, move: Grant
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    results = await asyncio.gather(*(controls.ptz(move, LEFT) for _ in range(4)), return_exceptions=True)
    refused = [one for one in results if isinstance(one, Failure)]
    assert {one.reason for one in refused} == {Reason.BUSY} and len(refused) == 2


@pytest.mark.parametrize(("status", "reason"), [(403, Reason.REJECTED), (None, Reason.NO_ANSWER)])
async def test_what_the_camera_does_not_take_fails_with_the_step(
    controls: Controls, raw: RawPeer, status: int | None, reason: Reason, move: Grant
) -> None:
    raw.answer = lambda request: status
    with pytest.raises(Failure) as failed:
        await controls.ptz(move, LEFT)
    assert failed.value.reason is reason and failed.value.code == status


async def test_a_camera_that_is_offline_is_said_to_be(controls: Controls, granter: Granter) -> None:
    with pytest.raises(Failure) as failed:
        await controls.ptz(await granter.grant("other", "c", Action.PTZ), LEFT)
    assert failed.value.reason is Reason.DEVICE_OFFLINE


async def test_a_key_frame_is_asked_for_at_most_once_in_two_seconds(
    controls: Controls, raw: RawPeer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await controls.key_frame(KEY)
    assert len(raw.of("MESSAGE", "DeviceControl")) == 1 and b"Send</IF" in raw.heard[0].body
    clock.now += 2
    monkeypatch.setattr(module, "MAX_REMEMBERED", 1)
    await controls.key_frame(KEY)
    await eventually(lambda: len(raw.of("MESSAGE", "DeviceControl")) == 2)


async def test_a_key_frame_that_cannot_be_asked_for_is_nobody_elses_trouble(controls: Controls, raw: RawPeer) -> None:
    raw.answer = lambda request: 403
    await controls.key_frame(KEY)
    await controls.key_frame(StreamKey("other", "c"))


async def test_a_camera_that_takes_no_commands_is_told_apart_from_one_that_is_away(
    desk: Desk, move: Grant, clock: Clock
) -> None:
    exchange = Exchange(desk.stack, Party(NODE), answer_s=1.0)
    deaf = Controls(exchange, lambda _: None, no_commands=lambda _: "the camera speaks RTSP only", clock=clock)
    with pytest.raises(Failure) as refused:
        await deaf.ptz(move, LEFT)
    assert refused.value.reason is Reason.UNSUPPORTED and "RTSP only" in refused.value.message
    await deaf.key_frame(KEY)


class Elsewhere:
    """Carries commands out by other means than SIP."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.refuses = False

    async def ptz(self, grant: Grant, ptz_cmd: str) -> None:
        self.done.append((grant.code, ptz_cmd))

    async def key_frame(self, key: StreamKey) -> None:
        if self.refuses:
            raise Failure(Reason.ONVIF_UNREACHABLE)
        self.done.append(key)


async def test_a_camera_that_speaks_no_sip_has_its_commands_carried_out_elsewhere(
    controls: Controls, raw: RawPeer, clock: Clock, move: Grant, granter: Granter
) -> None:
    there = Elsewhere()
    controls.elsewhere = lambda peer_id: there if peer_id == CAMERA else None
    await controls.ptz(move, LEFT)
    await controls.key_frame(KEY)
    there.refuses = True
    clock.now += 2
    await controls.key_frame(KEY)
    assert there.done == [(CHANNEL, LEFT), KEY] and raw.heard == []
    with pytest.raises(Failure) as offline:
        await controls.ptz(await granter.grant("other", CHANNEL, Action.PTZ), LEFT)
    assert offline.value.reason is Reason.DEVICE_OFFLINE
