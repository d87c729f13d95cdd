"""Pull points: subscriptions whose messages are fetched (ONVIF Core 9.2)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from interop.onvif.faults import OnvifFault
from interop.onvif.topics import matches

KEPT_MESSAGES = 100
KEPT_PROPERTIES = 256


@dataclass(frozen=True, slots=True)
class Event:
    """An event: topic, when (camera's clock), "Initialized", "Changed" or "Deleted", what it is about, what it says."""

    topic: str
    utc: float
    operation: str
    source: tuple[tuple[str, str], ...]
    data: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class PullPoint:
    """One subscription; `until` is the moment it ends (camera's even time). Old messages give way to new ones."""

    id: str
    until: float
    filter: tuple[str, ...]
    messages: deque[Event] = field(default_factory=lambda: deque(maxlen=KEPT_MESSAGES))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, events: Iterable[Event]) -> None:
        """Queue what passes the filter and wake who waits."""
        for event in events:
            if matches(event.topic, self.filter):
                self.messages.append(event)
        if self.messages:
            self.news.set()

    def take(self, most: int) -> list[Event]:
        """The oldest messages."""
        return [self.messages.popleft() for _ in range(min(most, len(self.messages)))]


class PullPoints:
    """The subscriptions of a camera, and the last value of each property for those who come later."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._points: dict[str, PullPoint] = {}
        self._properties: dict[tuple[str, tuple[tuple[str, str], ...]], Event] = {}
        self._numbered = 0

    def create(self, now: float, until: float, topics: tuple[str, ...]) -> PullPoint:
        """A new subscription, which first hears the state of every property. Raises OnvifFault."""
        self._expire(now)
        if len(self._points) >= self._most:
            raise OnvifFault("wsnt:SubscribeCreationFailedFault", reason="Too many subscriptions", receiver=True)
        self._numbered += 1
        point = PullPoint(str(self._numbered), until, topics)
        self._points[point.id] = point
        self.synchronize(point)
        return point

    def find(self, now: float, id: str) -> PullPoint:
        """A subscription. Raises OnvifFault (ended or never there)."""
        self._expire(now)
        if (point := self._points.get(id)) is None:
            raise OnvifFault("wsrf-rw:ResourceUnknownFault", reason=f"No subscription {id!r}")
        return point

    def remove(self, point: PullPoint) -> None:
        """End a subscription; who pulls is released."""
        self._points.pop(point.id, None)
        point.until = 0.0
        point.news.set()

    def publish(self, now: float, event: Event) -> None:
        """Tell every subscription."""
        self._expire(now)
        key = (event.topic, event.source)
        if key in self._properties or len(self._properties) < KEPT_PROPERTIES:
            self._properties[key] = event
        for point in self._points.values():
            point.offer((event,))

    def synchronize(self, point: PullPoint) -> None:
        """Queue the state of every property (SetSynchronizationPoint)."""
        states = self._properties.values()
        point.offer(Event(one.topic, one.utc, "Initialized", one.source, one.data) for one in states)

    def open(self, now: float) -> int:
        """How many subscriptions there are."""
        self._expire(now)
        return len(self._points)

    def close(self) -> None:
        """End all."""
        for point in list(self._points.values()):
            self.remove(point)

    def _expire(self, now: float) -> None:
        for point in [one for one in self._points.values() if one.until <= now]:
            self.remove(point)
