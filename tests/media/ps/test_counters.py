from __future__ import annotations

from media.ps.counters import PsCounters


def test_counters_begin_at_zero_and_are_their_own() -> None:
    one, two = PsCounters(), PsCounters()
    one.tolerated["stray_bytes"] += 1
    assert two.tolerated["stray_bytes"] == 0
    assert (one.units, one.damaged, one.gaps) == (0, 0, 0)
