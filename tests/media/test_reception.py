from __future__ import annotations

from media.reception import Reception
from media.rtcp import ReportBlock


def test_a_block_carries_loss_sequence_and_the_last_sender_report() -> None:
    block = Reception().report_block(5, expected=10, received=8, highest=65544, last_sr=7, delay_since_last_sr=9)
    assert block == ReportBlock(5, 51, 2, 65544, 0, 7, 9)


def test_the_fraction_covers_one_interval() -> None:
    reception = Reception()
    assert reception.report_block(1, expected=10, received=10, highest=10).fraction_lost == 0
    assert reception.report_block(1, expected=20, received=15, highest=20).fraction_lost == 128
    assert reception.report_block(1, expected=20, received=16, highest=20).fraction_lost == 0
    assert reception.report_block(1, expected=20, received=16, highest=20).fraction_lost == 0


def test_a_late_packet_takes_a_loss_back() -> None:
    reception = Reception()
    assert reception.report_block(1, expected=10, received=8, highest=10).cumulative_lost == 2
    assert reception.report_block(1, expected=10, received=10, highest=10).cumulative_lost == 0


def test_a_block_in_which_everything_was_lost_is_not_more_than_all() -> None:
    reception = Reception()
    reception.report_block(1, expected=10, received=10, highest=10)
    assert reception.report_block(1, expected=20, received=10, highest=20).fraction_lost == 255


def test_jitter_is_smoothed_over_sixteen_frames() -> None:
    reception = Reception()
    reception.arrived(0, 0.0)
    reception.arrived(3600, 0.04)
    assert reception.jitter == 0
    reception.arrived(7200, 0.08 + 0.016)
    assert reception.jitter == 90
    reception.arrived(2**31, 0.12)
    assert reception.jitter == 90


def test_a_restart_of_the_timestamps_is_no_jitter() -> None:
    reception = Reception()
    reception.arrived(0, 0.0)
    reception.restarted()
    reception.arrived(100_000, 0.04)
    assert reception.jitter == 0
    assert reception.report_block(1, expected=1, received=1, highest=1).jitter == 0
