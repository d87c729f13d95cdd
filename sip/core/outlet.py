"""What both halves of an endpoint share: the way out for bytes and events, and the clockwork."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sip.counters import Counters
from sip.limits import Limits
from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.client import ClientTransaction
from sip.transaction.events import Event
from sip.transaction.machine import Local
from sip.transaction.server import ServerTransaction
from sip.transaction.timers import TimerLanes


@dataclass(slots=True)
class Outgoing:
    """Bytes for the wire. `local` is the address they leave from, `transaction` who wants to know when they cannot."""

    data: bytes
    peer: Peer
    local: Local
    transaction: ClientTransaction | ServerTransaction | None = None


class Outlet:
    """Bytes and events in the order they arose, until they are fetched.

    token   source of tags and branches
    timers  of all transactions of both sides
    send    queues bytes
    tell    queues an event for the user
    """

    __slots__ = ("_events", "_outbox", "counters", "limits", "send", "tell", "timers", "timings", "token")

    def __init__(self, timings: Timings, limits: Limits, token: Callable[[], str]) -> None:
        self.timings = timings
        self.limits = limits
        self.token = token
        self.timers = TimerLanes()
        self.counters = Counters()
        self._outbox: list[Outgoing] = []
        self._events: deque[Event] = deque()
        # Bound once: both are called for every message.
        self.send: Callable[[Outgoing], None] = self._outbox.append
        self.tell: Callable[[Event], None] = self._events.append

    def to_send(self) -> list[Outgoing]:
        """What is to be sent, in order; the list is the caller's."""
        outbox = self._outbox[:]
        self._outbox.clear()
        return outbox

    def next_event(self) -> Event | None:
        """The next thing to tell the user, None when there is none."""
        return self._events.popleft() if self._events else None
