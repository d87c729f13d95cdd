"""How a registration with an upper platform stands, in words for the operator."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class UplinkState(enum.Enum):
    STOPPED = "stopped"
    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"


@dataclass(slots=True)
class UplinkStatus:
    """What the console, the API and the log say of an uplink. Times are unix seconds."""

    state: UplinkState = UplinkState.STOPPED
    since: float = 0.0
    problem: str | None = None
    hint: str | None = None
    registered_until: float = 0.0
    last_keepalive: float = 0.0
    missed_keepalives: int = 0
    peer_version: str | None = None
    trace: list[str] = field(default_factory=list)

    def step(self, text: str) -> None:
        """Remember the last twenty steps for the wizard that explains a failing registration."""
        self.trace.append(text)
        del self.trace[:-20]


HINTS = {
    401: "The upper platform did not accept the password: compare user name and password on both sides.",
    403: "The upper platform refuses this id or password: compare our id, user name and password with its form.",
    404: "The upper platform does not know our id: it must be entered there first.",
    408: "No answer: check address, port and transport, and that nothing filters them.",
    503: "Not reachable: check address, port and transport, and that the upper platform is up.",
    423: "The upper platform wants a longer registration time.",
}

CLOSED_HINT = (
    "The upper platform closes the connection again and again: it may take registrations over UDP only, "
    "or another registration with our id may be replacing ours."
)
