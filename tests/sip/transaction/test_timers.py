"""Timer lanes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sip.transaction.tables import Input
from sip.transaction.timers import Lane, TimerLanes


class Owner:
    def __init__(self, name: str = "") -> None:
        self.name = name
        self.armed: list[Lane] = []

    def happen(self, happened: Input, now: float) -> bool:
        return True


def test_timers_end_in_the_order_of_their_deadlines() -> None:
    lanes, slow, quick = TimerLanes(), Owner("slow"), Owner("quick")
    lanes.arm(slow, Input.TIMER_F, 32.0, 0.0)
    lanes.arm(quick, Input.TIMER_E, 0.5, 1.0)
    lanes.arm(slow, Input.TIMER_E, 4.0, 0.0)
    assert lanes.deadline() == 1.5
    assert list(lanes.due(1.4)) == []
    assert list(lanes.due(100.0)) == [
        (quick, Input.TIMER_E),
        (slow, Input.TIMER_E),
        (slow, Input.TIMER_F),
    ]
    assert lanes.deadline() is None


def test_a_stopped_timer_leaves_nothing_behind() -> None:
    lanes, owner = TimerLanes(), Owner()
    lanes.arm(owner, Input.TIMER_F, 32.0, 0.0)
    lanes.arm(owner, Input.TIMER_E, 0.5, 0.0)
    lanes.disarm(owner, Input.TIMER_E)
    lanes.disarm(owner, Input.TIMER_E)
    assert len(lanes) == 1
    lanes.disarm_all(owner)
    assert len(lanes) == 0
    assert owner.armed == []


def test_starting_a_running_timer_starts_it_again() -> None:
    lanes, owner = TimerLanes(), Owner()
    lanes.arm(owner, Input.TIMER_E, 0.5, 0.0)
    lanes.arm(owner, Input.TIMER_E, 1.0, 0.2)
    assert len(lanes) == 1
    assert lanes.deadline() == 1.2


def test_the_oldest_timer_of_a_kind_can_be_asked_for() -> None:
    lanes, first, second = TimerLanes(), Owner("first"), Owner("second")
    assert lanes.oldest(Input.TIMER_J, 32.0) is None
    lanes.arm(first, Input.TIMER_J, 32.0, 0.0)
    lanes.arm(second, Input.TIMER_J, 32.0, 1.0)
    assert lanes.oldest(Input.TIMER_J, 32.0) is first
    lanes.disarm_all(first)
    assert lanes.oldest(Input.TIMER_J, 32.0) is second


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.5, 1.0, 4.0, 32.0]), st.booleans()), max_size=60))
def test_lanes_agree_with_a_plain_list_of_deadlines(moves: list[tuple[int, float, bool]]) -> None:
    lanes = TimerLanes()
    owners = [Owner(str(number)) for number in range(6)]
    expected: dict[tuple[int, Input], float] = {}
    for now, (number, duration, start) in enumerate(moves):
        if start:
            lanes.arm(owners[number], Input.TIMER_E, duration, float(now))
            expected[number, Input.TIMER_E] = now + duration
        else:
            lanes.disarm(owners[number], Input.TIMER_E)
            expected.pop((number, Input.TIMER_E), None)
        assert lanes.deadline() == min(expected.values(), default=None)
    until = len(moves) + 4.0
    due = [(int(owner.name), timer) for owner, timer in lanes.due(until)]  # type: ignore[attr-defined]
    assert set(due) == {key for key, at in expected.items() if at <= until}
    assert [expected[key] for key in due] == sorted(expected[key] for key in due)
    assert len(lanes) == len(expected) - len(due)
