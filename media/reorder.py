"""Puts the RTP packets of one source and payload type back in order."""

from __future__ import annotations

from dataclasses import dataclass

from media.rtp import RtpPacket
from media.serial import SEQUENCE_BITS, distance

MAX_DROPOUT = 3000
"""A jump ahead beyond this is a new sequence space, once the next packet confirms it (RFC 3550 A.1)."""
MAX_MISORDER = 300
"""A packet further back than this is no latecomer but a new sequence space, once confirmed."""


@dataclass(slots=True)
class ReorderCounters:
    """``received`` packets pushed, ``lost`` numbers given up, ``late`` packets whose number had been given up,
    ``duplicates``, ``reordered`` packets that came after a higher number, ``restarts`` of the numbering."""

    received: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    restarts: int = 0


class ReorderBuffer:
    """Holds at most ``window`` packets and none longer than ``wait_s``; then missing numbers are given up as lost.

    ``push``, ``expire`` and ``flush`` return packets in order; ``gaps`` has the sequence numbers, among those just
    returned, that stand behind a loss or restart. A camera that restarts its numbering is followed after two
    consecutive packets. ``window`` 0 is for TCP: nothing is held, jumps are only marked.
    """

    __slots__ = ("_given_up", "_held", "_highest", "_next", "_restart", "_wait_s", "_window", "counters", "gaps")

    def __init__(self, window: int = 128, wait_s: float = 0.2) -> None:
        self._window = window
        self._wait_s = wait_s
        self._held: dict[int, tuple[RtpPacket, float]] = {}
        self._next = -1
        self._highest = -1
        self._given_up: dict[int, None] = {}
        self._restart: RtpPacket | None = None
        self.counters = ReorderCounters()
        self.gaps: set[int] = set()

    @property
    def held(self) -> int:
        """Packets waiting for a missing number."""
        return len(self._held)

    def deadline(self) -> float | None:
        """When ``expire`` has something to do; None while nothing is held."""
        for _, arrived in self._held.values():
            return arrived + self._wait_s
        return None

    def push(self, packet: RtpPacket, now: float) -> list[RtpPacket]:
        """One packet as it arrived at ``now`` (s, monotonic); returns the packets it puts in order."""
        self.counters.received += 1
        if self.gaps:
            self.gaps = set()
        if packet.sequence == self._next:
            self._next = (self._next + 1) & 0xFFFF
            self._restart = None
            if self._held:
                self.counters.reordered += 1
                return [packet, *self._run()]
            self._highest = packet.sequence
            return [packet]
        if self._next < 0 or self._window == 0:
            if self._next >= 0:
                self.gaps.add(packet.sequence)
            self._next = (packet.sequence + 1) & 0xFFFF
            self._highest = packet.sequence
            return [packet]
        return self._out_of_order(packet, now)

    def expire(self, now: float) -> list[RtpPacket]:
        """Give up what has been missing for too long; returns the packets that are in order by it."""
        self.gaps = set()
        released: list[RtpPacket] = []
        while (deadline := self.deadline()) is not None and now >= deadline:
            released += self._give_up()
        return released

    def flush(self) -> list[RtpPacket]:
        """Everything held, in order (end of stream)."""
        self.gaps = set()
        return self._release_all()

    def _out_of_order(self, packet: RtpPacket, now: float) -> list[RtpPacket]:
        ahead = distance(packet.sequence, self._next, SEQUENCE_BITS)
        if ahead > MAX_DROPOUT or ahead < -MAX_MISORDER:
            return self._maybe_restart(packet)
        self._restart = None
        if ahead < 0:
            late = packet.sequence in self._given_up
            self._given_up.pop(packet.sequence, None)
            self.counters.late += late
            self.counters.duplicates += not late
            return []
        if packet.sequence in self._held:
            self.counters.duplicates += 1
            return []
        if distance(packet.sequence, self._highest, SEQUENCE_BITS) > 0:
            self._highest = packet.sequence
        else:
            self.counters.reordered += 1
        self._held[packet.sequence] = (packet, now)
        released: list[RtpPacket] = []
        while self._held and (len(self._held) >= self._window or self._span() >= self._window):
            released += self._give_up()
        return released

    def _span(self) -> int:
        return distance(self._highest, self._next, SEQUENCE_BITS)

    def _maybe_restart(self, packet: RtpPacket) -> list[RtpPacket]:
        before = self._restart
        if before is None or packet.sequence != (before.sequence + 1) & 0xFFFF:
            self._restart = packet
            return []
        released = self._release_all()
        self._restart = None
        self._given_up.clear()
        self.counters.restarts += 1
        self._highest = packet.sequence
        self._next = (packet.sequence + 1) & 0xFFFF
        self.gaps.add(before.sequence)
        return [*released, before, packet]

    def _release_all(self) -> list[RtpPacket]:
        released: list[RtpPacket] = []
        while self._held:
            released += self._give_up()
        return released

    def _give_up(self) -> list[RtpPacket]:
        """Skip to the nearest held number and release the run from there."""
        nearest = min(self._held, key=lambda s: (s - self._next) & 0xFFFF)
        missing = (nearest - self._next) & 0xFFFF
        self.counters.lost += missing
        for number in range(max(0, missing - MAX_MISORDER), missing):
            self._given_up[(self._next + number) & 0xFFFF] = None
        while len(self._given_up) > MAX_MISORDER:
            del self._given_up[next(iter(self._given_up))]
        self._next = nearest
        self.gaps.add(nearest)
        return self._run()

    def _run(self) -> list[RtpPacket]:
        released = []
        while (held := self._held.pop(self._next, None)) is not None:
            released.append(held[0])
            self._next = (self._next + 1) & 0xFFFF
        return released
