"""In what order the commands for one camera are carried out. No I/O, no clock.

One command is on its way at a time. Of those that wait, a newer movement takes the place of an older one: who turns the
camera last decides. A stop is never left out and always finds room, and takes the place of every movement before it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.onvif.ptz_mapping import Focus, Move, OnvifCommand, Stop

T = TypeVar("T")
MAX_WAITING = 16


@dataclass(frozen=True, slots=True)
class Waiting(Generic[T]):
    """A command, and whoever waits for it."""

    command: OnvifCommand
    who: T


class PtzQueue(Generic[T]):
    """The commands that wait for one camera."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting[T]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, command: OnvifCommand, who: T) -> list[T] | None:
        """Let a command wait. Who waits for commands whose place it takes; None: there is no room for it."""
        replaced = [waiting for waiting in self._waiting if _replaces(command, waiting.command)]
        if not isinstance(command, Stop) and len(self._waiting) - len(replaced) >= MAX_WAITING:
            return None
        self._waiting = deque(waiting for waiting in self._waiting if waiting not in replaced)
        self._waiting.append(Waiting(command, who))
        return [waiting.who for waiting in replaced]

    def pop(self) -> Waiting[T] | None:
        """The next command; None when none waits."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> list[T]:
        """Nothing waits any more; who waited."""
        left = [waiting.who for waiting in self._waiting]
        self._waiting.clear()
        return left


def _replaces(new: OnvifCommand, old: OnvifCommand) -> bool:
    """Whether an older command that still waits has become pointless."""
    match new:
        case Stop(lens_only=True):
            return isinstance(old, Focus) or old == new
        case Stop():
            return isinstance(old, Move | Focus | Stop)
        case Move():
            return isinstance(old, Move)
        case Focus():
            return isinstance(old, Focus)
        case _:
            return False
