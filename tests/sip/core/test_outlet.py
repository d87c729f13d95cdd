"""Bytes and events leave in the order they arose, once."""

from __future__ import annotations

from sip.core.outlet import Outgoing, Outlet
from sip.limits import Limits
from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.events import ForeignReceived

PEER, LOCAL = Peer("UDP", "192.0.2.1", 5060), ("192.0.2.9", 5060)


def test_what_is_fetched_is_gone_and_stays_the_fetchers() -> None:
    outlet = Outlet(Timings(), Limits(), lambda: "t")
    first, second = Outgoing(b"1", PEER, LOCAL), Outgoing(b"2", PEER, LOCAL)
    outlet.send(first)
    outlet.send(second)
    fetched = outlet.to_send()
    outlet.send(first)
    assert fetched == [first, second]
    assert outlet.to_send() == [first]
    assert outlet.to_send() == []


def test_events_come_out_one_by_one() -> None:
    outlet = Outlet(Timings(), Limits(), lambda: "t")
    events = [ForeignReceived(PEER, what, "c", PEER) for what in ("200", "486")]
    for event in events:
        outlet.tell(event)
    assert [outlet.next_event() for _ in range(3)] == [*events, None]
    assert outlet.token() == "t" and outlet.timers.deadline() is None
