"""Subscriptions of RFC 6665 as two tables, one for each side, and the objects that run them. No I/O, no clock.

What GB/T 28181 peers do differently is a row of its own: a notifier that never sends the first NOTIFY is believed after
Timer N (tolerance `missing_first_notify`), and one that ends a subscription without a word is noticed by the refresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from sip.timings import Timings

MIN_EXPIRES_S = 30
MAX_EXPIRES_S = 86_400
MAX_NOTIFY_FAILURES = 3
"""NOTIFYs in a row without an answer after which the notifier gives up (GB/T 28181-2022 9.11 leaves it open)."""


def granted_expires(asked: int | None, default: int = 3600) -> int:
    """Seconds a notifier grants: what was asked, between 30 s and a day; 0 stays 0 (it ends the subscription)."""
    if asked is None:
        return default
    return 0 if asked == 0 else min(max(asked, MIN_EXPIRES_S), MAX_EXPIRES_S)


def refresh_after(expires: float) -> float:
    """Seconds after which a subscriber refreshes: 5 s before the end, or at nine tenths where that is sooner."""
    return max(min(expires - 5.0, 0.9 * expires), 1.0)


class NotifierState(Enum):
    """RFC 6665 figure 2."""

    INIT = auto()
    PENDING = auto()
    ACTIVE = auto()
    TERMINATED = auto()


class NotifierInput(Enum):
    """What happens to a notifier's subscription."""

    SUBSCRIBE_ACCEPTED = auto()
    SUBSCRIBE_PENDING = auto()
    APPROVED = auto()
    REFUSED = auto()
    UNSUBSCRIBE = auto()
    EXPIRED = auto()
    NOTIFY_UNKNOWN = auto()
    """Our NOTIFY was answered 481 or another final failure."""
    NOTIFY_LOST = auto()
    """Several NOTIFYs in a row without an answer."""
    RESOURCE_GONE = auto()


class NotifierAction(Enum):
    """What the notifier then does."""

    START_EXPIRY = auto()
    NOTIFY_PENDING = auto()
    NOTIFY_ACTIVE = auto()
    NOTIFY_TIMEOUT = auto()
    """Last NOTIFY, `terminated;reason=timeout`."""
    NOTIFY_REJECTED = auto()
    NOTIFY_NORESOURCE = auto()
    REMOVE = auto()


_NS, _NI, _NA = NotifierState, NotifierInput, NotifierAction
NotifierTable = Mapping[tuple[NotifierState, NotifierInput], tuple[NotifierState, tuple[NotifierAction, ...]]]

NOTIFIER: NotifierTable = {
    (_NS.INIT, _NI.SUBSCRIBE_ACCEPTED): (_NS.ACTIVE, (_NA.START_EXPIRY, _NA.NOTIFY_ACTIVE)),
    (_NS.INIT, _NI.SUBSCRIBE_PENDING): (_NS.PENDING, (_NA.START_EXPIRY, _NA.NOTIFY_PENDING)),
    # A fetch: SUBSCRIBE with Expires 0 outside a subscription (RFC 6665 4.4.3).
    (_NS.INIT, _NI.UNSUBSCRIBE): (_NS.TERMINATED, (_NA.NOTIFY_TIMEOUT, _NA.REMOVE)),
    (_NS.PENDING, _NI.SUBSCRIBE_PENDING): (_NS.PENDING, (_NA.START_EXPIRY, _NA.NOTIFY_PENDING)),
    (_NS.PENDING, _NI.SUBSCRIBE_ACCEPTED): (_NS.ACTIVE, (_NA.START_EXPIRY, _NA.NOTIFY_ACTIVE)),
    (_NS.PENDING, _NI.APPROVED): (_NS.ACTIVE, (_NA.NOTIFY_ACTIVE,)),
    (_NS.PENDING, _NI.REFUSED): (_NS.TERMINATED, (_NA.NOTIFY_REJECTED, _NA.REMOVE)),
    (_NS.ACTIVE, _NI.SUBSCRIBE_ACCEPTED): (_NS.ACTIVE, (_NA.START_EXPIRY, _NA.NOTIFY_ACTIVE)),
    (_NS.ACTIVE, _NI.REFUSED): (_NS.TERMINATED, (_NA.NOTIFY_REJECTED, _NA.REMOVE)),
    **{
        (state, happened): (_NS.TERMINATED, actions)
        for state in (_NS.PENDING, _NS.ACTIVE)
        for happened, actions in (
            (_NI.UNSUBSCRIBE, (_NA.NOTIFY_TIMEOUT, _NA.REMOVE)),
            (_NI.EXPIRED, (_NA.NOTIFY_TIMEOUT, _NA.REMOVE)),
            (_NI.RESOURCE_GONE, (_NA.NOTIFY_NORESOURCE, _NA.REMOVE)),
            (_NI.NOTIFY_UNKNOWN, (_NA.REMOVE,)),
            (_NI.NOTIFY_LOST, (_NA.REMOVE,)),
        )
    },
}
"""RFC 6665 4.2, figure 2."""


class SubscriberState(Enum):
    """RFC 6665 figure 1."""

    INIT = auto()
    NOTIFY_WAIT = auto()
    PENDING = auto()
    ACTIVE = auto()
    TERMINATED = auto()


class SubscriberInput(Enum):
    """What happens to a subscriber's subscription."""

    SUBSCRIBE = auto()
    ACCEPTED = auto()
    """2xx to SUBSCRIBE, first or refresh."""
    REFUSED = auto()
    """Final failure of the first SUBSCRIBE, or 481 and other final failures of a refresh."""
    UNANSWERED = auto()
    NOTIFY_ACTIVE = auto()
    NOTIFY_PENDING = auto()
    NOTIFY_TERMINATED = auto()
    TIMER_N = auto()
    REFRESH_DUE = auto()
    EXPIRED = auto()
    UNSUBSCRIBE = auto()


class SubscriberAction(Enum):
    """What the subscriber then does."""

    SEND_SUBSCRIBE = auto()
    SEND_REFRESH = auto()
    SEND_UNSUBSCRIBE = auto()
    START_N = auto()
    START_REFRESH = auto()
    PASS_NOTIFY = auto()
    SUBSCRIBE_ANEW = auto()
    """In a new dialog, after a pause."""
    REMOVE = auto()


_SS, _SI, _SA = SubscriberState, SubscriberInput, SubscriberAction
SubscriberTable = Mapping[tuple[SubscriberState, SubscriberInput], tuple[SubscriberState, tuple[SubscriberAction, ...]]]

_LIVE = (_SS.NOTIFY_WAIT, _SS.PENDING, _SS.ACTIVE)

SUBSCRIBER: SubscriberTable = {
    (_SS.INIT, _SI.SUBSCRIBE): (_SS.NOTIFY_WAIT, (_SA.SEND_SUBSCRIBE, _SA.START_N)),
    (_SS.NOTIFY_WAIT, _SI.ACCEPTED): (_SS.NOTIFY_WAIT, (_SA.START_REFRESH,)),
    # Tolerance missing_first_notify: the figure ends here; GB/T 28181 notifiers with nothing to report stay silent.
    (_SS.NOTIFY_WAIT, _SI.TIMER_N): (_SS.ACTIVE, ()),
    (_SS.NOTIFY_WAIT, _SI.UNANSWERED): (_SS.TERMINATED, (_SA.SUBSCRIBE_ANEW, _SA.REMOVE)),
    (_SS.NOTIFY_WAIT, _SI.REFUSED): (_SS.TERMINATED, (_SA.REMOVE,)),
    (_SS.PENDING, _SI.REFUSED): (_SS.TERMINATED, (_SA.SUBSCRIBE_ANEW, _SA.REMOVE)),
    (_SS.ACTIVE, _SI.REFUSED): (_SS.TERMINATED, (_SA.SUBSCRIBE_ANEW, _SA.REMOVE)),
    (_SS.PENDING, _SI.UNANSWERED): (_SS.TERMINATED, (_SA.SUBSCRIBE_ANEW, _SA.REMOVE)),
    (_SS.ACTIVE, _SI.UNANSWERED): (_SS.TERMINATED, (_SA.SUBSCRIBE_ANEW, _SA.REMOVE)),
    (_SS.PENDING, _SI.ACCEPTED): (_SS.PENDING, (_SA.START_REFRESH,)),
    (_SS.ACTIVE, _SI.ACCEPTED): (_SS.ACTIVE, (_SA.START_REFRESH,)),
    **{
        (state, happened): row
        for state in _LIVE
        for happened, row in (
            (_SI.NOTIFY_ACTIVE, (_SS.ACTIVE, (_SA.PASS_NOTIFY,))),
            (_SI.NOTIFY_PENDING, (_SS.PENDING, (_SA.PASS_NOTIFY,))),
            (_SI.NOTIFY_TERMINATED, (_SS.TERMINATED, (_SA.PASS_NOTIFY, _SA.REMOVE))),
            (_SI.REFRESH_DUE, (state, (_SA.SEND_REFRESH,))),
            (_SI.EXPIRED, (_SS.TERMINATED, (_SA.SUBSCRIBE_ANEW, _SA.REMOVE))),
            (_SI.UNSUBSCRIBE, (_SS.TERMINATED, (_SA.SEND_UNSUBSCRIBE, _SA.REMOVE))),
        )
    },
}
"""RFC 6665 4.1.2, figure 1."""


_STARTS = frozenset({SubscriberAction.START_N, SubscriberAction.START_REFRESH})


def _expires_of(params: str) -> int | None:
    for param in params.split(";"):
        name, _, value = param.partition("=")
        value = value.strip()
        if name.strip().lower() == "expires" and value.isascii() and value.isdigit() and len(value) <= 9:
            return int(value) or None
    return None


@dataclass(slots=True)
class NotifierSubscription:
    """Somebody subscribed to us."""

    state: NotifierState = NotifierState.INIT
    expires_at: float | None = None
    failures: int = 0
    _actions: list[NotifierAction] = field(default_factory=list, init=False)

    def subscribed(self, expires: int, now: float, *, pending: bool = False) -> None:
        """A SUBSCRIBE of the peer, already answered 2xx with these granted seconds; 0 ends the subscription."""
        if expires == 0:
            self.happen(NotifierInput.UNSUBSCRIBE)
            return
        self.expires_at = now + expires
        self.happen(NotifierInput.SUBSCRIBE_PENDING if pending else NotifierInput.SUBSCRIBE_ACCEPTED)

    def notify_answered(self, status: int) -> None:
        """The final answer to a NOTIFY of ours. Other failures than 481 are the peer's opinion of one message only."""
        self.failures = 0
        if status == 481:
            self.happen(NotifierInput.NOTIFY_UNKNOWN)

    def notify_unanswered(self) -> None:
        """A NOTIFY of ours got no answer."""
        self.failures += 1
        if self.failures >= MAX_NOTIFY_FAILURES:
            self.happen(NotifierInput.NOTIFY_LOST)

    def happen(self, happened: NotifierInput) -> None:
        """Take one input; what the table ignores changes nothing."""
        row = NOTIFIER.get((self.state, happened))
        if row is not None:
            self.state = row[0]
            self._actions.extend(action for action in row[1] if action is not NotifierAction.START_EXPIRY)
        if self.state is NotifierState.TERMINATED:
            self.expires_at = None

    def remaining(self, now: float) -> int:
        """Whole seconds left, for Subscription-State."""
        return 0 if self.expires_at is None else max(int(self.expires_at - now), 0)

    def state_header(self, now: float) -> str:
        """The Subscription-State value of a NOTIFY sent now (RFC 6665 8.2.3)."""
        if self.state is NotifierState.TERMINATED:
            return "terminated;reason=timeout"
        return f"{self.state.name.lower()};expires={self.remaining(now)}"

    def actions(self) -> list[NotifierAction]:
        """What is to be done, in order; the list is handed over. Timers run already: see `deadline`."""
        actions, self._actions = self._actions, []
        return actions

    def deadline(self) -> float | None:
        """When `expire` is to be called."""
        return self.expires_at

    def expire(self, now: float) -> None:
        """End the subscription when its time is over."""
        if self.expires_at is not None and now >= self.expires_at:
            self.happen(NotifierInput.EXPIRED)


@dataclass(slots=True)
class SubscriberSubscription:
    """We subscribed to somebody."""

    timings: Timings = field(default_factory=Timings)
    state: SubscriberState = SubscriberState.INIT
    refresh_at: float | None = None
    expires_at: float | None = None
    give_up_at: float | None = None
    """Timer N: until when a first NOTIFY is waited for."""
    _actions: list[SubscriberAction] = field(default_factory=list, init=False)

    def subscribe(self, now: float) -> None:
        """Begin."""
        self.give_up_at = now + self.timings.transaction_limit
        self.happen(SubscriberInput.SUBSCRIBE)

    def answered(self, status: int, expires: int, now: float) -> None:
        """The final answer to the first SUBSCRIBE or to a refresh.

        expires  what the answer grants, or what was asked when it says nothing
        """
        if not 200 <= status < 300:
            self.happen(SubscriberInput.REFUSED)
            return
        self.refresh_at = now + refresh_after(expires)
        self.expires_at = now + expires
        self.happen(SubscriberInput.ACCEPTED)

    def unanswered(self) -> None:
        """SUBSCRIBE or refresh got no answer."""
        self.happen(SubscriberInput.UNANSWERED)

    def notified(self, state_header: str | None, now: float) -> None:
        """A NOTIFY of the peer. Without Subscription-State it counts as active (tolerance: devices leave it out)."""
        state, _, params = (state_header or "active").partition(";")
        state = state.strip().lower()
        self.give_up_at = None
        if state == "terminated":
            self.happen(SubscriberInput.NOTIFY_TERMINATED)
            return
        self._shorten(params, now)
        self.happen(SubscriberInput.NOTIFY_PENDING if state == "pending" else SubscriberInput.NOTIFY_ACTIVE)

    def _shorten(self, params: str, now: float) -> None:
        # A notifier may shorten what it granted (RFC 6665 4.1.3); longer or odd values mean nothing.
        left = _expires_of(params)
        if left is None or self.expires_at is None or now + left >= self.expires_at - 1.0:
            return
        self.expires_at = now + left
        if self.refresh_at is not None:
            self.refresh_at = min(self.refresh_at, now + refresh_after(left))

    def unsubscribe(self) -> None:
        """End it from our side."""
        self.happen(SubscriberInput.UNSUBSCRIBE)

    def happen(self, happened: SubscriberInput) -> None:
        """Take one input; what the table ignores changes nothing."""
        row = SUBSCRIBER.get((self.state, happened))
        if row is not None:
            self.state = row[0]
            self._actions.extend(action for action in row[1] if action not in _STARTS)
        if self.state is SubscriberState.TERMINATED:
            self.refresh_at = self.expires_at = self.give_up_at = None

    def actions(self) -> list[SubscriberAction]:
        """What is to be done, in order; the list is handed over. Timers run already: see `deadline`."""
        actions, self._actions = self._actions, []
        return actions

    def deadline(self) -> float | None:
        """When `expire` is to be called."""
        waiting = [at for at in (self.refresh_at, self.expires_at, self.give_up_at) if at is not None]
        return min(waiting) if waiting else None

    def expire(self, now: float) -> None:
        """Run what is due: Timer N, the refresh, the end."""
        if self.give_up_at is not None and now >= self.give_up_at:
            self.give_up_at = None
            self.happen(SubscriberInput.TIMER_N)
        if self.expires_at is not None and now >= self.expires_at:
            self.happen(SubscriberInput.EXPIRED)
        elif self.refresh_at is not None and now >= self.refresh_at:
            self.refresh_at = None
            self.happen(SubscriberInput.REFRESH_DUE)
