"""The events of all ONVIF cameras, as alarms of their channels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import structlog

from gateway.alarms.alarm import Alarm, time_of
from gateway.errors import Failure, Reason
from gateway.onvif.cameras import KnownCamera
from gateway.onvif.client import OnvifClient
from gateway.onvif.event_topics import EventStates, Notification
from gateway.onvif.profiles import VideoSource
from gateway.onvif.pull_point import PullPoint

log = structlog.get_logger("onvif")


class EventWatch:
    """Follows every camera that tells of events; `raise_` gets the alarms. `clock` gives unix seconds."""

    def __init__(self, raise_: Callable[[Alarm], object], *, clock: Callable[[], float] = time.time) -> None:
        self._raise = raise_
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cameras: dict[str, KnownCamera] = {}
        self._states: dict[str, EventStates] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def follow(self, camera: KnownCamera) -> None:
        """A camera has described itself; it is followed as it is now."""
        peer_id = camera.device.id
        self._cameras[peer_id] = camera
        if camera.facts.has_events and peer_id not in self._tasks:
            states = self._states[peer_id] = EventStates()
            point = PullPoint(
                partial(self._client, peer_id),
                partial(self._told, peer_id, states),
                began=states.begin,
                clock=time.monotonic,
            )
            task = self._tasks[peer_id] = asyncio.create_task(self._guarded(point, peer_id), name=f"events {peer_id}")
            task.add_done_callback(partial(self._done, peer_id))

    def forget(self, peer_id: str) -> None:
        """The camera was changed or removed: it is followed again once it has described itself again."""
        task = self._tasks.pop(peer_id, None)
        self._cameras.pop(peer_id, None)
        self._states.pop(peer_id, None)
        if task is not None:
            task.cancel()
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def stop(self) -> None:
        """Follow nobody any more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._leaving, return_exceptions=True)

    def _client(self, peer_id: str) -> OnvifClient:
        camera = self._cameras.get(peer_id)
        if camera is None:
            raise Failure(Reason.CANCELLED, peer_id=peer_id)
        return camera.client

    async def _guarded(self, point: PullPoint, peer_id: str) -> None:
        try:
            await point.run()
        except Exception:  # task boundary: one camera's trouble is not the others'
            log.exception("events not followed", peer=peer_id)

    def _done(self, peer_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(peer_id) is task:
            del self._tasks[peer_id]

    def _told(self, peer_id: str, states: EventStates, notification: Notification) -> None:
        camera = self._cameras.get(peer_id)
        if camera is None or self._states.get(peer_id) is not states:
            return  # told by a subscription of before a change
        code = channel_of(camera, notification)
        if code is None:
            return
        kind = states.take(notification, code)
        if kind is not None:
            now = self._clock()
            self._raise(
                Alarm(
                    at=now,
                    peer_id=peer_id,
                    code=code,
                    method=kind.method,
                    type=kind.type,
                    priority=kind.priority,
                    time=time_of(now),
                    description=kind.name,
                    topic=notification.topic,
                )
            )


def channel_of(camera: KnownCamera, notification: Notification) -> str | None:
    """The channel an event is about; the first where the camera does not say, or names what is no video source. None:
    it is about a video source that has no channel."""
    named = notification.video_source
    for code, source in camera.channels.sources.items():
        if named and _is_of(source, named):
            return code
    if named and any(_is_of(source, named) for source in camera.facts.sources):
        return None
    return next(iter(camera.channels.sources))


def _is_of(source: VideoSource, named: str) -> bool:
    return named == source.token or any(profile.configuration == named for profile in source.profiles)
