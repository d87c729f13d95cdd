"""The health of one device over the API: what an operator looks at when a device does not behave (设备健康)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from gateway.device_health.book import CLOCK_FAR_OFF_S, DeviceHealth, HealthBook
from gateway.device_health.offline_reason import Offline
from gateway.device_health.standing import Standing
from gateway.web.api_devices import MediaShown, media_shown
from gateway.web.route import Call, Route

if TYPE_CHECKING:
    from gateway.app import Node


class ContactShown(BaseModel):
    """One valid message of the device."""

    at: float
    kind: str = Field(description="Method and command, or the status of its answer and what it answers")
    source: str = Field(description="Address and port it came from")
    transport: str


class OfflineShown(BaseModel):
    """One time the device went offline."""

    at: float
    reason: str
    message: str
    message_zh: str


class KeepaliveShown(BaseModel):
    """How long the device may be silent."""

    configured_seconds: float
    learned_seconds: float | None = Field(description="Median of its last intervals, bounded; null: too few yet")
    samples: int = Field(description="Intervals it was learned from")
    misses: int
    offline_after_seconds: float = Field(description="Silence after which it is offline")


class FlapsShown(BaseModel):
    """How often it came and went."""

    count: int = Field(description="Returns within window_seconds")
    allowed: int
    window_seconds: float
    settles_at: float | None = Field(description="When an unstable device is shown online if it stays and is heard")


class SessionsShown(BaseModel):
    """Its streams."""

    running: int
    limit: int | None = Field(description="null: none is known")
    limit_by: Literal["manual", "learned"] | None
    learned_at: float | None
    expires_at: float | None = Field(description="When a learned limit is forgotten")


class ClockShown(BaseModel):
    """Its clock, where its messages tell the time."""

    offset_seconds: float | None = Field(description="Its clock minus ours; null: it never told the time")
    far_off: bool = Field(description=f"More than {CLOCK_FAR_OFF_S:.0f} s off")


class DeviceHealthShown(BaseModel):
    """The health of one device."""

    id: str
    state: Literal["online", "offline", "unstable"]
    since: float | None
    last_contact: float | None
    offline_reason: str | None
    offline_reason_zh: str | None
    keepalive: KeepaliveShown
    flaps: FlapsShown
    sessions: SessionsShown
    clock: ClockShown
    media: MediaShown | None = Field(description="null: not registered, or an RTSP camera")
    contacts: list[ContactShown] = Field(description="The last ten, newest first")
    offline: list[OfflineShown] = Field(description="The last twenty times it went offline, newest first")


def state_of(book: HealthBook, device_id: str) -> dict[str, Any]:
    """What the list of devices shows of one: nothing of a device that was never heard of."""
    health = book.get(device_id)
    if health is None:
        return {}
    away = health.last_offline if health.stand.standing is not Standing.ONLINE else None
    return {
        "state": health.stand.standing.value,
        "last_contact": health.contacts.last_at,
        "offline_reason": away.message if away is not None else None,
        "offline_reason_zh": away.message_zh if away is not None else None,
    }


def routes(node: Node) -> list[Route]:
    """The route of ``/api/v1/devices/{id}/health``."""

    async def show(call: Call) -> DeviceHealthShown:
        device = node.stores.devices.require(call.path("id"))
        health = node.health.get(device.id)
        source = node.rtsp.sources.shown(device.id) if device.is_called else None
        online = source is not None and source["state"] == "online"
        state = {"state": "online" if online else "offline", "last_contact": None}
        state |= {"offline_reason": None, "offline_reason_zh": None}
        return DeviceHealthShown(
            id=device.id,
            **(state | state_of(node.health, device.id)),
            since=health.stand.since or None if health is not None else None,
            keepalive=_keepalive(node.health, device.id),
            flaps=_flaps(node.health, health, time.time()),
            sessions=_sessions(node, device.id, device.max_sessions),
            clock=_clock(health),
            media=_media(node, device.id),
            contacts=[
                ContactShown(
                    at=one.at,
                    kind=one.kind,
                    source=f"{one.source.host}:{one.source.port}",
                    transport=one.source.transport,
                )
                for one in node.health.contacts(device.id)
            ],
            offline=[_offline(one) for one in await node.stores.offline.of_device(device.id)],
        )

    path = "/api/v1/devices/{id}/health"
    return [Route("GET", path, show, "Show the health of a device", "operator", "devices", reply=DeviceHealthShown)]


def _keepalive(book: HealthBook, device_id: str) -> KeepaliveShown:
    rhythm, health = book.rhythm(device_id), book.get(device_id)
    return KeepaliveShown(
        configured_seconds=book.keepalive.configured_s,
        learned_seconds=round(rhythm.interval_s, 1) if rhythm.learned else None,
        samples=health.keepalives.samples if health is not None else 0,
        misses=rhythm.misses,
        offline_after_seconds=round(rhythm.silence_s, 1),
    )


def _flaps(book: HealthBook, health: DeviceHealth | None, now: float) -> FlapsShown:
    policy = book.flap
    unstable = health is not None and health.stand.standing is Standing.UNSTABLE
    return FlapsShown(
        count=health.stand.recent(now, policy) if health is not None else 0,
        allowed=policy.allowed,
        window_seconds=policy.window_s,
        settles_at=health.stand.since + policy.settle_s if unstable and health is not None else None,
    )


def _sessions(node: Node, device_id: str, manual: int | None) -> SessionsShown:
    limits = node.live.sessions.limits
    known = limits.learned(device_id, time.time()) if manual is None else None
    return SessionsShown(
        running=node.live.streams_of(device_id),
        limit=manual if known is None else known.sessions,
        limit_by="manual" if manual is not None else "learned" if known is not None else None,
        learned_at=known.at if known is not None else None,
        expires_at=limits.expires_at(known) if known is not None else None,
    )


def _clock(health: DeviceHealth | None) -> ClockShown:
    offset = health.clock_offset_s if health is not None else None
    return ClockShown(
        offset_seconds=round(offset, 1) if offset is not None else None,
        far_off=health is not None and health.clock_far_off,
    )


def _media(node: Node, device_id: str) -> MediaShown | None:
    binding = node.stores.registrations.get(device_id)
    return media_shown(node.directory.media_way(device_id), binding.host if binding is not None else "")


def _offline(offline: Offline) -> OfflineShown:
    return OfflineShown(
        at=offline.at, reason=offline.reason.value, message=offline.message, message_zh=offline.message_zh
    )
