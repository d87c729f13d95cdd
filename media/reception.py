"""Reception statistics of one RTP source for receiver reports (RFC 3550 6.4.1, A.3, A.8)."""

from __future__ import annotations

from media.rtcp import ReportBlock
from media.serial import SEQUENCE_BITS, distance

_RESTART = 3000


class Reception:
    """Counts what arrived against what was expected; late packets count as received, so a loss may be taken back.

    ``clock_hz`` is the rate of the RTP timestamp, used for the jitter.
    """

    __slots__ = (
        "_base",
        "_clock_hz",
        "_highest",
        "_jitter",
        "_prior_expected",
        "_prior_received",
        "_transit",
        "received",
    )

    def __init__(self, clock_hz: int = 90_000) -> None:
        self._clock_hz = clock_hz
        self._base = -1
        self._highest = 0
        self._prior_expected = 0
        self._prior_received = 0
        self._transit: float | None = None
        self._jitter = 0.0
        self.received = 0

    @property
    def expected(self) -> int:
        """Packets the sender sent so far, by its sequence numbers."""
        return self._highest - self._base + 1 if self._base >= 0 else 0

    @property
    def lost(self) -> int:
        """Expected minus received; negative when duplicates came."""
        return self.expected - self.received

    @property
    def jitter(self) -> int:
        """Interarrival jitter in timestamp units."""
        return int(self._jitter)

    def packet(self, sequence: int, timestamp: int, now: float) -> None:
        """One packet arrived at ``now`` (s, monotonic)."""
        if self._base < 0:
            self._base = self._highest = sequence
        step = distance(sequence, self._highest, SEQUENCE_BITS)
        if abs(step) > _RESTART:
            self._base = self._highest = sequence
            self.received = self._prior_expected = self._prior_received = 0
        elif step > 0:
            self._highest += step
        self.received += 1
        self._measure_jitter(timestamp, now)

    def _measure_jitter(self, timestamp: int, now: float) -> None:
        transit = now * self._clock_hz - timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self._clock_hz * 60:
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def report_block(self, ssrc: int, *, last_sr: int = 0, delay_since_last_sr: int = 0) -> ReportBlock:
        """The block about this source; the fraction lost covers the time since the block before."""
        expected, received = self.expected, self.received
        interval = expected - self._prior_expected
        lost = interval - (received - self._prior_received)
        self._prior_expected, self._prior_received = expected, received
        fraction = min(255, (lost << 8) // interval) if interval > 0 and lost > 0 else 0
        return ReportBlock(ssrc, fraction, self.lost, self._highest, self.jitter, last_sr, delay_since_last_sr)
