"""What a receiver report says of one RTP source: loss of the interval and jitter (RFC 3550 6.4.1, A.3, A.8).

The counting is the caller's, who knows about restarts and duplicates; see `media.worker.sequence`.
"""

from __future__ import annotations

from media.rtcp import ReportBlock


class Reception:
    """``clock_hz`` is the rate of the RTP timestamp, used for the jitter."""

    __slots__ = ("_clock_hz", "_jitter", "_prior_expected", "_prior_received", "_transit")

    def __init__(self, clock_hz: int = 90_000) -> None:
        self._clock_hz = clock_hz
        self._prior_expected = 0
        self._prior_received = 0
        self._transit: float | None = None
        self._jitter = 0.0

    @property
    def jitter(self) -> int:
        """Interarrival jitter in timestamp units."""
        return int(self._jitter)

    def arrived(self, timestamp: int, now: float) -> None:
        """The first packet of a timestamp arrived at ``now`` (s, monotonic).

        Those that follow with the same timestamp say how the sender paces a frame, not how the network delays it.
        """
        transit = now * self._clock_hz - timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self._clock_hz * 60:
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def restarted(self) -> None:
        """The timestamps of what follows have nothing to do with those before."""
        self._transit = None

    def report_block(
        self,
        ssrc: int,
        *,
        expected: int,
        received: int,
        highest: int,
        last_sr: int = 0,
        delay_since_last_sr: int = 0,
    ) -> ReportBlock:
        """The block about this source: counts since its first packet, ``highest`` the extended sequence number.

        The fraction lost covers the time since the block before.
        """
        interval = expected - self._prior_expected
        lost = interval - (received - self._prior_received)
        self._prior_expected, self._prior_received = expected, received
        fraction = min(255, (lost << 8) // interval) if interval > 0 and lost > 0 else 0
        return ReportBlock(ssrc, fraction, expected - received, highest, self.jitter, last_sr, delay_since_last_sr)
