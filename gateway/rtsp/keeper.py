"""Streams that run without a viewer (always_on): whoever comes has the picture at once, and a break shows at once."""

from __future__ import annotations

import time
from collections.abc import Callable
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

    key: StreamKey
    grant: Grant | None = None
    retry_at: float = 0.0


class RtspKeeper:
    """Reads the streams of the cameras that are configured so, under a grant of their own. `clock`: unix seconds."""

    def __init__(self, devices: Devices, hub: Hub, grants: Grants, *, clock: Callable[[], float] = time.time) -> None:
        self._devices = devices
        self._hub = hub
        self._grants = grants
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def round(self) -> None:
        """Begin what should run and does not, leave what should not; called every few seconds."""
        wanted = {device.id: device for device in self._devices.all() if _wanted(device)}
        for peer_id, kept in list(self._kept.items()):
            device = wanted.get(peer_id)
            if device is None or device.channel_id != kept.key.code:
                await self._leave(peer_id, "not wanted any more")
        for device in wanted.values():
            await self._keep(device)

    async def _keep(self, device: Device) -> None:
        kept = self._kept.setdefault(device.id, _Kept(StreamKey(device.id, device.channel_id)))
        now = self._clock()
        if kept.grant is not None and kept.grant.valid(now):
            return
        if now < kept.retry_at:
            return
        kept.retry_at = now + RETRY_S
        try:
            kept.grant = await self._grants.issue(
                AccessRequest(ACTOR, Action.LIVE, device.id, device.channel_id, "always_on", "relay")
            )
            await self._hub.attach(kept.grant, _reader(device.id), lambda failure: self._lost(device.id, failure))
        except Failure as failure:
            await self._lost(device.id, failure)

    async def _lost(self, peer_id: str, failure: Failure) -> None:
        kept = self._kept.get(peer_id)
        if kept is not None and kept.grant is not None:
            grant, kept.grant = kept.grant, None
            log.info("stream not kept", peer=peer_id, step=failure.step)
            await self._ended(grant, failure.step)

    async def _leave(self, peer_id: str, reason: str) -> None:
        kept = self._kept.pop(peer_id)
        self._hub.detach(kept.key, _reader(peer_id))
        if kept.grant is not None:
            await self._ended(kept.grant, reason)

    async def _ended(self, grant: Grant, reason: str) -> None:
        await self._grants.ended(grant, seconds=self._clock() - grant.issued_at, bytes_sent=0, reason=reason)

    async def stop(self) -> None:
        """Leave every stream."""
        for peer_id in list(self._kept):
            await self._leave(peer_id, "shutting_down")


def _wanted(device: Device) -> bool:
    return device.is_called and device.enabled and device.always_on


def _reader(peer_id: str) -> str:
    return f"always-on-{peer_id}"
