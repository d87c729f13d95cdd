"""How many streams a device sends at once, learned from its refusals (最大并发会话数). Pure.

Many recorders send no more than a few streams and answer 486 to the next INVITE. What it carried then is its limit:
the next viewer is told so at once instead of waiting for the same refusal. A limit learned is not for ever: one call
is let through above it now and then (a probe), and it is forgotten after some hours.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """A learned limit is forgotten after `lifetime_s`, and tried `probe_s` after the last refusal. Seconds."""

    lifetime_s: float = 86_400.0
    probe_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Learned:
    """A limit that was learned at `at`, and confirmed or tried at `tried_at` (unix seconds)."""

    sessions: int
    at: float
    tried_at: float


class Admission(enum.Enum):
    """What is done with one call more."""

    FREE = "free"
    PROBE = "probe"
    REFUSED = "refused"


def is_busy(status: int, phrase: str) -> bool:
    """Whether a final answer says that the device has no session left: 486, or a 480 or 600 that says so in words.

    480 alone is what devices answer for a camera that is switched off: it says nothing about the others.
    """
    text = phrase.lower()
    return status == 486 or (status in (480, 600) and any(word in text for word in ("busy", "session", "max")))


class SessionLimits:
    """The learned limits; only devices that ever refused are remembered, no more than `max_devices` of them."""

    def __init__(self, policy: SessionPolicy | None = None, max_devices: int = 50_000) -> None:
        self._policy = policy or SessionPolicy()
        self._max_devices = max_devices
        self._learned: dict[str, Learned] = {}

    def __len__(self) -> int:
        return len(self._learned)

    def learned(self, device_id: str, now: float) -> Learned | None:
        """The limit in force, None when there is none (any more)."""
        known = self._learned.get(device_id)
        if known is not None and now - known.at >= self._policy.lifetime_s:
            del self._learned[device_id]
            return None
        return known

    def expires_at(self, known: Learned) -> float:
        """When a limit is forgotten."""
        return known.at + self._policy.lifetime_s

    def admit(self, device_id: str, running: int, manual: int | None, now: float) -> Admission:
        """Whether a device that sends `running` streams may be called for one more; `manual` is the operator's word and
        wins. A probe counts as tried, so that only one is on its way."""
        if manual is not None:
            return Admission.FREE if running < manual else Admission.REFUSED
        known = self.learned(device_id, now)
        if known is None or running < known.sessions:
            return Admission.FREE
        if now - known.tried_at < self._policy.probe_s:
            return Admission.REFUSED
        self._learned[device_id] = Learned(known.sessions, known.at, now)
        return Admission.PROBE

    def busy(self, device_id: str, running: int, now: float) -> None:
        """It refused one call more than `running`. With none running, others hold its sessions: nothing is learned."""
        if running < 1:
            return
        if device_id not in self._learned and len(self._learned) >= self._max_devices:
            del self._learned[next(iter(self._learned))]
        self._learned[device_id] = Learned(running, now, now)

    def succeeded(self, device_id: str, running: int, now: float) -> None:
        """It took a call and sends `running` streams now: a limit below that was wrong, or is no more."""
        known = self.learned(device_id, now)
        if known is not None and running > known.sessions:
            # Tried again soon: what was raised may be higher still.
            self._learned[device_id] = Learned(running, known.at, now - self._policy.probe_s)

    def forget(self, device_id: str) -> None:
        """The device was removed, or its limit set by hand."""
        self._learned.pop(device_id, None)
