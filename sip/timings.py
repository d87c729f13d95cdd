"""The timer values of RFC 3261 (17, table 4) as one frozen value that is handed in, never a process global."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations in seconds. Every timer of the transaction tables is derived from the three base values."""

    t1: float = 0.5
    """Round trip estimate: first retransmission interval."""
    t2: float = 4.0
    """Longest interval between retransmissions of a non-INVITE request and of a response to INVITE."""
    t4: float = 5.0
    """Longest time a message stays in the network."""
    timer_c: float = 180.0
    """INVITE with a provisional answer and then nothing (RFC 3261 16.6 step 11; here it bounds a B2BUA's memory)."""
    invite_answer: float = 180.0
    """How long our own application may leave an INVITE without a final answer."""

    @property
    def transaction_limit(self) -> float:
        """64*T1: timers B, F, H, J, L and M."""
        return 64 * self.t1

    @property
    def timer_d(self) -> float:
        """Wait for repeated 3xx-6xx to INVITE over UDP (RFC 3261 17.1.1.2: at least 32 s at the usual T1)."""
        return 64 * self.t1
