"""What every leg of a relay worker is given: the loop, the ports, the clock, and where packets and events go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from media.worker.control import Address, Event, Ports
from media.worker.gop import DEFAULT_LIMIT, GopBudget
from media.worker.ports import PortPool
from media.worker.reactor import Reactor
from media.worker.source import Packet, SourceStream

LARGEST_DATAGRAM = 65_536


class ReceiveSlab:
    """One block of memory that the datagrams of a round are received into, one behind the other."""

    def __init__(self, size: int = 4 * 1024 * 1024) -> None:
        self._view = memoryview(bytearray(size))
        self._used = 0

    @property
    def full(self) -> bool:
        """Whether the largest datagram no longer fits."""
        return self._used + LARGEST_DATAGRAM > len(self._view)

    def room(self) -> memoryview:
        """Where the next datagram goes."""
        return self._view[self._used : self._used + LARGEST_DATAGRAM]

    def take(self, size: int) -> memoryview:
        """The datagram of ``size`` bytes just received into `room`."""
        start = self._used
        self._used += size
        return self._view[start : self._used]

    def reset(self) -> None:
        """All packets of the round are done with."""
        self._used = 0


@dataclass(slots=True)
class LegContext:
    """``clock`` is monotonic seconds; ``unix_offset`` turns them into unix seconds. ``arrive`` files one received
    packet for this round and may run the round when ``slab`` is full. ``behind``: sources with sinks to pace.
    ``gop_limit``: bytes the group of pictures of one source may have."""

    reactor: Reactor
    ports: PortPool
    emit: Callable[[Event], None]
    clock: Callable[[], float]
    unix_offset: float
    arrive: Callable[[SourceStream, Packet, Address], None]
    slab: ReceiveSlab
    budget: GopBudget
    gop_limit: int = DEFAULT_LIMIT
    behind: set[SourceStream] = field(default_factory=set)
    other_ports: dict[Ports, PortPool] = field(default_factory=dict)

    def pool(self, ports: Ports | None) -> PortPool:
        """The ports of a range; None: the worker's own."""
        if ports is None or ports == (self.ports.first, self.ports.last):
            return self.ports
        if ports not in self.other_ports:
            self.other_ports[ports] = PortPool(*ports)
        return self.other_ports[ports]

    def unix(self, at: float | None) -> float | None:
        """A monotonic time as unix seconds."""
        return None if at is None else at + self.unix_offset
