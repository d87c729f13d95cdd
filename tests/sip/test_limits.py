"""Rates of single sources."""

from __future__ import annotations

from sip.limits import Limits, SourceRates


def test_a_source_may_spend_its_burst_and_then_only_its_rate() -> None:
    rates = SourceRates(per_second=2.0, burst=3.0, max_sources=10)
    assert [rates.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert not rates.take("a", 0.4)
    assert rates.take("a", 0.6)
    assert not rates.take("a", 0.6)


def test_sources_do_not_share_their_tokens() -> None:
    rates = SourceRates(per_second=1.0, burst=1.0, max_sources=10)
    assert rates.take("a", 0.0)
    assert rates.take("b", 0.0)


def test_tokens_never_grow_beyond_the_burst() -> None:
    rates = SourceRates(per_second=1.0, burst=2.0, max_sources=10)
    assert rates.take("a", 0.0)
    assert [rates.take("a", 1000.0) for _ in range(3)] == [True, True, False]


def test_a_source_never_heard_of_is_not_exhausted() -> None:
    rates = SourceRates(per_second=1.0, burst=1.0, max_sources=10)
    assert not rates.exhausted("a", 0.0)
    rates.take("a", 0.0)
    assert rates.exhausted("a", 0.0)
    assert not rates.exhausted("a", 1.0)


def test_a_token_given_back_can_be_spent_again() -> None:
    rates = SourceRates(per_second=0.0, burst=1.0, max_sources=10)
    rates.give_back("a", 0.0)
    assert len(rates) == 0
    rates.take("a", 0.0)
    rates.give_back("a", 0.0)
    rates.give_back("a", 0.0)
    assert [rates.take("a", 0.0), rates.take("a", 0.0)] == [True, False]


def test_a_clock_that_steps_back_gives_no_tokens() -> None:
    rates = SourceRates(per_second=1.0, burst=1.0, max_sources=10)
    assert rates.take("a", 10.0)
    assert not rates.take("a", 5.0)


def test_the_source_unheard_for_longest_is_forgotten_first() -> None:
    rates = SourceRates(per_second=0.0, burst=1.0, max_sources=2)
    rates.take("a", 0.0)
    rates.take("b", 1.0)
    rates.take("a", 2.0)
    rates.take("c", 3.0)
    assert len(rates) == 2
    assert rates.exhausted("a", 3.0)
    assert not rates.exhausted("b", 3.0)


def test_every_limit_is_a_bound() -> None:
    limits = Limits()
    assert all(getattr(limits, name) > 0 for name in Limits.__slots__)


def test_a_charge_is_taken_even_from_an_empty_bucket_and_made_up_for_later() -> None:
    rates = SourceRates(per_second=1.0, burst=3.0, max_sources=10)
    for _ in range(5):
        rates.charge("a", 0.0)
    assert rates.exhausted("a", 2.9)
    assert not rates.exhausted("a", 3.0)
    for _ in range(100):
        rates.charge("b", 0.0)
    assert not rates.exhausted("b", 4.0), "a debt is bounded by the burst"
