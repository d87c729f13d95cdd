"""The cameras this node calls: their channels in the catalogue, and whether each is there (探活).

A camera that does not register is asked from time to time what it offers, without starting a stream: by RTSP alone, or
by ONVIF first. Calls show it too. What is found sets the camera, and with it its channels, ON or OFF, with the reason.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from catalog import Item
from catalog.store import CatalogStore
from gateway.errors import Failure, Reason
from gateway.relay.pool import WorkerPool
from gateway.rtsp.asker import Asker, RtspAsker
from gateway.rtsp.state import SourceState
from gateway.rtsp.target import item_of
from gateway.store.devices import Device, Devices, PeerKind
from gateway.store.repository import Change

log = structlog.get_logger("rtsp")

MOST_AT_ONCE = 16
"""Cameras asked at the same time."""
PATIENCE = 10
"""A camera that refuses our password is asked that many times less often: many lock an account after a few attempts."""
REFUSED_PASSWORD = frozenset({Reason.RTSP_REFUSED_PASSWORD, Reason.ONVIF_REFUSED})
NOT_THE_CAMERA = frozenset({Reason.WORKER_LOST, Reason.CANCELLED, Reason.SHUTTING_DOWN, Reason.BUSY})
"""Failures that say nothing of the camera."""
CALLED = ("url", "username", "password", "rtsp_transport", "channel_id", "profile", "tolerances")
"""What a running stream depends on."""


class RtspSources:
    """All cameras that are called. ``probe_s`` 0: they are not asked. ``clock`` gives unix seconds."""

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
        self._published: dict[str, list[Item]] = {}
        self._askers: dict[PeerKind, Asker] = {}
        self._sends: Callable[[str], bool]
        self._end: Callable[[str, Failure], Awaitable[None]]

    def reach(
        self, pool: WorkerPool, sends: Callable[[str], bool], end: Callable[[str, Failure], Awaitable[None]]
    ) -> None:
        """Whom to ask: the workers; whether a camera's stream is coming in; and who ends the streams of one."""
        self.rtsp = RtspAsker(pool, answer_s=self._answer_s)
        self._askers["rtsp"] = self.rtsp
        self._sends, self._end = sends, end

    def ask_by(self, kind: PeerKind, asker: Asker) -> None:
        """How the cameras of another kind are asked."""
        self._askers[kind] = asker

    def start(self) -> None:
        """Follow the configuration from now on."""
        self._devices.on_change(self._changed)
        self._unpublished |= {device.id for device in self._devices.all() if device.is_called}

    async def stop(self) -> None:
        """Stop asking."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, *self._ending, return_exceptions=True)

    def state_of(self, peer_id: str) -> SourceState | None:
        """What is known of a camera; None when it is no camera that is called."""
        device = self._devices.get(peer_id)
        if device is None or not device.is_called:
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
            if device.is_called:
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
        if not (after or before).is_called:  # type: ignore[union-attr]  # one of them is there
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
        for asker in self._askers.values():
            asker.forget(peer_id)
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
        """The channels of a camera become what the configuration, and what it says of itself, make them."""
        device = self._devices.get(peer_id)
        if device is None:
            self._shown.pop(peer_id, None)
            self._published.pop(peer_id, None)
            return
        if not device.enabled:
            disabled = Failure(Reason.DEVICE_OFFLINE, "it is disabled", peer_id=peer_id)
            self._states[peer_id] = SourceState(False, disabled)
        items = self._askers[device.kind].items(device)
        known = await self._catalog.get(peer_id, device.channel_id)
        if items is None:
            if known is not None:
                return  # what it last said of itself holds until it has answered
            items = [item_of(device)]
        if known is None:
            # A channel nobody has seen is not there: who is shown it hears ON when it has answered.
            await self._catalog.set_peer_status(peer_id, self._probe_s == 0, who="not asked yet")
            self._shown.pop(peer_id, None)
        generation = await self._catalog.begin_sync(peer_id, who="configuration")
        await self._catalog.stage(generation, items)
        await self._catalog.commit_sync(generation)
        self._published[peer_id] = items

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
            if not device.is_called or not device.enabled or device.id in self._asking:
                continue
            state = self._states.get(device.id)
            if state is not None and now - state.checked_at < self._pause(state):
                continue
            if self._sends(device.id) and self._askers[device.kind].knows(device):
                self.seen(device.id, None)
                continue
            task = self._asking[device.id] = asyncio.create_task(self._ask(device), name=f"probe {device.id}")
            task.add_done_callback(partial(self._asked, device.id))

    def _pause(self, state: SourceState) -> float:
        refused = state.failure is not None and state.failure.reason in REFUSED_PASSWORD
        return self._probe_s * (PATIENCE if refused else 1)

    def _asked(self, peer_id: str, task: asyncio.Task[None]) -> None:
        if self._asking.get(peer_id) is task:
            del self._asking[peer_id]

    async def _ask(self, device: Device) -> None:
        asker = self._askers[device.kind]
        try:
            state = await asker.ask(device)
        except Exception:  # task boundary: one camera's trouble is not the others', nor asked for every second
            log.exception("camera not asked", peer=device.id)
            state = SourceState(False, Failure(Reason.INTERNAL, peer_id=device.id))
        if state is None or self._devices.get(device.id) != device:
            return
        if self._sends(device.id):  # the picture says more than the question
            state = replace(state, online=True, failure=None)
        self._take(device.id, state)
        items = asker.items(device)
        if items is not None and items != self._published.get(device.id):
            self._unpublished.add(device.id)
