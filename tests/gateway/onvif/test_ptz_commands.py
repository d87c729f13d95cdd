"""Commands carried out by a simulated camera."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.compliance.access import Action
from gateway.compliance.grant import Grant
from gateway.errors import Failure, LocalError, Reason
from gateway.onvif.ptz_commands import OnvifCommands
from gateway.relay.hub import StreamKey
from interop.onvif.camera import OnvifCamera
from sip.manscdp import ptz
from tests.gateway.grants import Desk, granting
from tests.gateway.onvif.node_parts import CHANNEL, ID, SECOND, Parts, parts
from tests.gateway.onvif.stand import DOME, FIXED, camera

LEFT, STOP = ptz.encode(ptz.Motion(pan=-1, pan_speed=255)), ptz.encode(ptz.STOP)


class Scene:
    def __init__(self, one: OnvifCamera, made: Parts, desk: Desk, commands: OnvifCommands) -> None:
        self.camera, self.parts, self.desk, self.commands = one, made, desk, commands
        self.grant: Grant

    async def send(self, *commands: str | ptz.PtzCommand) -> None:
        for command in commands:
            await self.commands.ptz(self.grant, command if isinstance(command, str) else ptz.encode(command))

    async def refused(self, command: ptz.PtzCommand) -> Failure:
        with pytest.raises(Failure) as raised:
            await self.send(command)
        assert raised.value.channel == CHANNEL
        return raised.value

    @property
    def asked(self) -> list[str]:
        return [one.operation for one in self.camera.received if one.service in ("ptz", "imaging")]


@contextlib.asynccontextmanager
async def moving(folder: Path, move_s: float = 15.0, **settings: Any) -> AsyncIterator[Scene]:
    async with camera(**settings) as one, parts(folder, one) as made, granting(folder) as desk:
        commands = OnvifCommands(made.cameras, move_s=move_s)
        scene = Scene(one, made, desk, commands)
        scene.grant = await desk.grant(ID, CHANNEL, Action.PTZ)
        try:
            yield scene
        finally:
            await commands.stop()


async def test_a_movement_has_its_velocity_and_an_end_and_stops(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await scene.send(ptz.Motion(pan=1, tilt=-1, pan_speed=51, tilt_speed=255))
        move = await scene.camera.wait_for("ContinuousMove")
        assert (move.pan, move.tilt, move.arguments["Timeout"]) == (0.2, -1.0, 15.0)
        await scene.send(STOP)
        stop = await scene.camera.wait_for("Stop")
        assert stop.service == "ptz" and stop.arguments["PanTilt"] is True


async def test_the_limits_are_asked_for_once(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await scene.send(LEFT, STOP, LEFT, STOP)
        assert scene.asked.count("GetConfigurationOptions") == scene.asked.count("GetMoveOptions") == 1


async def test_commands_that_come_at_once_keep_their_order_also_the_first(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await asyncio.gather(scene.send(LEFT), scene.send(STOP))
        last = [name for name in scene.asked if name in ("ContinuousMove", "Stop")][-1]
        assert last == "Stop"


async def test_of_many_movements_the_newest_wins_and_nobody_waits_in_vain(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await scene.send(LEFT)
        scene.camera.forget_received()
        speeds = [ptz.Motion(pan=1, pan_speed=speed) for speed in range(51, 256, 51)]
        await asyncio.gather(*(scene.send(speed) for speed in speeds))
        moves = [one for one in scene.camera.received if one.operation == "ContinuousMove"]
        assert moves[-1].pan == 1.0 and len(moves) < len(speeds)


async def test_focus_moves_through_imaging_and_stops_with_everything_else(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await scene.send(ptz.Lens(focus=1, focus_speed=255), ptz.Lens(), ptz.Lens(focus=-1, focus_speed=255), STOP)
        moves = [one for one in scene.camera.received if one.operation == "Move"]
        assert [move.arguments["Focus.Continuous.Speed"] for move in moves] == [-1.0, 1.0]
        assert scene.asked[-5:] == ["Move", "Stop", "Move", "Stop", "Stop"]


async def test_presets_are_kept_by_the_camera_under_our_number(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await scene.send(ptz.Preset("set", 3), ptz.Preset("set", 3), ptz.Preset("call", 3), ptz.Preset("call", 5))
        first, again = [one for one in scene.camera.received if one.operation == "SetPreset"]
        assert first.arguments["PresetName"] == "GB-3" and again.arguments["PresetToken"]
        calls = [one.arguments["PresetToken"] for one in scene.camera.received if one.operation == "GotoPreset"]
        assert calls == [again.arguments["PresetToken"], "5"]
        await scene.send(ptz.Preset("delete", 3))
        assert (await scene.refused(ptz.Preset("call", 3))).message_zh.endswith("摄像机没有预置位 3")


async def test_what_cannot_be_done_is_refused_in_words(tmp_path: Path) -> None:
    async with moving(tmp_path, sources=(replace(DOME, imaging=False), FIXED)) as scene:
        for command in (ptz.Cruise("start", 1), ptz.Auxiliary(1, True), ptz.Lens(focus=1, focus_speed=9)):
            failure = await scene.refused(command)
            assert failure.reason is Reason.ONVIF_UNSUPPORTED and failure.detail
        with pytest.raises(Failure) as malformed:
            await scene.send("A50F01021F0000D7")
        assert malformed.value.reason is Reason.BAD_REQUEST
        scene.grant = await scene.desk.grant(ID, SECOND, Action.PTZ)
        with pytest.raises(Failure, match="does not move"):
            await scene.send(LEFT)
        scene.grant = await scene.desk.grant(ID, CHANNEL)
        with pytest.raises(LocalError):
            await scene.send(LEFT)


async def test_the_cameras_refusal_is_told_with_the_channel(tmp_path: Path) -> None:
    bad = {"ContinuousMove": "fault:InvalidVelocity", "GetConfigurationOptions": "garbage", "GetMoveOptions": "garbage"}
    async with moving(tmp_path, misbehaviour=bad) as scene:
        failure = await scene.refused(ptz.Motion(pan=1, pan_speed=9))
        assert failure.reason is Reason.ONVIF_FAULT and "InvalidVelocity" in failure.detail
        await scene.send(STOP)
        assert scene.asked[-1] == "Stop"


async def test_a_camera_that_does_not_answer_lets_only_so_many_wait(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await scene.send(STOP)
        scene.camera.misbehave("GetPresets", "silent")
        calls = [asyncio.ensure_future(scene.send(ptz.Preset("call", number))) for number in range(1, 30)]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        problems = [one.exception() for one in done]
        assert any(isinstance(one, Failure) and one.reason is Reason.BUSY for one in problems)
        scene.commands.forget(ID)
        left = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, Failure) for one in left)


async def test_a_stop_goes_to_a_camera_that_was_moved_though_it_is_not_known_any_more(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await scene.send(LEFT)
        scene.parts.cameras.forget(ID)
        scene.camera.misbehave("GetServices", "garbage")
        scene.camera.misbehave("GetProfiles", "garbage")
        await scene.send(STOP, ptz.Lens())
        assert scene.asked[-2:] == ["Stop", "Stop"]
        assert (await scene.refused(ptz.Motion(pan=1, pan_speed=9))).reason is Reason.ONVIF_NOT_A_SERVICE


async def test_a_limit_that_cannot_be_asked_for_because_the_camera_is_gone_says_so(tmp_path: Path) -> None:
    async with moving(tmp_path) as scene:
        await scene.parts.cameras.camera(ID)
        await scene.camera.stop()
        assert (await scene.refused(ptz.STOP)).reason is Reason.ONVIF_UNREACHABLE


@pytest.mark.parametrize(("source", "service"), [(CHANNEL, "media2"), (SECOND, "media")])
async def test_a_key_frame_is_asked_for_where_the_profile_is(tmp_path: Path, source: str, service: str) -> None:
    async with moving(tmp_path, media2=service == "media2") as scene:
        await scene.commands.key_frame(StreamKey(ID, source))
        assert (await scene.camera.wait_for("SetSynchronizationPoint")).service == service


async def test_commands_that_wait_for_a_camera_that_does_not_answer_fail_with_the_first(tmp_path: Path) -> None:
    async with moving(tmp_path, misbehaviour={"GetServices": "silent"}) as scene:
        sent = [asyncio.create_task(scene.send(LEFT)) for _ in range(5)]
        found = await asyncio.gather(*sent, return_exceptions=True)
        assert {one.reason for one in found if isinstance(one, Failure)} == {Reason.ONVIF_UNREACHABLE}
        assert len(found) == 5 and sum(one.operation == "GetServices" for one in scene.camera.received) <= 2
        scene.camera.misbehave("GetServices", None)
        await scene.send(LEFT)
        assert scene.asked.count("ContinuousMove") == 1


async def test_a_command_given_before_the_camera_was_changed_is_not_carried_out_after_it(tmp_path: Path) -> None:
    async with moving(tmp_path, misbehaviour={"GetConfigurationOptions": "slow:0.2"}) as scene:
        sent = asyncio.create_task(scene.send(LEFT))
        await scene.camera.wait_for("GetConfigurationOptions")
        scene.commands.forget(ID)
        with pytest.raises(Failure) as cancelled:
            await sent
        assert cancelled.value.reason is Reason.CANCELLED and "ContinuousMove" not in scene.asked
