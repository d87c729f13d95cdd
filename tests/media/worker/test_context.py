"""The memory datagrams are received into, and the clock of the legs."""

from __future__ import annotations

from media.worker.context import LARGEST_DATAGRAM, LegContext, ReceiveSlab
from media.worker.gop import GopBudget
from media.worker.ports import PortPool
from media.worker.reactor import MediaLoop


def test_datagrams_lie_one_behind_the_other_until_the_slab_is_full() -> None:
    slab = ReceiveSlab(2 * LARGEST_DATAGRAM)
    assert len(slab.room()) == LARGEST_DATAGRAM
    slab.room()[:3] = b"abc"
    first = slab.take(3)
    slab.room()[:2] = b"de"
    second = slab.take(2)
    assert (bytes(first), bytes(second), slab.full) == (b"abc", b"de", False)
    slab.take(LARGEST_DATAGRAM)
    assert slab.full
    slab.reset()
    assert not slab.full


def test_monotonic_times_become_unix_times() -> None:
    loop = MediaLoop()
    context = LegContext(
        reactor=loop,
        ports=PortPool(47200, 47201),
        emit=lambda event: None,
        clock=lambda: 5.0,
        unix_offset=1000.0,
        arrive=lambda source, packet, remote: None,
        slab=ReceiveSlab(),
        budget=GopBudget(),
    )
    assert (context.unix(2.5), context.unix(None)) == (1002.5, None)
    assert context.pool(None) is context.pool((47200, 47201)) is context.ports
    assert context.pool((47300, 47309)) is context.pool((47300, 47309)) is not context.ports
    loop.close()
