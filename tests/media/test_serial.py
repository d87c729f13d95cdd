from __future__ import annotations

import pytest

from media.serial import PTS_BITS, SEQUENCE_BITS, TIMESTAMP_BITS, Unwrapper, distance, is_newer


@pytest.mark.parametrize(
    ("new", "old", "bits", "expected"),
    [
        (0, 65535, SEQUENCE_BITS, 1),
        (65535, 0, SEQUENCE_BITS, -1),
        (32767, 0, SEQUENCE_BITS, 32767),
        (32768, 0, SEQUENCE_BITS, -32768),
        (5, 5, SEQUENCE_BITS, 0),
        (3599, 2**32 - 1, TIMESTAMP_BITS, 3600),
        (1490, 8589932482, PTS_BITS, 3600),
    ],
)
def test_distance_takes_the_short_way_round(new: int, old: int, bits: int, expected: int) -> None:
    assert distance(new, old, bits) == expected
    assert is_newer(new, old, bits) is (expected > 0)


def test_a_presentation_time_stamp_runs_on_over_its_wrap() -> None:
    clock = Unwrapper(PTS_BITS)
    assert clock.last is None
    assert [clock.unwrap(v) for v in (8589932482, 1490, 5090, 1490)] == [8589932482, 8589936082, 8589939682, 8589936082]
    assert clock.last == 8589936082
    clock.reset()
    assert clock.unwrap(7) == 7


def test_many_wraps_add_up() -> None:
    clock = Unwrapper(SEQUENCE_BITS)
    total = [clock.unwrap((i * 20000) & 0xFFFF) for i in range(50)]
    assert total == [i * 20000 for i in range(50)]
