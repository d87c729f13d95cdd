"""From packets with the camera's times to access units on one clock."""

from __future__ import annotations

from fractions import Fraction

import pytest

from media.worker.pull_failure import PullEnded
from media.worker.pull_units import (
    FRAME_TICKS,
    JUMP_TICKS,
    TrackOffer,
    Tracks,
    UnitClock,
    UnitMaker,
    audio_config,
    choose,
    starts_with_key,
)

SPS, PPS = bytes.fromhex("0000000167428014da01400000"), bytes.fromhex("0000000168ce3c80")
IDR, SLICE = bytes.fromhex("0000000165888421a0"), bytes.fromhex("00000001419a2211c0")
AUD = bytes.fromhex("0000000109f0")
V90K, A8K = Fraction(1, 90_000), Fraction(1, 8_000)
VIDEO = TrackOffer(0, "video", "h264", V90K)
ALAW = TrackOffer(1, "audio", "pcm_alaw", A8K)
LC_16K_MONO = bytes.fromhex("1408")


def maker(*offers: TrackOffer, clock: UnitClock | None = None) -> UnitMaker:
    return UnitMaker(choose(list(offers)), clock or UnitClock())


def test_the_first_video_and_the_first_sound_we_carry_are_taken() -> None:
    metadata = TrackOffer(0, "data", "none", V90K)
    jpeg, second = TrackOffer(1, "video", "mjpeg", V90K), TrackOffer(2, "video", "hevc", V90K)
    g726, ulaw = TrackOffer(3, "audio", "adpcm_g726", A8K), TrackOffer(4, "audio", "pcm_mulaw", A8K)
    tracks = choose([metadata, jpeg, second, g726, ulaw])
    assert (tracks.video, tracks.video_codec, tracks.audio, tracks.audio_codec) == (second, "H265", ulaw, "PCMU")
    alone = choose([second, g726])
    assert alone.audio is None and alone.audio_codec is None


def test_without_video_or_in_a_codec_we_do_not_carry_there_is_no_stream() -> None:
    with pytest.raises(PullEnded) as ended:
        choose([ALAW])
    assert ended.value.reason == "no_video"
    with pytest.raises(PullEnded) as ended:
        choose([TrackOffer(0, "video", "mjpeg", V90K), TrackOffer(1, "video", "vp8", V90K)])
    assert (ended.value.reason, ended.value.detail) == ("codec_not_carried", "mjpeg vp8")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("1408", (16000, 1, 2)),
        ("1190", (48000, 2, 2)),
        ("2b118808", (24000, 2, 2)),  # HE-AAC at 48 kHz: AAC-LC at half the rate below
        ("", None),
        ("14", None),
        ("1700", None),  # a rate that is written out
        ("1400", None),  # channels in a program element
        ("f808", None),  # an object type ADTS cannot say
    ],
)
def test_an_audio_specific_config_is_read(config: str, said: tuple[int, int, int] | None) -> None:
    assert audio_config(bytes.fromhex(config)) == said


def test_aac_whose_config_is_unknown_is_left_out() -> None:
    aac = TrackOffer(1, "audio", "aac", Fraction(1, 16_000))
    assert choose([VIDEO, aac]).audio is None
    assert choose([VIDEO, aac, ALAW]).audio == ALAW


def test_parameter_sets_of_the_description_are_taken_as_a_byte_stream_only() -> None:
    def sets(extradata: bytes) -> bytes:
        return Tracks(TrackOffer(0, "video", "h264", V90K, extradata), None).parameter_sets

    assert sets(SPS + PPS) == SPS + PPS and sets(SPS[1:]) == SPS[1:]
    assert sets(bytes.fromhex("0142801effe1000967")) == b"" and sets(b"") == b""


def test_a_key_frame_is_told_by_its_first_slice() -> None:
    assert starts_with_key("H264", AUD + SPS + PPS + IDR)
    assert not starts_with_key("H264", AUD + SLICE + IDR) and not starts_with_key("H264", SPS + PPS)
    assert starts_with_key("H265", bytes.fromhex("00000001260180"))
    assert not starts_with_key("H265", bytes.fromhex("00000001020180"))


def test_units_begin_with_a_key_frame_and_carry_the_cameras_times() -> None:
    units = maker(VIDEO, ALAW)
    assert units.video(0, 0, SLICE) is None and units.audio(0, b"\xd5" * 160) is None
    key = units.video(9_000, 9_000, SPS + PPS + IDR)
    assert key is not None and key.key and (key.codec, key.track, key.pts, key.dts) == ("H264", "video", 0, 0)
    unit = units.video(12_600, 12_600, SLICE)
    assert unit is not None and not unit.key and (unit.pts, unit.dts) == (3600, 3600)
    sound = units.audio(1_120, b"\xd5" * 160)  # 12,600 ticks of the picture's clock
    assert sound is not None and (sound.codec, sound.pts, sound.track) == ("PCMA", 3600, "audio")
    assert units.video(16_200, 16_200, b"") is None
    assert units.skipped == 3


def test_a_picture_shown_later_than_it_is_decoded_keeps_the_distance() -> None:
    units = maker(VIDEO)
    key = units.video(7_200, 0, IDR)
    assert key is not None and (key.pts, key.dts) == (7_200, 0)
    late = units.video(3_600, 5_000, SLICE)  # decoded after it is shown: nonsense, put right
    assert late is not None and late.pts == late.dts == 3_600


def test_a_packet_without_a_time_comes_a_frame_after_the_one_before() -> None:
    units = maker(VIDEO)
    times = [units.video(pts, pts, IDR) for pts in (None, None, 9_000, None)]
    assert [unit.dts for unit in times if unit] == [0, FRAME_TICKS, 9_000, 9_000 + FRAME_TICKS]
    only = maker(VIDEO).video(None, 90, IDR)
    assert only is not None and only.pts == only.dts == 0


def test_the_clock_runs_on_over_jumps_and_new_beginnings() -> None:
    clock = UnitClock()
    first = maker(VIDEO, ALAW, clock=clock)
    for pts in (900_000, 903_600):
        assert first.video(pts, pts, IDR) is not None
    jumped = first.video(903_600 + JUMP_TICKS + 1, None, SLICE)
    assert jumped is not None and jumped.dts == 2 * FRAME_TICKS
    back = first.video(5, None, SLICE)
    assert back is not None and back.dts == 3 * FRAME_TICKS
    again = maker(VIDEO, ALAW, clock=clock)
    assert again.audio(0, b"\xd5" * 160) is None
    unit = again.video(77, 77, IDR)
    assert unit is not None and unit.dts == 4 * FRAME_TICKS
    assert again.audio(80_000 * 8, b"\xd5" * 160) is None, "far away from the picture"


def test_small_steps_back_are_the_cameras_own() -> None:
    units = maker(VIDEO)
    times = [units.video(pts, pts, IDR) for pts in (9_000, 18_000, 17_990)]
    assert [unit.dts for unit in times if unit] == [0, 9_000, 8_990]


def test_raw_aac_gets_its_header_and_adts_keeps_it() -> None:
    units = maker(VIDEO, TrackOffer(1, "audio", "aac", Fraction(1, 16_000), LC_16K_MONO))
    units.video(0, 0, IDR)
    raw = units.audio(1_024, b"\x01\x40\x22")
    # ISO/IEC 13818-7 6.2: AAC-LC, 16 kHz, mono, 10 bytes, without CRC.
    assert raw is not None and raw.data == bytes.fromhex("fff16040015ffc014022") and raw.pts == 5_760
    framed = units.audio(2_048, raw.data)
    assert framed is not None and framed.data == raw.data


def test_sound_without_a_track_or_a_time_is_left_out() -> None:
    silent = maker(VIDEO)
    silent.video(0, 0, IDR)
    assert silent.audio(0, b"\xd5") is None
    units = maker(VIDEO, ALAW)
    units.video(0, 0, IDR)
    assert units.audio(None, b"\xd5") is None and units.audio(0, b"") is None
    assert (silent.skipped, units.skipped) == (1, 2)
