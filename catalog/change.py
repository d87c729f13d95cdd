"""What changes in a catalogue: the events a peer notifies (目录通知) and what they did.

GB/T 28181-2016 Annex P, GB/T 28181-2022 Annex N.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from catalog.item import OFF, ON, Item


class Event(StrEnum):
    """The events of a catalogue notification, and two of our own for the history."""

    ON = "ON"
    OFF = "OFF"
    VLOST = "VLOST"  # 视频丢失
    DEFECT = "DEFECT"  # 故障
    ADD = "ADD"
    DEL = "DEL"
    UPDATE = "UPDATE"
    SYNC = "SYNC"  # history only: a whole catalogue was read for the first time
    PEER = "PEER"  # history only: the peer itself went on or off line


STATUS_EVENTS = frozenset({Event.ON, Event.OFF, Event.VLOST, Event.DEFECT})
_NOTIFIED = {event.value: event for event in Event if event not in (Event.SYNC, Event.PEER)}


@dataclass(frozen=True, slots=True)
class ItemEvent:
    """One notified event. `event` None means the peer named none: a known object is updated, an unknown one added.

    `item` is needed by ADD and UPDATE. `present` are the fields of the item that the notification really carried; an
    UPDATE changes only those. None means all of them.
    """

    event: Event | None
    code: str
    item: Item | None = None
    present: frozenset[str] | None = None

    @classmethod
    def of(
        cls, word: str | None, code: str, item: Item | None = None, present: frozenset[str] | None = None
    ) -> ItemEvent:
        """From the word in the message, in any case; an unknown word counts as none."""
        return cls(_NOTIFIED.get((word or "").strip().upper()), code, item, present)

    def applied_to(self, old: Item | None) -> Item | None:
        """The object after the event. An event that neither finds its object nor says what it is does nothing."""
        if self.event is Event.DEL:
            return None
        if self.event in STATUS_EVENTS:
            return None if old is None else _with_status(old, self.event)
        if self.item is None:
            return old
        if old is None or self.event is Event.ADD:
            return self.item
        return old.merged(self.item, self.present)


def _with_status(item: Item, event: Event) -> Item:
    if event is Event.ON:
        return replace(item, status=ON, fault="")
    if event is Event.OFF:
        return replace(item, status=OFF)
    # Without a picture or defective is not the same as gone: the object stays listed, with its status, and is marked.
    return replace(item, fault=event.value)


Document = Mapping[str, Any]
"""An item as `Item.document` gives it."""

_STATUS_ELEMENTS = ("status", "fault")


def event_between(old: Document | None, new: Document | None) -> Event | None:
    """The one event that says how the object `old` became `new`; None if nothing changed."""
    if old is None or new is None:
        return Event.ADD if new is not None else Event.DEL if old is not None else None
    if old == new:
        return None
    if any(old.get(name) != new.get(name) for name in {**old, **new} if name not in _STATUS_ELEMENTS):
        return Event.UPDATE
    fault = new.get("fault", "")
    if fault and fault != old.get("fault", ""):
        return Event(fault)
    return Event.ON if new.get("status", ON) == ON else Event.OFF


@dataclass(frozen=True, slots=True)
class Change:
    """One object of a peer changed: ADD, DEL, UPDATE (anything but only its status), ON, OFF, VLOST or DEFECT."""

    event: Event
    code: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What one sync or one notification changed, told after it was committed.

    `unknown` are codes that events spoke of and nobody has listed: worth a catalogue query. `peer_online` is set when
    the peer itself came or went, which shows all its objects on or off without a change of their own. `overrun` means
    that the reader was too slow and earlier changes are not told any more: look at everything again.
    """

    peer_id: str
    source: str
    at: float
    changes: tuple[Change, ...] = ()
    unknown: tuple[str, ...] = ()
    peer_online: bool | None = None
    overrun: bool = False

    def codes(self, *events: Event) -> list[str]:
        """The codes with one of these events."""
        return [change.code for change in self.changes if change.event in events]

    def __bool__(self) -> bool:
        return bool(self.changes) or self.peer_online is not None or self.overrun
