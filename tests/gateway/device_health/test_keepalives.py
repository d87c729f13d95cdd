"""The interval of a device, learned from what it sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.device_health.keepalives import ENOUGH, SAMPLES, SLACK_S, KeepalivePolicy, Keepalives, Rhythm

POLICY = KeepalivePolicy(configured_s=60, misses=3, shortest_s=10, longest_s=300)


def after(*gaps: float) -> Keepalives:
    keepalives, now = Keepalives(), 1000.0
    keepalives.arrived(now)
    for gap in gaps:
        now += gap
        keepalives.arrived(now)
    return keepalives


def test_a_device_is_held_to_the_configured_interval_until_its_own_is_known() -> None:
    assert after(20, 20).rhythm(POLICY) == Rhythm(60, False, 3)
    assert after(20, 20, 20).rhythm(POLICY) == Rhythm(20, True, 3)
    assert after(20, 20, 20).rhythm(POLICY).silence_s == 60 + SLACK_S


@pytest.mark.parametrize(("sent", "learned"), [(20, 20), (120, 120), (7, 10), (2, 10), (1000, 300)])
def test_what_is_learned_is_bounded(sent: float, learned: float) -> None:
    assert after(*[sent] * 5).rhythm(POLICY).interval_s == learned


def test_a_device_that_keeps_to_a_long_configured_interval_stays_online() -> None:
    slow = KeepalivePolicy(configured_s=600, misses=1)
    keepalives = after(600, 600, 600, 600)
    assert keepalives.rhythm(slow) == Rhythm(600, True, 1) and keepalives.allows(601, slow)


def test_one_lost_keepalive_or_one_sent_twice_does_not_move_it() -> None:
    keepalives = after(60, 60, 120, 60, 60)
    assert keepalives.rhythm(POLICY).interval_s == 60
    keepalives = after(60, 0.2, 59.8, 0.1, 59.9, 0.0, 60)
    assert keepalives.samples == 4 and keepalives.rhythm(POLICY).interval_s == pytest.approx(60)


def test_the_time_without_a_registration_is_no_interval() -> None:
    keepalives = after(60, 60)
    keepalives.interrupted()
    keepalives.arrived(9000.0)
    assert keepalives.samples == 2


def test_a_device_slower_than_it_was_held_to_is_learned_from_its_return() -> None:
    # 20 s are configured, it sends every 120 s: silent after 65 s, it registers again at its next keepalive.
    quick = KeepalivePolicy(configured_s=20, misses=3)
    keepalives = after()
    keepalives.returned(1120.0, quick.longest_s)
    assert keepalives.rhythm(quick) == Rhythm(120, True, 3)


@pytest.mark.parametrize("at", [1000.5, 2000.0])
def test_a_return_at_once_or_after_long_tells_nothing(at: float) -> None:
    keepalives = after()
    keepalives.returned(at, 300)
    assert keepalives.samples == 0
    Keepalives().returned(at, 300)


def test_a_reboot_that_was_taken_for_an_interval_is_soon_outvoted() -> None:
    keepalives = after(20, 20, 20)
    keepalives.returned(1060.0 + 200, 300)
    now = 2000.0
    for _ in range(ENOUGH + 2):
        keepalives.arrived(now := now + 20)
    assert keepalives.rhythm(POLICY).interval_s == 20


def test_a_clock_that_was_set_back_is_survived() -> None:
    keepalives = after(60, 60, 60)
    keepalives.arrived(5.0)
    keepalives.arrived(65.0)
    assert keepalives.rhythm(POLICY).interval_s == 60


@given(st.lists(st.floats(-100, 100_000), max_size=40))
def test_whatever_is_sent_the_rhythm_stays_in_its_bounds(gaps: list[float]) -> None:
    keepalives = after(*gaps)
    rhythm = keepalives.rhythm(POLICY)
    assert POLICY.shortest_s <= rhythm.interval_s <= POLICY.longest_s and keepalives.samples <= SAMPLES
    assert rhythm.silence_s >= POLICY.least_silence_s
    for silence in (rhythm.silence_s - 0.1, rhythm.silence_s, rhythm.silence_s + 0.1):
        assert keepalives.allows(silence, POLICY) is (silence <= rhythm.silence_s)
