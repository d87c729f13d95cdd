"""How long a camera is left alone after a failure."""

from __future__ import annotations

from media.worker.pull_backoff import JITTER, BackOff


def test_the_waits_double_up_to_half_a_minute() -> None:
    backoff = BackOff(lambda low, high: 1.0)
    assert [backoff.wait(0) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert [backoff.wait(0) for _ in range(30)] == [30] * 30


def test_a_stream_that_ran_for_a_while_begins_anew() -> None:
    backoff = BackOff(lambda low, high: 1.0)
    assert [backoff.wait(ran) for ran in (0, 0, 9.9, 10, 0)] == [1, 2, 4, 1, 2]


def test_no_two_cameras_are_called_at_the_same_instant_for_ever() -> None:
    assert BackOff(lambda low, high: low).wait(0) == 1 - JITTER
    assert BackOff(lambda low, high: high).wait(0) == 1 + JITTER
    waits = {BackOff().wait(0) for _ in range(20)}
    assert len(waits) > 1 and all(1 - JITTER <= wait <= 1 + JITTER for wait in waits)
