"""Who is heard, how much of him, and who is told about it."""

from __future__ import annotations

from collections import OrderedDict

from sip.limits import Limits, SourceRates
from sip.message import Request
from sip.peer import Peer

_CHALLENGES = frozenset({401, 403, 407})


class Admission:
    """The memory of one endpoint about its sources: their mistakes, their refusals, their unanswered requests, and
    the addresses that have proven themselves by a registration. All of it is bounded by `limits`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pending: dict[str, int] = {}
        self._proven: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._reports = SourceRates(limits.malformed_per_second, limits.malformed_burst, limits.max_sources)
        self._refusals = SourceRates(limits.refusals_per_second, limits.refusals_burst, limits.max_sources)

    def floods(self, source: Peer, now: float) -> bool:
        """Whether to drop unread what comes from here: the host has drawn too many refusals, and no registration was
        ever accepted from this address or from us to it. A trickle is let through, to be told why it is refused."""
        if not self._refusals.exhausted(source.host, now) or (source.host, source.port) in self._proven:
            return False
        return not self._reports.take(source.host, now)

    def may_report(self, source: Peer, now: float) -> bool:
        """Whether another mishap of this source is worth an answer or a line in the log."""
        return self._reports.take(source.host, now)

    def storms(self, request: Request, source: Peer, now: float) -> bool:
        """Whether this is one more REGISTER without credentials of a host that only ever draws challenges."""
        return (
            request.method == "REGISTER"
            and self._refusals.exhausted(source.host, now)
            and "Authorization" not in request.headers
        )

    # unanswered requests

    def is_full(self, host: str) -> bool:
        """Whether this host has as many unanswered requests as it may have."""
        return self._pending.get(host, 0) >= self._limits.max_pending_per_source

    def begun(self, host: str) -> None:
        """A request of this host waits for its answer."""
        self._pending[host] = self._pending.get(host, 0) + 1

    def settled(self, host: str) -> None:
        """A request of this host waits no longer."""
        left = self._pending.get(host, 0) - 1
        if left > 0:
            self._pending[host] = left
        else:
            self._pending.pop(host, None)

    @property
    def pending(self) -> int:
        """Unanswered requests of all hosts."""
        return sum(self._pending.values())

    # what became of them

    def answered(self, method: str, status: int, peer: Peer, now: float) -> None:
        """A request of this peer has its final answer: a refusal counts against its host, a registration for it."""
        self.settled(peer.host)
        if status in _CHALLENGES:
            self._refusals.charge(peer.host, now)
        elif status < 300 and method == "REGISTER":
            self._refusals.give_back(peer.host, now)
            self.prove(peer)

    def prove(self, peer: Peer) -> None:
        """Remember an address with which a registration succeeded; of too many, the one longest without."""
        address = (peer.host, peer.port)
        self._proven[address] = None
        self._proven.move_to_end(address)
        if len(self._proven) > self._limits.max_proven:
            self._proven.popitem(last=False)
