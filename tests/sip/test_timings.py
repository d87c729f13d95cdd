"""Timer values."""

from __future__ import annotations

from sip.timings import Timings


def test_the_usual_values_are_those_of_rfc_3261() -> None:
    timings = Timings()
    assert (timings.t1, timings.t2, timings.t4) == (0.5, 4.0, 5.0)
    assert timings.transaction_limit == 32.0
    assert timings.timer_d == 32.0


def test_all_limits_follow_t1() -> None:
    timings = Timings(t1=0.01)
    assert timings.transaction_limit == 0.64
    assert timings.timer_d == 0.64
