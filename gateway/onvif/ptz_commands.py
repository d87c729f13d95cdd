"""Control commands carried out by ONVIF cameras (设备控制, GB/T 28181-2022 9.3): PTZ, focus, presets, key frames."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from gateway.compliance.access import Action
from gateway.compliance.grant import Grant
from gateway.errors import Failure, LocalError, Reason
from gateway.onvif import media2
from gateway.onvif.cameras import KnownCamera, OnvifCameras
from gateway.onvif.presets import name_of, token_of
from gateway.onvif.profiles import Profile, VideoSource
from gateway.onvif.ptz_mapping import (
    Focus,
    Move,
    OnvifCommand,
    PtzSpaces,
    SpeedRange,
    Stop,
    UsePreset,
    focus_of,
    spaces_of,
    translated,
)
from gateway.onvif.ptz_queue import PtzQueue
from gateway.relay.hub import StreamKey
from sip.manscdp import ptz
from sip.manscdp.errors import ManscdpError

log = structlog.get_logger("onvif")


@dataclass(slots=True)
class _Moved:
    """One channel that is moved. `camera` is the one the limits were learned of; `failures` counts the times that
    failed, `failure` is the last."""

    queue: PtzQueue[asyncio.Future[None]] = field(default_factory=PtzQueue)
    task: asyncio.Task[None] | None = None
    camera: KnownCamera | None = None
    spaces: PtzSpaces = field(default_factory=PtzSpaces)
    focus: SpeedRange | None = None
    focusing: bool = False
    learning: asyncio.Lock = field(default_factory=asyncio.Lock)
    failures: int = 0
    failure: Failure | None = None


class OnvifCommands:
    """Carries commands out, one after the other for each channel. `move_s`: a movement whose stop got lost ends by
    itself after that time."""

    def __init__(self, cameras: OnvifCameras, *, move_s: float) -> None:
        self._cameras = cameras
        self._move_s = move_s
        self._moved: dict[StreamKey, _Moved] = {}

    async def ptz(self, grant: Grant, ptz_cmd: str) -> None:
        """Carry out a PTZ command (16 hex digits, A.3) at the granted camera. Returns when the camera has taken it, or
        a newer one took its place. Raises Failure."""
        if grant.action is not Action.PTZ:
            raise LocalError(f"a grant for {grant.action} moves no camera")
        key = StreamKey(grant.peer_id, grant.code)
        moved = self._moved.setdefault(key, _Moved())
        try:
            asked = ptz.decode(ptz_cmd)
            await self._learned(key, moved, stops=_at_rest(asked))
            command = translated(asked, moved.spaces, moved.focus or SpeedRange())
        except ManscdpError as error:
            raise Failure(Reason.BAD_REQUEST, str(error), channel=key.code) from error
        except Failure as failure:
            raise _about(failure, key) from failure
        if isinstance(command, Focus) and moved.focus is None:
            raise _no_focus(key)
        done = asyncio.get_running_loop().create_future()
        replaced = moved.queue.push(command, done)
        if replaced is None:
            raise Failure(Reason.BUSY, f"{len(moved.queue)} commands are waiting for this camera", channel=key.code)
        for other in replaced:
            _settle(other, None)
        if moved.task is None or moved.task.done():
            moved.task = asyncio.create_task(self._work(key, moved), name=f"ptz {key}")
        await done

    async def key_frame(self, key: StreamKey) -> None:
        """Ask for a key frame (IFrameCmd). Raises Failure."""
        camera = await self._cameras.camera(key.peer_id)
        chosen = camera.source(key.code).chosen
        assert chosen is not None
        if chosen.media2 and camera.client.media2 is not None:
            await media2.key_frame(camera.client, camera.client.media2, chosen.token)
            return
        await camera.client.call("media", "SetSynchronizationPoint", ProfileToken=chosen.token)

    def forget(self, peer_id: str) -> None:
        """The camera was changed: what was learned of it counts no more."""
        for key in [key for key in self._moved if key.peer_id == peer_id]:
            moved = self._moved.pop(key)
            if moved.task is not None:
                moved.task.cancel()
            for waiting in moved.queue.clear():
                _settle(waiting, Failure(Reason.CANCELLED, channel=key.code))

    async def stop(self) -> None:
        """Carry out nothing any more."""
        tasks = [moved.task for moved in self._moved.values() if moved.task is not None]
        for peer_id in {key.peer_id for key in self._moved}:
            self.forget(peer_id)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _learned(self, key: StreamKey, moved: _Moved, *, stops: bool) -> None:
        """Have it learned what a camera can do. Raises Failure; who waited meanwhile fails with the first: a command
        carried out much later than it was given moves the camera behind everybody's back. One that stops goes to a
        camera that was moved before whatever has become of it since."""
        failures = moved.failures
        async with moved.learning:  # whoever asks first goes first, also while the camera is still being asked
            if stops and moved.camera is not None:
                return
            if moved.failure is not None and moved.failures != failures:
                raise moved.failure
            try:
                await self._learn(key, moved)
            except Failure as failure:
                moved.failures, moved.failure = moved.failures + 1, failure
                raise
        if self._moved.get(key) is not moved:
            raise Failure(Reason.CANCELLED, peer_id=key.peer_id, channel=key.code)

    async def _learn(self, key: StreamKey, moved: _Moved) -> None:
        """Learn what a camera can do, once. Raises Failure when it moves nothing."""
        camera = await self._cameras.camera(key.peer_id)
        source = camera.source(key.code)
        if not camera.facts.source_moves(source):
            raise Failure(
                Reason.ONVIF_UNSUPPORTED, "the camera does not move", detail_zh="该摄像机无云台", channel=key.code
            )
        if moved.camera is not camera:
            moved.spaces = await self._spaces(camera, _moving(source))
            moved.focus = await self._focus(camera, source)
            moved.camera = camera

    async def _spaces(self, camera: KnownCamera, profile: Profile) -> PtzSpaces:
        try:
            return spaces_of(await camera.client.call("ptz", "GetConfigurationOptions", ConfigurationToken=profile.ptz))
        except Failure as failure:
            if failure.reason in (Reason.ONVIF_UNREACHABLE, Reason.ONVIF_REFUSED):
                raise
            return PtzSpaces()

    async def _focus(self, camera: KnownCamera, source: VideoSource) -> SpeedRange | None:
        if not camera.client.offers("imaging"):
            return None
        with contextlib.suppress(Failure):
            return focus_of(await camera.client.call("imaging", "GetMoveOptions", VideoSourceToken=source.token))
        return None

    async def _work(self, key: StreamKey, moved: _Moved) -> None:
        while (waiting := moved.queue.pop()) is not None:
            try:
                learned = moved.camera if isinstance(waiting.command, Stop) else None
                camera = learned or await self._cameras.camera(key.peer_id)
                await self._carry_out(camera, camera.source(key.code), waiting.command, moved)
            except Failure as failure:
                _settle(waiting.who, _about(failure, key))
            except asyncio.CancelledError:
                _settle(waiting.who, Failure(Reason.CANCELLED, channel=key.code))
                raise
            except Exception:  # task boundary: one command's trouble is not the next one's
                log.exception("command failed", channel=str(key))
                _settle(waiting.who, Failure(Reason.INTERNAL, channel=key.code))
            else:
                _settle(waiting.who, None)

    async def _carry_out(self, camera: KnownCamera, source: VideoSource, command: OnvifCommand, moved: _Moved) -> None:
        call, profile = camera.client.call, _moving(source).token
        match command:
            case Move(velocity):
                lasting = timedelta(seconds=moved.spaces.lasting(self._move_s))
                await call("ptz", "ContinuousMove", ProfileToken=profile, Velocity=dict(velocity), Timeout=lasting)
            case Stop(lens_only=lens_only):
                if not lens_only:
                    await call("ptz", "Stop", ProfileToken=profile, PanTilt=True, Zoom=True)
                if lens_only or moved.focusing:
                    await call("imaging", "Stop", VideoSourceToken=source.token)
                    moved.focusing = False
            case Focus(speed):
                moved.focusing = True
                await call("imaging", "Move", VideoSourceToken=source.token, Focus={"Continuous": {"Speed": speed}})
            case UsePreset():
                await self._preset(camera, profile, command)

    async def _preset(self, camera: KnownCamera, profile: str, command: UsePreset) -> None:
        call, number = camera.client.call, command.number
        token = token_of(number, await call("ptz", "GetPresets", ProfileToken=profile))
        if command.action == "set":
            kept: dict[str, Any] = {"PresetToken": token} if token is not None else {}
            await call("ptz", "SetPreset", ProfileToken=profile, PresetName=name_of(number), **kept)
            return
        if token is None:
            raise Failure(
                Reason.ONVIF_UNSUPPORTED, f"the camera has no preset {number}", detail_zh=f"摄像机没有预置位 {number}"
            )
        operation = "GotoPreset" if command.action == "call" else "RemovePreset"
        await call("ptz", operation, ProfileToken=profile, PresetToken=token)


def _at_rest(command: ptz.PtzCommand) -> bool:
    """Whether it stops something."""
    match command:
        case ptz.Motion():
            return command.is_stop
        case ptz.Lens():
            return not (command.focus or command.iris)
        case _:
            return False


def _moving(source: VideoSource) -> Profile:
    assert source.moving is not None
    return source.moving


def _no_focus(key: StreamKey) -> Failure:
    return Failure(
        Reason.ONVIF_UNSUPPORTED, "its focus is not moved through ONVIF", detail_zh="不支持调焦", channel=key.code
    )


def _about(failure: Failure, key: StreamKey) -> Failure:
    """The failure with the channel's name on it."""
    return Failure(failure.reason, failure.detail, peer_id=key.peer_id, channel=key.code, detail_zh=failure.detail_zh)


def _settle(who: asyncio.Future[None], failure: Failure | None) -> None:
    if who.done():
        return
    if failure is None:
        who.set_result(None)
    else:
        who.set_exception(failure)
