"""Order, duplicates, loss and restart of sequence numbers, at and around their wrap."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.reorder import ReorderBuffer
from media.rtp import RtpPacket

STARTS = [0, 1, 127, 65533, 65534, 65535]


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(96, False, sequence & 0xFFFF, 0, 1, b"")


def push_all(buffer: ReorderBuffer, sequences: list[int], now: float = 0.0) -> list[int]:
    return [p.sequence for s in sequences for p in buffer.push(packet(s), now)]


def numbers(start: int, offsets: list[int]) -> list[int]:
    return [(start + o) & 0xFFFF for o in offsets]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    ("arrival", "expected", "reordered", "duplicates"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3], 0, 0),
        ([0, 2, 1, 3], [0, 1, 2, 3], 1, 0),
        ([0, 3, 2, 1, 4], [0, 1, 2, 3, 4], 2, 0),
        ([0, 1, 1, 2, 2, 2, 3], [0, 1, 2, 3], 0, 3),
        ([0, 2, 2, 1, 1, 3], [0, 1, 2, 3], 1, 2),
        ([0, 4, 2, 1, 3], [0, 1, 2, 3, 4], 3, 0),
    ],
)
def test_order_is_restored(
    start: int, arrival: list[int], expected: list[int], reordered: int, duplicates: int
) -> None:
    buffer = ReorderBuffer()
    assert push_all(buffer, numbers(start, arrival)) == numbers(start, expected)
    assert buffer.held == 0
    assert buffer.deadline() is None
    assert buffer.counters.reordered == reordered
    assert buffer.counters.duplicates == duplicates
    assert buffer.counters.lost == 0
    assert buffer.gaps == set()


@pytest.mark.parametrize("start", STARTS)
def test_a_missing_number_is_given_up_in_time(start: int) -> None:
    buffer = ReorderBuffer(wait_s=0.2)
    assert push_all(buffer, numbers(start, [0])) == numbers(start, [0])
    assert push_all(buffer, numbers(start, [2]), now=1.0) == []
    assert push_all(buffer, numbers(start, [3]), now=1.1) == []
    assert buffer.deadline() == pytest.approx(1.2)
    assert buffer.expire(1.19) == []
    assert [p.sequence for p in buffer.expire(1.2)] == numbers(start, [2, 3])
    assert buffer.gaps == set(numbers(start, [2]))
    assert buffer.counters.lost == 1
    assert push_all(buffer, numbers(start, [1, 2, 4])) == numbers(start, [4])
    assert (buffer.counters.late, buffer.counters.duplicates) == (1, 1)
    assert buffer.gaps == set()


def test_each_hole_has_its_own_time() -> None:
    buffer = ReorderBuffer(wait_s=0.2)
    push_all(buffer, [0])
    push_all(buffer, [2], now=1.0)
    push_all(buffer, [4], now=1.15)
    assert [p.sequence for p in buffer.expire(1.2)] == [2]
    assert buffer.deadline() == pytest.approx(1.35)
    assert [p.sequence for p in buffer.expire(1.4)] == [4]
    assert buffer.expire(9.0) == []


@pytest.mark.parametrize("start", STARTS)
def test_a_full_window_gives_up_the_hole(start: int) -> None:
    buffer = ReorderBuffer(window=4)
    assert push_all(buffer, numbers(start, [0, 2, 3, 4, 5])) == numbers(start, [0, 2, 3, 4, 5])
    assert buffer.counters.lost == 1
    buffer = ReorderBuffer(window=4)
    assert push_all(buffer, numbers(start, [0, 50, 51])) == numbers(start, [0, 50, 51])
    assert buffer.counters.lost == 49


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("jump", [5000, 30000, -400, -30000])
def test_a_restart_is_followed_after_two_consecutive_packets(start: int, jump: int) -> None:
    buffer = ReorderBuffer()
    assert push_all(buffer, numbers(start, [0, 1])) == numbers(start, [0, 1])
    push_all(buffer, numbers(start, [3]))
    assert push_all(buffer, numbers(start, [jump])) == []
    assert push_all(buffer, numbers(start, [jump + 1])) == numbers(start, [3, jump, jump + 1])
    assert buffer.counters.restarts == 1
    assert (start + jump) & 0xFFFF in buffer.gaps
    assert push_all(buffer, numbers(start, [jump + 2])) == numbers(start, [jump + 2])


def test_a_single_stray_number_restarts_nothing() -> None:
    buffer = ReorderBuffer()
    assert push_all(buffer, [10, 20000, 11, 20001, 12, 13]) == [10, 11, 12, 13]
    assert buffer.counters.restarts == 0


def test_flush_hands_out_what_is_held() -> None:
    buffer = ReorderBuffer()
    push_all(buffer, [1, 3, 5])
    assert [p.sequence for p in buffer.flush()] == [3, 5]
    assert buffer.gaps == {3, 5}
    assert buffer.flush() == []


def test_over_tcp_nothing_is_held_and_jumps_are_marked() -> None:
    buffer = ReorderBuffer(window=0)
    assert push_all(buffer, [65535, 0, 7]) == [65535, 0, 7]
    assert buffer.gaps == {7}
    assert push_all(buffer, [8]) == [8]
    assert buffer.gaps == set()


@given(st.integers(0, 65535), st.integers(0, 2**32), st.integers(1, 30))
def test_any_shuffle_within_the_window_comes_out_sorted(start: int, seed: int, depth: int) -> None:
    rng = random.Random(seed)
    order = sorted(range(1, 200), key=lambda n: n + rng.uniform(0, depth))
    buffer = ReorderBuffer(window=128)
    assert push_all(buffer, numbers(start, [0, *order])) == numbers(start, list(range(200)))


@given(st.lists(st.integers(0, 65535), max_size=300))
def test_no_sequence_of_numbers_breaks_or_fills_the_buffer(sequences: list[int]) -> None:
    buffer = ReorderBuffer(window=16)
    for index, sequence in enumerate(sequences):
        buffer.push(packet(sequence), index / 100)
        buffer.expire(index / 100)
        assert buffer.held <= 16
