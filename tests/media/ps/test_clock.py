from __future__ import annotations

from collections import Counter

import pytest

from media.ps.clock import AudioClock, VideoClock
from media.ps.tolerance import LENIENT, STRICT


def video(tolerance=LENIENT) -> VideoClock:
    return VideoClock(tolerance, Counter())


def test_honest_times_pass_unchanged_over_the_wrap() -> None:
    clock = video()
    wrap = 1 << 33
    out = [clock.resolve(t % wrap, (t - 3600) % wrap, None) for t in (wrap - 3600, wrap, wrap + 3600)]
    assert out == [(t, t - 3600, False) for t in (wrap - 3600, wrap, wrap + 3600)]


def test_b_frames_step_back_in_presentation_only() -> None:
    clock = video()
    out = [clock.resolve(p, d, None)[:2] for p, d in ((7200, 0), (18000, 3600), (10800, 7200), (14400, 10800))]
    assert out == [(7200, 0), (18000, 3600), (10800, 7200), (14400, 10800)]


def test_a_jump_back_is_followed() -> None:
    clock = video()
    clock.resolve(10**9, None, None)
    assert clock.resolve(3600, None, None) == (3600, 3600, False)


def test_missing_time_goes_on_by_rtp_or_by_the_last_step() -> None:
    clock = video()
    clock.resolve(0, None, 100)
    clock.resolve(3000, None, 3100)
    assert clock.resolve(None, None, 6100) == (6000, 6000, True)
    assert clock.resolve(None, None, 6100) == (9000, 9000, True)
    assert clock.resolve(12000, None, 12100) == (12000, 12000, False)


def test_absurd_decoding_times_are_replaced() -> None:
    clock = video()
    assert clock.resolve(10**8, 0, None)[:2] == (10**8, 10**8)
    assert clock.resolve(10**8 + 3600, 10**8 + 9000, None)[:2] == (10**8 + 3600, 10**8 + 3600)


@pytest.mark.parametrize(("step", "scaled"), [(40, 3600), (66, 5940), (320, 3600)])
def test_small_ticks_are_scaled(step: int, scaled: int) -> None:
    clock = video()
    times = [clock.resolve(i * step, None, None)[0] for i in range(40)]
    assert times[-1] - times[-2] == scaled


def test_small_ticks_with_a_good_rtp_clock_follow_it_in_scale() -> None:
    clock = video()
    times = [clock.resolve(i * 50, None, i * 4500)[0] for i in range(40)]
    assert times[-1] - times[-2] == 4500


def test_a_few_small_steps_prove_nothing() -> None:
    clock = video()
    times = [0]
    for i in range(30):
        times.append(times[-1] + (100 if i % 10 else 3600))
    assert [clock.resolve(t, None, None)[0] for t in times] == times


def test_the_strict_clock_takes_the_sender_at_its_word() -> None:
    clock = video(STRICT)
    assert [clock.resolve(5, 9, None) for _ in range(3)] == [(5, 9, False)] * 3


def audio(tolerance=LENIENT) -> AudioClock:
    return AudioClock(tolerance, Counter())


def test_honest_audio_times_pass_unchanged() -> None:
    clock = audio()
    assert [clock.resolve(t, 1800, None) for t in (0, 1800, 3700, 90000)] == [
        (0, False), (1800, False), (3700, False), (90000, False)
    ]  # fmt: skip


@pytest.mark.parametrize("step", [160, 20])
def test_sample_and_millisecond_ticks_are_counted(step: int) -> None:
    clock = audio()
    times = [clock.resolve(i * step, 1800, None)[0] for i in range(20)]
    assert [b - a for a, b in zip(times[3:], times[4:], strict=False)] == [1800] * 16


def test_missing_and_standing_audio_times_are_counted() -> None:
    clock = audio()
    assert [clock.resolve(None, 1800, 500)[0] for _ in range(3)] == [500, 2300, 4100]
    clock = audio()
    assert [clock.resolve(7, 1800, None)[0] for _ in range(3)] == [7, 1807, 3607]
    clock = audio()
    assert clock.resolve(None, 1800, None) == (0, True)


def test_counted_audio_does_not_run_away_from_the_video() -> None:
    clock = audio()
    clock.resolve(None, 1800, 0)
    assert clock.resolve(None, 1800, 2_000_000)[0] == 2_000_000


def test_another_origin_is_moved_once_and_forgotten_when_it_fits_again() -> None:
    clock = audio()
    assert clock.resolve(10**9, 0, 90000) == (90000, False)
    assert clock.resolve(10**9 + 3600, 0, 90000) == (93600, False)
    assert clock.resolve(97200, 0, 93600) == (97200, False)
