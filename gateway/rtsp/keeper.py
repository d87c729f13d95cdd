"""Streams that run without a viewer (always_on): whoever comes has the picture at once, and a break shows at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from gateway.compliance.access import AccessRequest, Action, Actor
from gateway.compliance.grant import Grant, Grants
from gateway.errors import Failure
from gateway.relay.hub import Hub, StreamKey
from gateway.store.devices import Device, Devices

log = structlog.get_logger("rtsp")

ACTOR = Actor("system", "health-check")
RETRY_S = 60.0


@dataclass(slots=True)
class _Kept:
    """One stream kept running. `retry_at`: when it is tried again after it failed; 0 while it runs."""

    grant: Grant | None = None
    retry_at: float = 0.0


class RtspKeeper:
    """Reads the streams of the cameras that are configured so, under a grant of their own. `channels(device)` are the
    codes of a camera's channels. `clock`: unix seconds."""

    def __init__(
        self,
        devices: Devices,
        hub: Hub,
        grants: Grants,
        *,
        channels: Callable[[Device], Iterable[str]] = lambda device: (device.channel_id,),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._channels = channels
        self._devices = devices
        self._hub = hub
        self._grants = grants
        self._clock = clock
        self._kept: dict[StreamKey, _Kept] = {}

    async def round(self) -> None:
        """Begin what should run and does not, leave what should not; called every few seconds."""
        cameras = [device for device in self._devices.all() if _wanted(device)]
        wanted = [StreamKey(device.id, code) for device in cameras for code in self._channels(device)]
        for key in self._kept.keys() - set(wanted):
            await self._leave(key, "not wanted any more")
        for key in wanted:
            await self._keep(key)

    async def _keep(self, key: StreamKey) -> None:
        kept = self._kept.setdefault(key, _Kept())
        now = self._clock()
        if kept.grant is not None and kept.grant.valid(now):
            return
        if now < kept.retry_at:
            return
        kept.retry_at = now + RETRY_S
        try:
            kept.grant = await self._grants.issue(
                AccessRequest(ACTOR, Action.LIVE, key.peer_id, key.code, "always_on", "relay")
            )
            await self._hub.attach(kept.grant, _reader(key), lambda failure: self._lost(key, failure))
        except Failure as failure:
            await self._lost(key, failure)

    async def _lost(self, key: StreamKey, failure: Failure) -> None:
        kept = self._kept.get(key)
        if kept is not None and kept.grant is not None:
            grant, kept.grant = kept.grant, None
            log.info("stream not kept", stream=str(key), step=failure.step)
            await self._ended(grant, failure.step)

    async def _leave(self, key: StreamKey, reason: str) -> None:
        kept = self._kept.pop(key)
        self._hub.detach(key, _reader(key))
        if kept.grant is not None:
            await self._ended(kept.grant, reason)

    async def _ended(self, grant: Grant, reason: str) -> None:
        await self._grants.ended(grant, seconds=self._clock() - grant.issued_at, bytes_sent=0, reason=reason)

    async def stop(self) -> None:
        """Leave every stream."""
        for key in list(self._kept):
            await self._leave(key, "shutting_down")


def _wanted(device: Device) -> bool:
    return device.is_called and device.enabled and device.always_on


def _reader(key: StreamKey) -> str:
    return f"always-on-{key.peer_id}-{key.code}"
