"""The step between receiving and sending: what arrived in one round becomes what leaves in it.

`batch` is the seam of the relay's hot path. It touches no socket: given the packets of one round with the source they
belong to, it admits them, files them in the caches and returns the rewritten packets in the order to send them.
"""

from __future__ import annotations

from collections.abc import Iterable

from media.worker.control import Address
from media.worker.sink import SinkStream
from media.worker.source import Packet, SourceStream

Arrival = tuple[SourceStream, Packet, Address]
"""Source it came in on, the packet (valid during the call only), where it came from."""
Departure = tuple[SinkStream, bytes]
"""Sink, the whole packet to send."""


def batch(arrivals: Iterable[Arrival], now: float) -> list[Departure]:
    """Run one round. Order within a sink is arrival order."""
    departures: list[Departure] = []
    for source, packet, remote in arrivals:
        newest = source.numbers.highest
        running = source.admit(packet, remote, now)
        if running < 0:
            continue
        released = source.numbers.released
        if released is not None:
            source.numbers.released = None
            _relay(source, released[0], released[1], True, now, departures)
            newest = released[0]
        _relay(source, running, packet, running > newest + 1 >= 1, now, departures)
    return departures


def _relay(
    source: SourceStream, running: int, packet: Packet, lost_before: bool, now: float, departures: list[Departure]
) -> None:
    view = packet if isinstance(packet, bytes) else memoryview(packet)
    back = source.look(view, lost_before)
    opening = source.keep(running, view, back, now)
    late = running < source.numbers.highest
    for sink in source.live:
        if not late or running >= sink.floor:
            departures.append((sink, sink.rewritten(running, view)))
    if source.waiting:
        if not opening and source.start_without_key(now):
            opening = [(running, bytes(view))]
        if opening:
            _start_waiting(source, opening, departures)


def _start_waiting(source: SourceStream, opening: list[tuple[int, bytes]], departures: list[Departure]) -> None:
    """A key frame has begun: the sinks that waited for one get its packets so far and go live."""
    still: list[SinkStream] = []
    for sink in source.waiting:
        if not sink.outlet.ready:
            still.append(sink)
            continue
        sink.go_live(opening[0][0])
        source.live.append(sink)
        departures.extend((sink, sink.rewritten(running, packet)) for running, packet in opening)
    source.waiting[:] = still


def catch_up(source: SourceStream, now: float) -> list[Departure]:
    """The cached packets that sinks of ``source`` still behind are to be sent by ``now``."""
    departures: list[Departure] = []
    for sink in list(source.catching_up):
        departures.extend((sink, packet) for packet in sink.due(source, now))
        if sink.state == "catching_up":
            continue
        source.catching_up.remove(sink)
        if sink.state == "live":
            source.live.append(sink)
        else:
            source.waiting.append(sink)
            source.want_key(now)
    return departures
