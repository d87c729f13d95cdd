"""The RTSP cameras of this node: their channels in the catalogue, and whether each is there (探活).

A camera that does not register is asked from time to time what it offers (DESCRIBE), without starting a stream; calls
show it too. What is found sets the camera, and with it its channel, ON or OFF, with the reason.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from catalog.store import CatalogStore
from gateway.errors import Failure, Reason
from gateway.relay.inputs import WORKER_TROUBLE
from gateway.relay.pool import WorkerPool
from gateway.rtsp.reasons import failure_of
from gateway.rtsp.target import RtspTarget, item_of
from gateway.store.devices import Device, Devices
from gateway.store.repository import Change
from media.worker.control import Probed, ProbeSource

log = structlog.get_logger("rtsp")

MOST_AT_ONCE = 16
"""Cameras asked at the same time."""
PATIENCE = 10
"""A camera that refuses our password is asked that many times less often: many lock an account after a few attempts."""
NOT_THE_CAMERA = frozenset({Reason.WORKER_LOST, Reason.CANCELLED, Reason.SHUTTING_DOWN, Reason.BUSY})
"""Failures that say nothing of the camera."""
CALLED = ("url", "username", "password", "rtsp_transport", "channel_id")
"""What a running stream depends on."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of one camera. ``online`` None: nobody has asked yet. Times are unix seconds."""

    online: bool | None = None
    failure: Failure | None = None
    checked_at: float = 0.0
    video_codec: str | None = None
    audio_codec: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        words = self.failure.to_json() if self.failure is not None else {}
        return {
            "state": "unknown" if self.online is None else "online" if self.online else "offline",
            "step": words.get("step", ""),
            "message": words.get("message", ""),
            "message_zh": words.get("message_zh", ""),
            "hint": words.get("hint", ""),
            "checked_at": self.checked_at or None,
            "video_codec": self.video_codec,
            "audio_codec": self.audio_codec,
        }


class RtspSources:
    """All RTSP cameras. ``probe_s`` 0: they are not asked. ``clock`` gives unix seconds."""

    def __init__(
        self,
        devices: Devices,
        catalog: CatalogStore,
        *,
        probe_s: float,
        answer_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._devices = devices
        self._catalog = catalog
        self._probe_s = probe_s
        self._answer_s = answer_s
        self._clock = clock
        self._states: dict[str, SourceState] = {}
        self._shown: dict[str, bool] = {}
        self._unpublished: set[str] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._pool: WorkerPool
        self._sends: Callable[[str], bool]
        self._end: Callable[[str, Failure], Awaitable[None]]

    def reach(
        self, pool: WorkerPool, sends: Callable[[str], bool], end: Callable[[str, Failure], Awaitable[None]]
    ) -> None:
        """Whom to ask: the workers; whether a camera's stream is coming in; and who ends the streams of one."""
        self._pool, self._sends, self._end = pool, sends, end

    def start(self) -> None:
        """Follow the configuration from now on."""
        self._devices.on_change(self._changed)
        self._unpublished |= {device.id for device in self._devices.all() if device.kind == "rtsp"}

    async def stop(self) -> None:
        """Stop asking."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, *self._ending, return_exceptions=True)

    def state_of(self, peer_id: str) -> SourceState | None:
        """What is known of a camera; None when it is no RTSP camera."""
        device = self._devices.get(peer_id)
        if device is None or device.kind != "rtsp":
            return None
        return self._states.get(peer_id, SourceState())

    def shown(self, peer_id: str) -> dict[str, Any] | None:
        """The same as the API shows it."""
        state = self.state_of(peer_id)
        return state.to_json() if state is not None else None

    def counts(self) -> dict[str, int]:
        """Cameras by state."""
        found = {"online": 0, "offline": 0, "unknown": 0}
        for device in self._devices.all():
            if device.kind == "rtsp":
                online = self._states.get(device.id, SourceState()).online
                found["unknown" if online is None else "online" if online else "offline"] += 1
        return found

    def seen(self, peer_id: str, failure: Failure | None) -> None:
        """What a call showed: the camera answered, or why not."""
        if failure is not None and failure.reason in NOT_THE_CAMERA:
            return
        self._take(peer_id, replace(self._states.get(peer_id, SourceState()), online=failure is None, failure=failure))

    def _take(self, peer_id: str, state: SourceState) -> None:
        if self._devices.get(peer_id) is None:
            return
        before = self._states.get(peer_id, SourceState())
        self._states[peer_id] = replace(state, checked_at=self._clock())
        if before.online is not state.online:
            problem = state.failure.message if state.failure is not None else ""
            log.info("camera", peer=peer_id, online=state.online, problem=problem)

    def _changed(self, change: Change[Device]) -> None:
        before, after = change.before, change.after
        if (after or before).kind != "rtsp":  # type: ignore[union-attr]  # one of them is there
            return
        self._unpublished.add(change.id)
        if before is None:
            return
        if after is None or not after.enabled:
            why = "it was removed" if after is None else "it was disabled"
            self._end_now(change.id, Failure(Reason.DEVICE_OFFLINE, why, peer_id=change.id))
        elif any(getattr(before, name) != getattr(after, name) for name in CALLED):
            self._end_now(change.id, Failure(Reason.STREAM_LOST, "its address or password was changed"))
        self._forget(change.id)

    def _end_now(self, peer_id: str, failure: Failure) -> None:
        """Not in the next round: a stream asked for after the change is another one."""
        task = asyncio.ensure_future(self._end(peer_id, failure))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _forget(self, peer_id: str) -> None:
        self._states.pop(peer_id, None)
        if (task := self._asking.pop(peer_id, None)) is not None:
            task.cancel()

    async def round(self) -> None:
        """Bring the catalogue up to what is known, and ask the cameras that are due; called every second."""
        while self._unpublished:
            await self._publish(self._unpublished.pop())
        for peer_id, state in list(self._states.items()):
            await self._show(peer_id, state)
        self._ask_due()

    async def _publish(self, peer_id: str) -> None:
        """The channel of a camera becomes what the configuration says."""
        device = self._devices.get(peer_id)
        if device is None:
            self._shown.pop(peer_id, None)
            return
        if not device.enabled:
            disabled = Failure(Reason.DEVICE_OFFLINE, "it is disabled", peer_id=peer_id)
            self._states[peer_id] = SourceState(False, disabled)
        known = await self._catalog.get(peer_id, device.channel_id)
        if known is None:
            # A channel nobody has seen is not there: who is shown it hears ON when it has answered.
            await self._catalog.set_peer_status(peer_id, self._probe_s == 0, who="not asked yet")
        generation = await self._catalog.begin_sync(peer_id, who="configuration")
        await self._catalog.stage(generation, [item_of(device)])
        await self._catalog.commit_sync(generation)

    async def _show(self, peer_id: str, state: SourceState) -> None:
        if state.online is None or self._shown.get(peer_id) is state.online:
            return
        self._shown[peer_id] = state.online
        who = "it answers" if state.failure is None else state.failure.message
        await self._catalog.set_peer_status(peer_id, state.online, who=who)

    def _ask_due(self) -> None:
        if not self._probe_s:
            return
        now = self._clock()
        for device in self._devices.all():
            if len(self._asking) >= MOST_AT_ONCE:
                return
            if device.kind != "rtsp" or not device.enabled or device.id in self._asking:
                continue
            state = self._states.get(device.id)
            if state is not None and now - state.checked_at < self._pause(state):
                continue
            if self._sends(device.id):
                self.seen(device.id, None)
                continue
            task = self._asking[device.id] = asyncio.create_task(self._ask(device), name=f"probe {device.id}")
            task.add_done_callback(partial(self._asked, device.id))

    def _pause(self, state: SourceState) -> float:
        refused = state.failure is not None and state.failure.reason is Reason.RTSP_REFUSED_PASSWORD
        return self._probe_s * (PATIENCE if refused else 1)

    def _asked(self, peer_id: str, task: asyncio.Task[None]) -> None:
        if self._asking.get(peer_id) is task:
            del self._asking[peer_id]

    async def _ask(self, device: Device) -> None:
        question = ProbeSource(
            url=device.url,
            username=device.username,
            password=device.password.reveal(),
            timeout_s=self._answer_s,
        )
        try:
            worker = self._pool.of_kind("source")
            answer = await worker.link.call(question, timeout_s=self._answer_s + 2)
        except WORKER_TROUBLE as error:
            log.warning("camera not asked", peer=device.id, problem=str(error))
            return
        if self._devices.get(device.id) == device:
            self._take(device.id, _state(device, answer))


def _state(device: Device, answer: Probed) -> SourceState:
    key = RtspTarget.of(device).key
    failure = failure_of(key, answer.reason, answer.detail) if answer.reason is not None else None
    return SourceState(failure is None, failure, 0.0, answer.video_codec, answer.audio_codec)
