"""How a registration with an upper platform stands, in words for the operator."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from gateway.signalling.said import Said

MOST_STEPS = 20
"""Steps of a registration that are kept."""


class UplinkState(enum.Enum):
    STOPPED = "stopped"
    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a registration at `at` (unix seconds)."""

    at: float
    said: Said
    failed: bool = False

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {"at": self.at, "message": self.said.en, "message_zh": self.said.zh, "failed": self.failed}


@dataclass(slots=True)
class UplinkStatus:
    """What the console, the API and the log say of an uplink. Times are unix seconds."""

    state: UplinkState = UplinkState.STOPPED
    since: float = 0.0
    problem: Said | None = None
    hint: Said | None = None
    registered_until: float = 0.0
    last_keepalive: float = 0.0
    missed_keepalives: int = 0
    peer_version: str | None = None
    trace: deque[Step] = field(default_factory=lambda: deque(maxlen=MOST_STEPS))

    def step(self, at: float, said: Said, *, failed: bool = False) -> None:
        """Remember a step for whoever asks why a registration fails."""
        self.trace.append(Step(at, said, failed))

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        problem, hint = self.problem, self.hint
        return {
            "state": self.state.value,
            "since": self.since,
            "problem": problem.en if problem is not None else None,
            "problem_zh": problem.zh if problem is not None else None,
            "hint": hint.en if hint is not None else None,
            "hint_zh": hint.zh if hint is not None else None,
            "registered_until": self.registered_until,
            "last_keepalive": self.last_keepalive,
            "missed_keepalives": self.missed_keepalives,
            "peer_version": self.peer_version,
            "steps": [step.to_json() for step in self.trace],
        }
