"""What the four transactions share: stepping through a table, running timers, reaching the world through one seam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.events import Event
from sip.transaction.tables import Action, Input, State, Table
from sip.transaction.timers import Lane, TimerLanes

Local = tuple[str, int]
"""Our own address of a hop: host and port."""


class Surroundings(Protocol):
    """What a transaction may ask of the endpoint it lives in. Nothing here answers, so nothing can re-enter."""

    timings: Timings
    timers: TimerLanes

    def token(self) -> str:
        """Fresh random text for a tag or a branch."""
        ...

    def transmit(self, data: bytes, transaction: Machine) -> None:
        """Queue bytes for the transaction's peer."""
        ...

    def emit(self, event: Event) -> None:
        """Queue an event for the user."""
        ...

    def ended(self, transaction: Machine) -> None:
        """Forget the transaction."""
        ...


class Machine:
    """One running state machine. Actions are looked up in `performs`, one function per action of the table."""

    __slots__ = ("armed", "interval", "local", "peer", "state", "surroundings")

    table: ClassVar[Table]
    performs: ClassVar[Mapping[Action, Callable[[Any, float], None]]]

    def __init__(self, peer: Peer, local: Local, surroundings: Surroundings) -> None:
        self.peer = peer
        self.local = local
        self.surroundings = surroundings
        self.state = State.INIT
        self.interval = 0.0
        self.armed: list[Lane] = []

    def happen(self, happened: Input, now: float) -> bool:
        """Take one input; False when the figure ignores it in this state."""
        row = self.table.get((self.state, happened))
        if row is None:
            return False
        state, actions = row
        if state is not self.state:
            self._enter(state)
        for action in actions:
            self.performs[action](self, now)
        if state is State.TERMINATED:
            self.surroundings.ended(self)
        return True

    def _enter(self, state: State) -> None:
        # A timer runs on into the next state exactly when that state's rows know it (E and F of figure 6).
        self.state = state
        for lane in tuple(self.armed):
            if (state, lane.timer) not in self.table:
                self.surroundings.timers.disarm(self, lane.timer)

    def start(self, timer: Input, duration: float, now: float) -> None:
        """Run a timer; one of length zero ends at once."""
        if duration > 0:
            self.surroundings.timers.arm(self, timer, duration, now)
        else:
            self.happen(timer, now)

    def repeat(self, timer: Input, interval: float, now: float) -> None:
        """Run a retransmission timer; only over an unreliable transport."""
        self.interval = interval
        if not self.peer.reliable:
            self.surroundings.timers.arm(self, timer, interval, now)
