from __future__ import annotations

import pytest

from media.errors import LocalError
from media.es.aac import build_adts, parse_adts
from media.mp4.audio_track import audio_track

ADTS = build_adts(b"\x21" * 30, rate=8000)


def test_no_audio_no_track() -> None:
    assert audio_track(None, None) is None


@pytest.mark.parametrize("audio", ["AAC", "G729", "SVACA"])
def test_audio_that_cannot_be_written_is_our_fault(audio: str) -> None:
    with pytest.raises(LocalError):
        audio_track(audio, None)


def test_aac_frames_follow_each_other_in_samples() -> None:
    track = audio_track("AAC", parse_adts(ADTS))
    assert track is not None
    assert track.take() is None
    track.write(ADTS * 2, 90000, 90000)
    track.keep_pace(10**6)
    run = track.take()
    assert run is not None
    assert (run.time, [s.data for s in run.samples], run.samples[0].duration) == (8000, [b"\x21" * 30] * 2, 1024)
    track.write(ADTS, 90000 + 2 * 11520 + 300, 113000)
    run = track.take()
    assert run is not None
    assert run.time == 8000 + 2048
    track.write(ADTS, 90000 + 10 * 11520, 200000)
    run = track.take()
    assert run is not None
    assert run.time == 18240


def test_frames_before_the_start_far_away_or_of_another_rate_are_left_out() -> None:
    track = audio_track("AAC", parse_adts(ADTS))
    assert track is not None
    track.write(ADTS, -1, 0)
    track.write(ADTS, 10**8, 0)
    track.write(build_adts(b"\x21" * 30, rate=16000), 0, 0)
    assert track.take() is None


def test_g711_counts_samples_and_fills_holes_with_silence() -> None:
    track = audio_track("PCMA", None)
    assert track is not None
    total = 0
    for time in (0, 1800, 3600, 90000, 91800):
        track.write(b"\xd5" * 160, time, time)
    run = track.take()
    assert run is not None
    total += len(run.samples)
    assert run.time == 0
    assert total == pytest.approx((93600 / 90000 * 16000) / 1024, abs=3)
    track.write(b"\xd5" * 160, 1800, 91800)
    track.write(b"\xd5" * 160, -5, 91800)
    track.keep_pace(150000)
    assert track.take() is None
    track.keep_pace(300000)
    following = track.take()
    assert following is not None
    assert following.time == total * 1024
