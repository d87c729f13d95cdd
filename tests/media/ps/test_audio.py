from __future__ import annotations

from dataclasses import replace

from media.es.aac import build_adts
from media.ps.audio import AudioTrack
from media.ps.counters import PsCounters
from media.ps.tolerance import LENIENT, PsTolerance
from media.unit import AccessUnit


def units_of(payloads: list[bytes], announced: str | None = None, tolerance: PsTolerance = LENIENT) -> list[AccessUnit]:
    units: list[AccessUnit] = []
    track = AudioTrack(tolerance, PsCounters(), units)
    track.announce(announced)
    for payload in payloads:
        track.add(None, payload, None)
    return units


def test_the_map_names_the_codec() -> None:
    for codec in ("PCMA", "PCMU", "G729", "SVACA", "G7221"):
        assert [u.codec for u in units_of([b"\x11" * 20], codec)] == [codec]


def test_without_a_map_adts_is_aac_and_whole_g711_frames_are_a_law() -> None:
    adts = build_adts(b"\1" * 20, rate=8000)
    assert [u.codec for u in units_of([adts * 2, b"\xd5" * 320, b"\xd5" * 33, b""])] == ["AAC", "PCMA"]
    assert units_of([adts], None, replace(LENIENT, guess_codec=False)) == []


def test_durations_place_units_without_time() -> None:
    adts = build_adts(b"\1" * 20, rate=8000)
    assert [u.pts for u in units_of([adts * 2, adts, adts], "AAC")] == [0, 23040, 34560]
    assert [u.pts for u in units_of([b"\xd5" * 320] * 3, "PCMU")] == [0, 3600, 7200]
    assert [u.pts for u in units_of([b"\1" * 7] * 2, "AAC")] == [0, 0]


def test_aac_under_a_g711_announcement() -> None:
    adts = build_adts(b"\1" * 20, rate=8000)
    assert units_of([adts], "PCMA")[0].codec == "AAC"
    assert units_of([adts], "PCMA", replace(LENIENT, bitstream_over_map=False))[0].codec == "PCMA"


def test_chip_header_and_loss() -> None:
    units: list[AccessUnit] = []
    track = AudioTrack(LENIENT, PsCounters(), units)
    track.announce("PCMA")
    track.loss()
    track.add(100, b"\x00\x01\x50\x00" + b"\xd5" * 160, None)
    track.add(1900, b"\xd5" * 160, None)
    assert [(len(u.data), u.discontinuity, u.repaired) for u in units] == [
        (160, True, ("chip_audio_header",)), (160, False, ())
    ]  # fmt: skip
    assert track.codec == "PCMA"
