"""How much one stack and one source may take: every table, queue and rate is bounded here."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one stack."""

    max_transactions: int = 65_536
    """Server transactions kept. Answered ones are given up oldest first; when all are unanswered, 503."""
    max_client_transactions: int = 65_536
    """Requests of ours under way."""
    max_pending_per_source: int = 4_096
    """Unanswered requests of one source address; over it 503 with Retry-After."""
    max_datagram: int = 65_535
    """Bytes; a longer datagram is dropped and counted."""
    malformed_per_second: float = 10.0
    """Malformed messages of one source address that are still answered and logged; the rest is only counted."""
    malformed_burst: float = 50.0
    refusals_per_second: float = 100.0
    """Challenges and refusals (401, 403, 407) one source host may draw without a registration that succeeds; over it
    what it sends is dropped unread, except from addresses that have registered, and refused in a trickle."""
    refusals_burst: float = 2_000.0
    max_proven: int = 65_536
    """Addresses remembered because a registration from them, or of ours at them, succeeded."""
    max_sources: int = 16_384
    """Source addresses whose rates are remembered; the one unheard for longest is forgotten first."""
    retry_after_s: int = 10
    """What a 503 asks the peer to wait."""
    max_connections: int = 20_000
    """TCP connections, accepted and opened."""
    connection_idle_s: float = 900.0
    """A TCP connection without a byte for that long is closed."""
    max_connections_per_source: int = 10_000
    """TCP connections accepted from one source address."""
    max_unproven_per_source: int = 128
    """Accepted TCP connections of one source address that have sent no whole message; over it the oldest is closed."""
    first_message_s: float = 30.0
    """How long an accepted TCP connection has for its first whole message, and any connection for the end of a message
    it has begun; then it is closed."""
    max_unfinished_bytes: int = 64 << 20
    """Bytes of unfinished messages over all TCP connections; over it the connection that holds most is closed."""
    connect_timeout_s: float = 5.0
    send_queue_bytes: int = 1 << 20
    """Bytes waiting for one TCP connection, or for one UDP socket; what does not fit fails."""
    socket_buffer_bytes: int = 4 << 20
    """Kernel receive and send buffer asked for each UDP socket."""
    datagrams_per_wakeup: int = 128
    """Datagrams read from one socket before other work gets its turn."""


class SourceRates:
    """A token bucket per source, for a bounded number of sources."""

    def __init__(self, per_second: float, burst: float, max_sources: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._max_sources = max_sources
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, source: str, now: float) -> bool:
        """Take one token; False when the source has none left."""
        tokens = self._level(source, now)
        allowed = tokens >= 1.0
        self._store(source, tokens - 1.0 if allowed else tokens, now)
        return allowed

    def charge(self, source: str, now: float) -> None:
        """Take one token even if there is none: what was under way already when they ran out is made up for later."""
        self._store(source, max(self._level(source, now) - 1.0, -self._burst), now)

    def exhausted(self, source: str, now: float) -> bool:
        """Whether the source has no token left; takes none."""
        return source in self._buckets and self._level(source, now) < 1.0

    def give_back(self, source: str, now: float) -> None:
        """Return one token: what was taken turned out to be honest."""
        if source in self._buckets:
            self._store(source, min(self._level(source, now) + 1.0, self._burst), now)

    def _level(self, source: str, now: float) -> float:
        tokens, at = self._buckets.get(source, (self._burst, now))
        return min(tokens + max(now - at, 0.0) * self._per_second, self._burst)

    def _store(self, source: str, tokens: float, now: float) -> None:
        self._buckets[source] = (tokens, now)
        self._buckets.move_to_end(source)
        if len(self._buckets) > self._max_sources:
            self._buckets.popitem(last=False)

    def __len__(self) -> int:
        return len(self._buckets)
