"""The running sequence over wraps, loss, reordering, duplicates and restarts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.worker.sequence import RunningSequence


def numbers(*wire: int) -> tuple[RunningSequence, list[int]]:
    running = RunningSequence()
    return running, [running.take(n, b"") for n in wire]


def test_numbers_run_on_over_the_wrap() -> None:
    running, taken = numbers(65534, 65535, 0, 1)
    assert taken == [65534, 65535, 65536, 65537]
    assert (running.received, running.lost, running.last) == (4, 0, 1)


def test_loss_leaves_a_hole() -> None:
    running, taken = numbers(10, 14)
    assert taken == [10, 14]
    assert running.lost == 3


def test_a_late_packet_fills_its_hole() -> None:
    running, taken = numbers(10, 13, 11, 14)
    assert taken == [10, 13, 11, 14]
    assert (running.lost, running.reordered) == (1, 1)


def test_duplicates_are_dropped() -> None:
    running, taken = numbers(10, 11, 11, 10, 14, 12, 12)
    assert taken == [10, 11, -1, -1, 14, 12, -1]
    assert running.duplicates == 3


def test_a_restart_goes_on_without_a_hole_and_loses_no_packet() -> None:
    running = RunningSequence()
    running.take(100, b"")
    assert running.take(40000, b"first of the new") == -1
    assert running.take(40001, b"") == 102
    assert running.released == (101, b"first of the new")
    assert running.take(40002, b"") == 103
    assert (running.restarts, running.lost) == (1, 0)


def test_one_stray_packet_is_no_restart() -> None:
    running, taken = numbers(100, 40000, 101, 40001, 102)
    assert taken == [100, -1, 101, -1, 102]
    assert running.restarts == 0 and running.released is None


def test_a_backward_jump_beyond_reordering_is_a_restart_too() -> None:
    running, taken = numbers(10000, 5, 6)
    assert taken == [10000, -1, 10002]


def test_an_announced_jump_is_followed_at_once() -> None:
    running = RunningSequence()
    running.expect_jump()
    assert running.take(7, b"") == 7
    running.expect_jump()
    assert [running.take(n, b"") for n in (8, 9)] == [8, 9]
    running.expect_jump()
    assert running.take(3, b"") == 10
    assert running.restarts == 2


def test_what_is_remembered_of_holes_is_bounded() -> None:
    running, _ = numbers(0, 1000, 1900, 4800)
    assert running.take(1950, b"") == -1, "far behind: waits for a second one"
    assert len(running._missing) <= 1024
    assert running.take(4799, b"") == -1


@given(st.lists(st.integers(0, 65535), max_size=200))
def test_running_numbers_never_repeat(wire: list[int]) -> None:
    running = RunningSequence()
    seen: set[int] = set()
    for number in wire:
        for taken in (running.take(number, b""), running.released[0] if running.released else -1):
            if taken >= 0:
                assert taken not in seen
                seen.add(taken)
        running.released = None
