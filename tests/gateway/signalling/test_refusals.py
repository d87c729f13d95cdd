"""A flood of refusals in the log: seen, counted, and short."""

from __future__ import annotations

from gateway.signalling.refusals import RefusalRates


def test_a_flood_is_logged_now_and_then_with_how_much_was_left_out() -> None:
    rates = RefusalRates(per_second=0.2, burst=3)
    assert [rates.take("192.0.2.7", 0.0) for _ in range(3)] == [0, 0, 0]
    assert [rates.take("192.0.2.7", 1.0) for _ in range(500)] == [None] * 500
    assert rates.take("192.0.2.7", 5.1) == 500 and rates.take("192.0.2.7", 5.2) is None
    assert rates.take("192.0.2.7", 11.0) == 1


def test_one_host_does_not_silence_another_and_what_is_remembered_is_bounded() -> None:
    rates = RefusalRates(per_second=0.001, burst=1, max_sources=2)
    for host in ("a", "b"):
        assert (rates.take(host, 0.0), rates.take(host, 0.0)) == (0, None)
    assert rates.take("c", 0.0) == 0
    for host in ("a", "b", "c"):
        rates.take(host, 0.0), rates.take(host, 0.0)
    assert len(rates._silent) <= 2
