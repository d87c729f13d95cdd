"""Totals over legs that come and go."""

from __future__ import annotations

from pathlib import Path

from gateway.relay.pool import Worker, WorkerSpec
from gateway.relay.traffic import Traffic
from media.worker.control import LegStats

RELAY = Worker(WorkerSpec("relay", "relay-1", "media.worker.relay"), Path("r.sock"))


def source(packets: int, lost: int = 0, leg: str = "in-1") -> LegStats:
    return LegStats(leg=leg, kind="source", transport="udp", packets=packets, lost=lost, foreign=1)


def sink(packets: int, dropped: int = 0) -> LegStats:
    return LegStats(leg="out-1", kind="sink", transport="udp", packets=packets, dropped=dropped, lost=99)


def test_totals_grow_by_what_each_leg_grew() -> None:
    traffic = Traffic()
    traffic.take(RELAY, [source(100, lost=2), sink(90)])
    traffic.take(RELAY, [source(150, lost=2), sink(140, dropped=3)])
    traffic.take(RELAY, [source(10, leg="in-2")])
    assert traffic.totals == {
        "received": 160, "sent": 140, "lost": 2, "foreign": 2, "other_ssrc": 0, "not_rtp": 0, "dropped": 3
    }  # fmt: skip


def test_a_leg_that_began_anew_counts_from_nothing() -> None:
    traffic = Traffic()
    traffic.take(RELAY, [source(100)])
    traffic.take(RELAY, [source(7)])
    assert traffic.totals["received"] == 107


def test_the_newest_counters_of_a_leg_are_shown() -> None:
    traffic = Traffic()
    traffic.take(RELAY, [source(5)])
    assert traffic.shown("relay-1", "in-1")["packets"] == 5
    assert traffic.shown("relay-1", "gone") == traffic.shown("relay-9", "in-1") == {}
