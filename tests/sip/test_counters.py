"""Counters."""

from __future__ import annotations

from sip.counters import Counters


def test_counters_begin_at_nought_and_are_read_by_name() -> None:
    counters = Counters()
    counters.malformed += 2
    numbers = counters.as_dict()
    assert numbers.pop("malformed") == 2
    assert set(numbers.values()) == {0}
    assert "requests_received" in numbers
