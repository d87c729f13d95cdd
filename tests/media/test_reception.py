from __future__ import annotations

import pytest

from media.reception import Reception


def test_nothing_received_is_nothing_expected() -> None:
    reception = Reception()
    assert (reception.expected, reception.lost, reception.jitter) == (0, 0, 0)


@pytest.mark.parametrize("start", [0, 1, 127, 65533, 65534, 65535])
def test_loss_is_expected_minus_received(start: int) -> None:
    reception = Reception()
    for offset in (0, 1, 3, 4, 6, 7, 8, 9):
        reception.packet((start + offset) & 0xFFFF, offset * 3600, offset * 0.04)
    assert (reception.expected, reception.received, reception.lost) == (10, 8, 2)
    block = reception.report_block(5)
    assert (block.ssrc, block.fraction_lost, block.cumulative_lost) == (5, 51, 2)
    assert block.highest_sequence == start + 9
    reception.packet((start + 2) & 0xFFFF, 7200, 0.5)
    assert reception.lost == 1


def test_the_fraction_covers_one_interval() -> None:
    reception = Reception()
    for sequence in range(10):
        reception.packet(sequence, 0, 0)
    assert reception.report_block(1).fraction_lost == 0
    for sequence in range(15, 20):
        reception.packet(sequence, 0, 0)
    assert reception.report_block(1).fraction_lost == 128
    reception.packet(19, 0, 0)
    assert reception.report_block(1).fraction_lost == 0


def test_jitter_is_smoothed_over_sixteen_packets() -> None:
    reception = Reception()
    reception.packet(0, 0, 0.0)
    reception.packet(1, 3600, 0.04)
    assert reception.jitter == 0
    reception.packet(2, 7200, 0.08 + 0.016)
    assert reception.jitter == 90
    reception.packet(3, 2**31, 0.12)
    assert reception.jitter == 90


def test_a_restart_of_the_numbering_begins_a_new_count() -> None:
    reception = Reception()
    reception.packet(10, 0, 0)
    reception.packet(40000, 0, 0)
    reception.packet(40001, 0, 0)
    assert (reception.expected, reception.lost) == (2, 0)
