"""Hysteresis: what others are told of a device that comes and goes."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.device_health.standing import TRANSITIONS, FlapPolicy, Stand, Standing, Tell, Turn

POLICY = FlapPolicy(allowed=3, window_s=600, settle_s=120)


def flap(stand: Stand, now: float, times: int, pause: float = 20.0) -> tuple[float, list[Tell]]:
    told: list[Tell] = []
    for _ in range(times):
        told += stand.went(now)
        now += pause
        told += stand.came(now, POLICY, went_at=now - pause)
        now += pause
    return now, told


def test_the_table_has_every_turn_that_can_happen() -> None:
    impossible = {
        *product([Standing.OFFLINE], [Turn.MOVED, Turn.MOVED_FLAPPING, Turn.WENT, Turn.STAYED]),
        *product([Standing.ONLINE, Standing.UNSTABLE], [Turn.CAME, Turn.CAME_FLAPPING]),
        (Standing.ONLINE, Turn.STAYED),
    }
    assert set(TRANSITIONS) == set(product(Standing, Turn)) - impossible


def test_one_coming_and_going_is_told_as_it_happens() -> None:
    stand = Stand()
    assert stand.came(0, POLICY, went_at=None) == (Tell.ONLINE,)
    assert stand.went(100) == (Tell.OFFLINE,)
    assert stand.came(120, POLICY, went_at=100) == (Tell.ONLINE,)
    assert stand.recent(120, POLICY) == 1 and stand.since == 120


def test_after_more_returns_than_allowed_there_is_one_off_and_no_storm() -> None:
    stand = Stand()
    stand.came(0, POLICY, went_at=None)
    now, told = flap(stand, 10, 20)
    shown = [one for one in told if one is not Tell.ENDED]
    assert shown == [Tell.OFFLINE, Tell.ONLINE] * 3 + [Tell.OFFLINE]
    assert stand.standing is Standing.UNSTABLE and stand.recent(now, POLICY) == 4


def test_an_unstable_device_is_online_again_when_it_stayed_and_was_heard() -> None:
    stand = Stand()
    stand.came(0, POLICY, went_at=None)
    now, _ = flap(stand, 10, 5)
    since = stand.since
    assert stand.looked_at(since + 119, since + 100, POLICY) == ()
    assert stand.looked_at(since + 120, since, POLICY) == ()  # silent since it came
    assert stand.looked_at(since + 121, since + 60, POLICY) == (Tell.ONLINE,)
    assert stand.looked_at(since + 122, since + 60, POLICY) == () and stand.standing is Standing.ONLINE


def test_a_device_that_only_returns_now_and_then_is_never_unstable() -> None:
    stand, now = Stand(), 0.0
    stand.came(now, POLICY, went_at=None)
    for _ in range(50):
        now, told = flap(stand, now + 400, 1)
        assert told == [Tell.OFFLINE, Tell.ONLINE]


def test_a_return_after_our_own_restart_or_an_operators_act_does_not_count() -> None:
    stand = Stand()
    for _ in range(10):
        assert stand.came(0, POLICY, went_at=None) == (Tell.ONLINE,)
        stand.went(1)
    assert stand.recent(1, POLICY) == 0


def test_a_device_that_moves_from_port_to_port_is_unstable_too() -> None:
    stand = Stand()
    stand.came(0, POLICY, went_at=None)
    told = [stand.moved(second, POLICY) for second in range(1, 7)]
    both = (Tell.OFFLINE, Tell.ONLINE)
    assert told == [both, both, both, (Tell.OFFLINE,), (Tell.ENDED,), (Tell.ENDED,)]


@pytest.mark.parametrize("turn", ["went", "stayed"])
def test_what_cannot_happen_changes_nothing(turn: str) -> None:
    stand = Stand()
    told = stand.went(5) if turn == "went" else stand.looked_at(500, 400, POLICY)
    assert told == () and stand == Stand()


EVENTS = st.lists(st.tuples(st.sampled_from(["came", "moved", "went", "look"]), st.floats(0.1, 400)), max_size=120)


@given(EVENTS, st.integers(1, 4), st.floats(0, 300))
def test_whatever_happens_news_alternate_and_are_few(
    events: list[tuple[str, float]], allowed: int, settle: float
) -> None:
    policy = FlapPolicy(allowed, 600, settle)
    stand, now, lost, told = Stand(), 0.0, None, list[tuple[float, Tell]]()
    registered, heard = False, 0.0
    for event, pause in events:
        now += pause
        tells: tuple[Tell, ...] = ()
        if event == "came" and not registered:
            registered, tells = True, stand.came(now, policy, went_at=lost)
        elif event == "moved" and registered:
            tells = stand.moved(now, policy)
        elif event == "went" and registered:
            registered, lost, tells = False, now, stand.went(now)
        elif event == "look" and registered:
            heard = now
            tells = stand.looked_at(now, heard, policy)
        told += [(now, one) for one in tells if one is not Tell.ENDED]
        assert (stand.standing is Standing.OFFLINE) == (not registered)
        assert len(stand.flaps) <= allowed + 1
    # Others hear ON and OFF in turn, and end with what is so.
    assert [one for _, one in told] == [Tell.ONLINE, Tell.OFFLINE] * (len(told) // 2) + [Tell.ONLINE] * (len(told) % 2)
    assert (stand.standing is Standing.ONLINE) == bool(told and told[-1][1] is Tell.ONLINE)
    # No storm: in any window there are no more ONs than are allowed, but for the first and those that stayed.
    for start, _ in told:
        ons = sum(one is Tell.ONLINE and start <= at <= start + 600 for at, one in told)
        assert ons <= allowed + 2 + 600 / max(settle, 0.1)
