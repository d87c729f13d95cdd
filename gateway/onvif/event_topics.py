"""Events of ONVIF cameras (ONVIF Core 9) as alarms of GB/T 28181: which topics, in a table; and what is new in them.

Cameras tell properties: motion is, motion is not any more, and the same through two topics. An alarm is raised when the
first topic of a kind says yes for a source, and again only after all of them have said no. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gateway.alarms.alarm import DEVICE, VIDEO

MAX_NOTIFICATIONS = 256
MAX_ITEMS = 32
MAX_ACTIVE = 512
MAX_VALUE = 128


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """What an event is in the standard's tables of alarms (AlarmMethod, AlarmType)."""

    name: str
    method: str
    type: str
    priority: str


MOTION = AlarmKind("motion", VIDEO, "2", "4")
OCCLUSION = AlarmKind("tampering", VIDEO, "13", "2")
VIDEO_LOSS = AlarmKind("video loss", DEVICE, "1", "2")
INTRUSION = AlarmKind("intrusion", VIDEO, "6", "3")
TRIPWIRE = AlarmKind("line crossing", VIDEO, "5", "3")
INPUT = AlarmKind("alarm input", DEVICE, "", "3")

TOPICS: Mapping[str, AlarmKind] = MappingProxyType(
    {
        "VideoSource/MotionAlarm": MOTION,
        "RuleEngine/CellMotionDetector/Motion": MOTION,
        "RuleEngine/MotionRegionDetector/Motion": MOTION,
        "VideoAnalytics/Motion": MOTION,
        "RuleEngine/TamperDetector/Tamper": OCCLUSION,
        "VideoSource/GlobalSceneChange/ImagingService": OCCLUSION,
        "VideoSource/GlobalSceneChange/AnalyticsService": OCCLUSION,
        "VideoSource/ImageTooDark/ImagingService": OCCLUSION,
        "VideoSource/ImageTooDark/AnalyticsService": OCCLUSION,
        "VideoSource/ImageTooBlurry/ImagingService": OCCLUSION,
        "VideoSource/ImageTooBlurry/AnalyticsService": OCCLUSION,
        "VideoSource/SignalLoss": VIDEO_LOSS,
        "RuleEngine/FieldDetector/ObjectsInside": INTRUSION,
        "RuleEngine/LineDetector/Crossed": TRIPWIRE,
        "Device/Trigger/DigitalInput": INPUT,
    }
)
"""By the topic without prefixes."""
_SOURCES = ("VideoSourceConfigurationToken", "VideoSourceToken", "VideoSource", "Source")
_TRUE = frozenset({"true", "1", "active", "on"})


@dataclass(frozen=True, slots=True)
class Notification:
    """One message: its topic without prefixes, "Initialized", "Changed" or "Deleted", and its items."""

    topic: str
    operation: str
    source: Mapping[str, str]
    data: Mapping[str, str]

    @property
    def kind(self) -> AlarmKind | None:
        return TOPICS.get(self.topic)

    @property
    def video_source(self) -> str:
        """The token of the video source it is about, or of its configuration; "" when it names none."""
        return next((self.source[name] for name in _SOURCES if name in self.source), "")

    @property
    def active(self) -> bool:
        """Whether what it tells of is so. A message without a state tells of something that happened just now."""
        if self.operation == "Deleted":
            return False
        states = [value for name, value in self.data.items() if name != "ObjectId"]
        return states[0].lower() in _TRUE if states else True

    @property
    def lasts(self) -> bool:
        """Whether it is a state that will be told to have ended."""
        return any(name != "ObjectId" for name in self.data)


def notifications(envelope: Any) -> list[Notification]:
    """The messages of a PullMessages answer; what cannot be read is left out."""
    found = []
    for element in list(envelope.iter("{*}NotificationMessage"))[:MAX_NOTIFICATIONS]:
        topic = next((one.text or "" for one in element.iter("{*}Topic")), "")
        message = next((one for one in element.iter("{*}Message") if one.get("UtcTime") is not None), None)
        if message is None or not topic.strip():
            continue
        bare = "/".join(part.rpartition(":")[2] for part in topic.strip()[:MAX_VALUE].split("/"))
        operation = str(message.get("PropertyOperation") or "Changed")
        found.append(Notification(bare, operation, _items(message, "Source"), _items(message, "Data")))
    return found


def _items(message: Any, part: str) -> dict[str, str]:
    items = list(message.iterfind(f"{{*}}{part}/{{*}}SimpleItem"))[:MAX_ITEMS]
    return {str(item.get("Name"))[:MAX_VALUE]: str(item.get("Value") or "")[:MAX_VALUE] for item in items}


@dataclass(slots=True)
class EventStates:
    """What one camera has said is so, by kind and source."""

    _active: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _before: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def begin(self) -> None:
        """A new subscription begins: what was so counts no more until it is said again, for its end may have been
        missed; what is said again as it was is no new alarm."""
        self._before, self._active = self._active, {}

    def take(self, notification: Notification, place: str) -> AlarmKind | None:
        """The alarm a message raises, if any; `place` is what it is about, such as a channel."""
        kind = notification.kind
        if kind is None:
            return None
        if not notification.lasts:
            return kind
        topics = self._active.get((kind.name, place), set())
        said = f"{notification.topic} {sorted(notification.source.items())}"
        before = bool(topics) or (
            notification.operation == "Initialized" and said in self._before.get((kind.name, place), ())
        )
        if notification.active:
            if len(self._active) < MAX_ACTIVE and len(topics) < MAX_ITEMS:
                self._active[kind.name, place] = topics | {said}
        else:
            self._active[kind.name, place] = topics - {said}
            if not self._active[kind.name, place]:
                del self._active[kind.name, place]
        return kind if notification.active and not before else None
