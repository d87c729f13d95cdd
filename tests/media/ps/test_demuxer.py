"""Program streams as the standard and as the field write them; every tolerance with its vector and its switch.

Bytes are composed by hand. Streams of real encoders are compared unit by unit with what went in.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.es.aac import build_adts
from media.ps.demuxer import PsDemuxer, PsLimits
from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.ps.tolerance import LENIENT, STRICT, PsTolerance
from media.rtp import RtpPacket
from media.unit import AccessUnit

GOLDEN_KEY = bytes.fromhex(
    "000001ba 663456cbcc01 005f6b f8 000001bb 000c 80ccf5 04217f e0e190 c0c020"
    "000001bc 0012 e1ff 0000 0008 1be00000 90c00000 b9287f16 000001e0 0043 848005 298d15cf13"
    "000000016742c00ada109b011000000300100000030320f1226a 0000000168ce0fc8"
    "0000016588843a2628000902c9c9c9d75d75d75d75d75d75e0"
    "000001c0 0010 808005 298d15cf13 d5d5d5d5d5d5d5d5"
)
GOLDEN_P = bytes.fromhex("000001ba 6634573c4c01 005f6bf8 000001e0 0012 808005 298d15eb33 00000001419a203a8230")


def demux(pieces: list[bytes], demuxer: PsDemuxer | None = None, **options: object) -> list[AccessUnit]:
    """Plain bytes."""
    demuxer = demuxer or PsDemuxer(**options)
    return [u for piece in pieces for u in demuxer.feed(piece)] + demuxer.flush()


def over_rtp(
    frames: list[bytes], *, step: int = 3600, size: int = 1388, demuxer: PsDemuxer | None = None, **options: object
) -> list[AccessUnit]:
    """Each frame with a timestamp of its own, cut into payloads, marker on the last."""
    demuxer = demuxer or PsDemuxer(**options)
    units = []
    for index, data in enumerate(frames):
        parts = [data[i : i + size] for i in range(0, len(data), size)]
        for number, part in enumerate(parts):
            units += demuxer.feed(part, timestamp=(index + 1) * step, marker=number == len(parts) - 1)
    return units + demuxer.flush()


def video(units: list[AccessUnit]) -> list[AccessUnit]:
    return [u for u in units if u.track == "video"]


def off(name: str) -> PsTolerance:
    return replace(LENIENT, **{name: False})


# --- the standard ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_the_worked_example(size: int) -> None:
    data = GOLDEN_KEY + GOLDEN_P
    units = demux([data[i : i + size] for i in range(0, len(data), size)])
    assert [(u.track, u.codec, u.pts, u.dts, u.key) for u in sorted(units, key=lambda u: (u.pts, u.track))] == [
        ("audio", "PCMA", 4886718345, 4886718345, True),
        ("video", "H264", 4886718345, 4886718345, True),
        ("video", "H264", 4886721945, 4886721945, False),
    ]
    key, p = video(units)
    assert key.data == GOLDEN_KEY[70:129]
    assert p.data == bytes.fromhex("00000001419a203a8230")
    assert all(u.repaired == () and not u.damaged and not u.discontinuity for u in units)


def test_the_strict_reader_reads_the_standard_too() -> None:
    assert [u.pts for u in video(demux([GOLDEN_KEY, GOLDEN_P], tolerance=STRICT))] == [4886718345, 4886721945]


def test_decoding_time(kit) -> None:
    units = demux([kit.key(), kit.PACK + kit.pes(kit.P, 14400, dts=7200)])
    assert [(u.pts, u.dts) for u in units] == [(3600, 3600), (14400, 7200)]


def test_mpeg1_pack_directory_program_end_and_private_streams_are_passed_over(kit) -> None:
    mpeg1 = b"\x00\x00\x01\xba\x21\x00\x01\x00\x01\x80\x00\x01"
    other = b"".join(
        b"\x00\x00\x01" + bytes((code,)) + b"\x00\x04\x00\x00\x01\xe0" for code in (0xBD, 0xBE, 0xBF, 0xF0, 0xFF)
    )
    units = demux([mpeg1 + other + kit.key() + b"\x00\x00\x01\xb9" + kit.frame()])
    assert [u.data for u in units] == [kit.SPS + kit.PPS + kit.IDR, kit.P]


def test_a_frame_over_64_kilobytes_continued_without_a_new_pack(kit) -> None:
    slice_ = kit.P[:7] + bytes(random.Random(1).choices(range(1, 256), k=200000))
    parts = [slice_[:65527], slice_[65527:131059], slice_[131059:196591], slice_[196591:]]
    data = kit.PACK + kit.pes(parts[0], 7200) + b"".join(kit.pes(part, None) for part in parts[1:])
    for units in (demux([kit.key(), data]), over_rtp([kit.key(), data, kit.frame(10800)])):
        assert units[1].data == slice_
        assert units[1].repaired == ()


# --- deviations P1 to P21 -------------------------------------------------------------------------------------------


def test_p1_without_a_map_the_bitstream_tells_the_codec(kit) -> None:
    packs = [kit.PACK + kit.pes(kit.SPS + kit.PPS + kit.IDR) + kit.audio(b"\xd5" * 320), kit.frame()]
    units = demux(packs)
    assert sorted(u.codec for u in units) == ["H264", "H264", "PCMA"]
    units = demux([kit.PACK + kit.pes(kit.VPS5 + kit.SPS5 + kit.PPS5 + kit.IDR5), kit.frame(7200, kit.P5)])
    assert [(u.codec, u.key) for u in units] == [("H265", True), ("H265", False)]
    demuxer = PsDemuxer(tolerance=off("guess_codec"))
    assert demux(packs, demuxer) == []
    assert demuxer.counters.dropped > 0


def test_p1_frames_before_the_first_parameter_sets_are_dropped(kit) -> None:
    units = demux([kit.frame(0), kit.frame(3600), kit.PACK + kit.pes(kit.SPS + kit.PPS + kit.IDR, 7200)])
    assert [(u.pts, u.key, u.data, u.discontinuity) for u in units] == [(7200, True, kit.SPS + kit.PPS + kit.IDR, True)]


def test_p1_audio_that_is_no_g711_is_not_guessed(kit) -> None:
    assert demux([kit.PACK + kit.audio(b"\x11" * 33)]) == []


def test_p2_parameter_sets_overrule_the_map(kit) -> None:
    packs = [
        kit.key(3600, kit.VPS5 + kit.SPS5 + kit.PPS5 + kit.IDR5),
        kit.frame(7200, kit.P5),
        kit.key(10800, kit.IDR5),
    ]
    units = demux(packs)
    assert [u.codec for u in units] == ["H265"] * 3
    assert [u.key for u in units] == [True, False, True]
    assert {u.codec for u in demux(packs, tolerance=off("bitstream_over_map"))} <= {"H264"}


def test_p2_adts_overrules_g711(kit) -> None:
    adts = build_adts(b"\x21" * 50, rate=8000) + build_adts(b"\x22" * 40, rate=8000)
    packs = [kit.key(), kit.PACK + kit.audio(adts)]
    assert [u.codec for u in demux(packs) if u.track == "audio"] == ["AAC"]
    strict = demux(packs, tolerance=off("bitstream_over_map"))
    assert [u.codec for u in strict if u.track == "audio"] == ["PCMA"]


@pytest.mark.parametrize(
    "psm",
    [
        "000001bc0012e1ff0000000824e000000fc0000000000000",
        "000001bc0012e1ff0000ffff24e000000fc0000012345678",
        "000001bc001ce1ff0006 400448 4b0100 000c 24e00004 42020a0b 0fc00000 00000000",
    ],
    ids=["CRC zero", "entry map too long", "vendor descriptors"],
)
def test_p3_a_careless_map_is_read(kit, psm: str) -> None:
    adts = build_adts(b"\x21" * 50, rate=8000)
    pack = kit.key(3600, kit.VPS5 + kit.SPS5 + kit.PPS5 + kit.IDR5, bytes.fromhex(psm)) + kit.audio(adts)
    assert sorted(u.codec for u in demux([pack])) == ["AAC", "H265"]
    only_map = replace(STRICT, careless_map=True)
    assert sorted(u.codec for u in demux([pack], tolerance=only_map)) == ["AAC", "H265"]
    assert demux([pack], tolerance=STRICT) == []


def test_p3_a_map_longer_than_allowed_is_a_loss_of_structure(kit) -> None:
    demuxer = PsDemuxer()
    units = demux([kit.PACK + b"\x00\x00\x01\xbc\x80\x00" + bytes(100), kit.key()], demuxer)
    assert len(units) == 1
    assert demuxer.counters.resyncs == 1


def test_p4_length_zero_runs_to_the_next_structure(kit) -> None:
    packs = [
        kit.PACK
        + kit.SYSTEM
        + kit.PSM
        + kit.pes(kit.SPS + kit.PPS + kit.IDR, 3600, length=0)
        + kit.audio(b"\xd5" * 160),
        kit.PACK + kit.pes(kit.P, 7200, length=0),
        kit.PACK + kit.pes(kit.P2, 10800, length=0),
    ]
    for size in (1, 5, 17, 1000):
        data = b"".join(packs)
        units = demux([data[i : i + size] for i in range(0, len(data), size)])
        assert [u.data for u in video(units)] == [kit.SPS + kit.PPS + kit.IDR, kit.P, kit.P2]
        assert [u.pts for u in video(units)] == [3600, 7200, 10800]
        assert [len(u.data) for u in units if u.track == "audio"] == [160]
    assert [u.data for u in video(over_rtp(packs, size=31))] == [kit.SPS + kit.PPS + kit.IDR, kit.P, kit.P2]
    assert video(demux(packs, tolerance=off("wrong_pes_length"))) == []


def test_p4_saturated_length_goes_on_until_the_next_structure(kit) -> None:
    slice_ = kit.P[:7] + bytes(random.Random(2).choices(range(1, 256), k=100000))
    data = kit.PACK + kit.pes(slice_, 7200, length=0xFFFF)
    for units in (demux([kit.key(), data, kit.frame(10800)]), over_rtp([kit.key(), data, kit.frame(10800)])):
        assert [u.data for u in units] == [kit.SPS + kit.PPS + kit.IDR, slice_, kit.P]
        assert units[1].repaired == ("wrong_pes_length",)


def test_p4_too_short_length(kit) -> None:
    data = kit.PACK + kit.pes(kit.P, 7200, length=20)
    for units in (
        demux([kit.key(), data, kit.frame(10800, kit.P2)]),
        over_rtp([kit.key(), data, kit.frame(10800, kit.P2)]),
    ):
        assert [u.data for u in units] == [kit.SPS + kit.PPS + kit.IDR, kit.P, kit.P2]
        assert units[1].repaired == ("wrong_pes_length",)
    units = demux([kit.key(), data, kit.frame(10800, kit.P2)], tolerance=off("wrong_pes_length"))
    assert [u.damaged for u in units] == [False, True, False]


def test_p4_too_short_by_a_few_bytes_at_the_end_of_the_frame(kit) -> None:
    data = kit.PACK + kit.pes(kit.P, 7200, length=len(kit.P) + 8 - 3)
    units = over_rtp([kit.key(), data, kit.frame(10800, kit.P2)])
    assert [u.data for u in units] == [kit.SPS + kit.PPS + kit.IDR, kit.P, kit.P2]


def test_p4_too_long_length(kit) -> None:
    data = kit.PACK + kit.pes(kit.P, 7200, length=200)
    units = over_rtp([kit.key(), data, kit.frame(10800, kit.P2)])
    assert [(u.data, u.damaged) for u in units] == [
        (kit.SPS + kit.PPS + kit.IDR, False), (kit.P, False), (kit.P2, False)
    ]  # fmt: skip
    assert units[1].repaired == ("wrong_pes_length",)
    units = over_rtp([kit.key(), data, kit.frame(10800, kit.P2)], tolerance=off("wrong_pes_length"))
    assert [u.damaged for u in units] == [False, True, False]


def test_p5_header_length_at_offset_seven(kit) -> None:
    body = b"\x80\x05" + kit.stamp(7200) + kit.P
    data = kit.PACK + b"\x00\x00\x01\xe0" + len(body).to_bytes(2, "big") + body
    units = demux([kit.key(), data])
    assert [(u.data, u.pts) for u in units] == [(kit.SPS + kit.PPS + kit.IDR, 3600), (kit.P, 7200)]
    bare = b"\x80\x03\xff\xff\xff" + kit.P
    data = kit.PACK + b"\x00\x00\x01\xe0" + len(bare).to_bytes(2, "big") + bare
    assert demux([kit.key(), data])[1].data == kit.P
    assert [u.data for u in demux([kit.key(), data], tolerance=off("shifted_pes_header"))] != [
        kit.SPS + kit.PPS + kit.IDR, kit.P
    ]  # fmt: skip


def test_p6_header_longer_than_its_packet_costs_only_that_packet(kit) -> None:
    bad = b"\x00\x00\x01\xe0\x00\x08\x80\x80\x40" + bytes(5)
    bad_audio = b"\x00\x00\x01\xc0\x00\x08\x80\x80\x40" + bytes(5)
    packs = [kit.key(), kit.PACK + bad + bad_audio + kit.pes(kit.P, 7200), kit.frame(10800)]
    assert [u.data for u in demux(packs)] == [kit.SPS + kit.PPS + kit.IDR, kit.P, kit.P]
    demuxer = PsDemuxer(tolerance=off("overlong_pes_header"))
    demux(packs, demuxer)
    assert demuxer.counters.resyncs > 0


def test_p7_stuffing_in_pack_and_pes_headers(kit) -> None:
    pack = kit.PACK[:-1] + b"\xfe\xff\xff\x00\x00\x01\xe0"
    body = b"\x88\x80\x08" + kit.stamp(7200) + b"\xff\xfd\xfc" + kit.P
    data = pack + b"\x00\x00\x01\xe0" + len(body).to_bytes(2, "big") + body
    assert [(u.data, u.pts) for u in demux([kit.key(), data])][1] == (kit.P, 7200)


def test_p8_bare_pack_start_code(kit) -> None:
    data = b"\x00\x00\x01\xba" + kit.pes(kit.P, 7200)
    demuxer = PsDemuxer()
    assert [u.data for u in demux([kit.key(), data], demuxer)] == [kit.SPS + kit.PPS + kit.IDR, kit.P]
    assert demuxer.counters.tolerated["bare_pack_start"] == 1
    demuxer = PsDemuxer(tolerance=off("bare_pack_start"))
    demux([kit.key(), data], demuxer)
    assert demuxer.counters.resyncs == 1


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_p9_private_packets_and_stray_bytes_before_the_next_pack(kit, size: int) -> None:
    private = b"\x00\x00\x01\xbd\x00\x0a" + b"HK\x00\x00\x01\xba\x00\x00\x01\xe0" + b"\x00\x00\x01\xbf\x00\x02\x00\x00"
    data = kit.key() + private + b"\x00\x00\x00\x01" + kit.frame() + b"\x00\x00\x00\x01" + kit.frame(10800, kit.P2)
    demuxer = PsDemuxer()
    units = demux([data[i : i + size] for i in range(0, len(data), size)], demuxer)
    assert [u.data for u in units] == [kit.SPS + kit.PPS + kit.IDR, kit.P, kit.P2]
    assert [u.repaired for u in units] == [(), (), ()]
    assert demuxer.counters.tolerated["stray_bytes"] == 2
    assert demuxer.counters.resyncs == 0


def test_p9_stray_bytes_in_rtp(kit) -> None:
    stray = b"\x00\x00\x00\x01"
    for frames in ([kit.key(), stray + kit.frame()], [kit.key() + stray, kit.frame()]):
        units = over_rtp(frames)
        assert [(u.data, u.damaged, u.repaired) for u in units] == [
            (kit.SPS + kit.PPS + kit.IDR, False, ()), (kit.P, False, ())
        ]  # fmt: skip
    demuxer = PsDemuxer(tolerance=replace(off("stray_bytes"), wrong_pes_length=False))
    over_rtp([kit.key(), stray + kit.frame()], demuxer=demuxer)
    assert demuxer.counters.resyncs == 1


def test_p10_one_pes_for_each_nal_unit(kit) -> None:
    parts = [kit.PACK + kit.SYSTEM + kit.PSM, kit.pes(kit.SPS), kit.pes(kit.PPS, None), kit.pes(kit.IDR, None)]
    for units in (demux([*parts, kit.frame()]), over_rtp([b"".join(parts), kit.frame()])):
        assert [(u.data, u.pts, u.key) for u in units] == [
            (kit.SPS + kit.PPS + kit.IDR, 3600, True), (kit.P, 7200, False)
        ]  # fmt: skip


def test_p11_time_stamps_wrap(kit) -> None:
    times = [8589932482 - 3600, 8589932482, 1490, 5090]
    units = demux([kit.key(times[0]), *(kit.frame(t) for t in times[1:])])
    assert [u.pts for u in units] == [8589928882, 8589932482, 8589936082, 8589939682]
    assert all(u.repaired == () for u in units)


def test_p12_no_or_standing_time_stamps_are_replaced_by_rtp_time(kit) -> None:
    for pts in (None, 0):
        packs = [kit.key(pts), *(kit.frame(pts) for _ in range(4))]
        units = over_rtp(packs, step=3000)
        assert [u.pts - units[0].pts for u in units] == [0, 3000, 6000, 9000, 12000]
        assert units[-1].repaired == ("wrong_clock",)
        units = demux(packs)
        assert [u.pts - units[0].pts for u in units] == [0, 3600, 7200, 10800, 14400]
    assert len({u.pts for u in over_rtp([kit.key(0), *(kit.frame(0) for _ in range(4))], tolerance=STRICT)}) == 1


def test_p12_without_pes_time_the_first_frame_has_rtp_time(kit) -> None:
    assert [u.pts for u in over_rtp([kit.key(None), kit.frame(None)], step=90000)] == [90000, 180000]


@pytest.mark.parametrize(("unit", "step"), [("milliseconds", 40), ("8 kHz", 320)])
@pytest.mark.parametrize("rtp", [True, False])
def test_p12_time_stamps_in_another_unit_are_found_out(kit, unit: str, step: int, rtp: bool) -> None:
    packs = [kit.key(0), *(kit.frame(i * step) for i in range(1, 60))]
    units = over_rtp(packs) if rtp else demux(packs)
    steps = [b.pts - a.pts for a, b in zip(units, units[1:], strict=False)]
    assert steps[:14] == [step] * 14
    assert steps[16:] == [3600] * len(steps[16:])


def test_p12_audio_in_8_khz_ticks_is_counted_by_its_samples(kit) -> None:
    packs = [kit.key(0), *(kit.PACK + kit.audio(b"\xd5" * 160, i * 160) for i in range(50))]
    units = [u for u in demux(packs) if u.track == "audio"]
    steps = [b.pts - a.pts for a, b in zip(units, units[1:], strict=False)]
    assert steps[3:] == [1800] * len(steps[3:])


def test_p12_audio_with_another_origin_is_moved_to_the_video(kit) -> None:
    packs = [
        kit.frame(90000 + i * 3600) + kit.audio(b"\xd5" * 320, 5_000_000_000 + i * 3600) if i else kit.key(90000)
        for i in range(10)
    ]
    units = demux(packs)
    sound = [u.pts for u in units if u.track == "audio"]
    assert abs(sound[0] - 90000) <= 3600
    assert [b - a for a, b in zip(sound, sound[1:], strict=False)] == [3600] * 8
    apart = [u.pts for u in demux(packs, tolerance=off("separate_clocks")) if u.track == "audio"]
    assert apart[0] == 5_000_003_600


def test_p13_decoding_time_after_presentation_time_is_clamped(kit) -> None:
    packs = [kit.key(3600), kit.PACK + kit.pes(kit.P, 7200, dts=9000), kit.PACK + kit.pes(kit.P2, 7100)]
    assert [(u.pts, u.dts) for u in demux(packs)] == [(3600, 3600), (7200, 7200), (7201, 7201)]
    assert [(u.pts, u.dts) for u in demux(packs, tolerance=off("clamp_dts"))] == [
        (3600, 3600), (7200, 9000), (7100, 7100)
    ]  # fmt: skip


def test_p14_parameter_sets_in_a_pack_of_their_own_join_the_next_picture(kit) -> None:
    for pts in (3600, 3599, None):
        packs = [
            kit.key(pts, kit.SPS),
            kit.PACK + kit.pes(kit.PPS, pts),
            kit.PACK + kit.pes(kit.IDR, 3600),
            kit.frame(),
        ]
        for units in (demux(packs), over_rtp(packs)):
            assert [(u.data, u.pts) for u in units] == [(kit.SPS + kit.PPS + kit.IDR, 3600), (kit.P, 7200)]
            assert units[0].repaired == ()


def test_p14_parameter_sets_sent_once_are_put_before_later_key_frames(kit) -> None:
    packs = [kit.key(), kit.frame(), kit.PACK + kit.pes(kit.IDR, 10800), kit.PACK + kit.pes(kit.PPS + kit.IDR, 14400)]
    units = demux(packs)
    assert [u.data for u in units if u.key] == [kit.SPS + kit.PPS + kit.IDR] * 3
    assert [u.repaired for u in units] == [(), (), ("insert_parameter_sets",), ("insert_parameter_sets",)]
    assert [u.data for u in demux(packs, tolerance=off("insert_parameter_sets"))][2] == kit.IDR


def test_p14_parameter_sets_before_every_p_frame_are_no_key_frames(kit) -> None:
    packs = [kit.key(), *(kit.key(7200 + i * 3600, kit.SPS + kit.PPS + kit.P) for i in range(3))]
    assert [u.key for u in demux(packs)] == [True, False, False, False]


def test_p15_delimiters_in_odd_places_do_not_tear_a_picture(kit) -> None:
    aud, sei = bytes.fromhex("00000001" + "0930"), bytes.fromhex("00000001" + "0605" + "0411223344" + "80")
    picture = aud + sei * 30 + kit.P + sei * 20 + aud + kit.SLICE_2 + sei
    units = demux([kit.key(), kit.frame(7200, picture), kit.frame(10800, aud + kit.P)])
    assert [u.data for u in units] == [kit.SPS + kit.PPS + kit.IDR, picture, aud + kit.P]
    assert [u.pts for u in units] == [3600, 7200, 10800]


def test_p16_a_pack_inside_video_means_loss_and_reading_goes_on_there(kit) -> None:
    lost = (kit.PACK + kit.pes(kit.P * 3, 7200))[:80]
    packs = [kit.key(), lost + kit.frame(10800, kit.P2) + kit.frame(14400)]
    demuxer = PsDemuxer()
    units = demux(packs, demuxer)
    assert [(u.pts, u.damaged) for u in units] == [(3600, False), (7200, True), (10800, False), (14400, False)]
    assert [u.data for u in units[2:]] == [kit.P2, kit.P]
    assert demuxer.counters.tolerated["pack_inside_video"] == 1
    units = demux(packs, tolerance=replace(off("pack_inside_video"), wrong_pes_length=False))
    assert kit.P2 not in [u.data for u in units]


def test_p17_other_stream_ids_are_taken_when_they_come_first(kit) -> None:
    packs = [
        kit.PACK + kit.pes(kit.SPS + kit.PPS + kit.IDR, stream_id=0xE1) + kit.audio(b"\xd5" * 160, stream_id=0xC2),
        kit.PACK + kit.pes(kit.P, 7200, stream_id=0xE1) + kit.pes(kit.SPS + kit.PPS + kit.IDR, 7200, stream_id=0xE2),
        kit.PACK + kit.audio(b"\xd5" * 160, 7200, stream_id=0xC0),
    ]
    units = demux(packs)
    assert [u.data for u in video(units)] == [kit.SPS + kit.PPS + kit.IDR, kit.P]
    assert len([u for u in units if u.track == "audio"]) == 1
    strict = demux(packs, tolerance=off("any_stream_id"))
    assert [u.track for u in strict] == ["audio"]


def test_p17_the_map_of_other_stream_ids(kit) -> None:
    psm = bytes.fromhex("000001bc0012e1ff0000000824e100000fc1000000000000")
    adts = build_adts(b"\x21" * 50, rate=8000)
    data = kit.VPS5 + kit.SPS5 + kit.PPS5 + kit.IDR5
    pack = kit.PACK + psm + kit.pes(data, stream_id=0xE1) + kit.audio(adts, stream_id=0xC1)
    assert sorted(u.codec for u in demux([pack, pack])) == ["AAC", "AAC", "H265", "H265"]


def test_p18_one_picture_over_several_packs(kit) -> None:
    for times in ((7200, 7200, 7200), (7200, None, None), (7200, 7201, 7202)):
        packs = [
            kit.key(),
            kit.frame(times[0], kit.P),
            kit.frame(times[1], kit.SLICE_2),
            kit.frame(times[2], kit.SLICE_2),
        ]
        units = demux([*packs, kit.frame(10800)])
        assert [u.data for u in units] == [kit.SPS + kit.PPS + kit.IDR, kit.P + kit.SLICE_2 * 2, kit.P]
        assert [u.pts for u in units] == [3600, 7200, 10800]


def test_p18_several_pictures_in_one_pack(kit) -> None:
    packs = [kit.key(3600, kit.SPS + kit.PPS + kit.IDR + kit.P), kit.frame(10800, kit.P2 + kit.P), kit.frame(18000)]
    units = demux(packs)
    assert [u.data for u in units] == [kit.SPS + kit.PPS + kit.IDR, kit.P, kit.P2, kit.P, kit.P]
    assert [u.pts for u in units] == [3600, 7200, 10800, 14400, 18000]
    assert [u.data for u in demux(packs, tolerance=off("split_by_nal"))][1] == kit.P2 + kit.P


def test_p18_parameter_sets_behind_a_picture_belong_to_the_next(kit) -> None:
    units = demux([kit.key(), kit.frame(7200, kit.P + kit.SPS + kit.PPS), kit.frame(10800, kit.IDR), kit.frame(14400)])
    assert [(u.data, u.pts) for u in units] == [
        (kit.SPS + kit.PPS + kit.IDR, 3600), (kit.P, 7200), (kit.SPS + kit.PPS + kit.IDR, 10800), (kit.P, 14400)
    ]  # fmt: skip


def test_p19_short_start_codes_and_trailing_zeros_are_kept(kit) -> None:
    picture = kit.P[1:] + bytes(3) + kit.SLICE_2[1:] + b"\x00\x00\x03\x00\x00\x03" + bytes(2)
    units = demux([kit.key(), kit.frame(7200, picture), kit.frame(10800)])
    assert units[1].data == picture
    assert units[1].repaired == ()


def test_p20_audio_long_before_the_first_video(kit) -> None:
    units = demux([*(kit.PACK + kit.audio(b"\xd5" * 160, i * 1800) for i in range(100)), kit.key(180000)])
    assert [u.track for u in units] == ["audio"] * 100 + ["video"]
    assert {u.codec for u in units if u.track == "audio"} == {"PCMA"}


def test_p21_codec_and_size_change_in_the_middle(kit) -> None:
    hevc = kit.VPS5 + kit.SPS5 + kit.PPS5 + kit.IDR5
    demuxer = PsDemuxer()
    packs = [kit.key(), kit.frame(), kit.key(10800, hevc, kit.PSM_H265_AAC), kit.frame(14400, kit.P5), kit.key(18000)]
    units = demux(packs, demuxer)
    assert [u.codec for u in units] == ["H264", "H264", "H265", "H265", "H264"]
    assert [u.key for u in units] == [True, False, True, False, True]
    other = kit.SPS[:6] + b"\xc0\x0b" + kit.SPS[8:]
    units = demux([kit.key(), kit.key(7200, other + kit.PPS + kit.IDR)], demuxer := PsDemuxer())
    assert demuxer.parameter_sets is not None
    assert demuxer.parameter_sets.configuration == 2
    assert units[1].data == other + kit.PPS + kit.IDR


def test_r13_r14_constant_and_running_rtp_timestamps(kit) -> None:
    packs = [kit.key(), *(kit.frame(7200 + i * 3600, kit.P) for i in range(5))]
    for stamps in ([7] * 100, list(range(100))):
        demuxer = PsDemuxer()
        payloads = [pack[i : i + 20] for pack in packs for i in range(0, len(pack), 20)]
        units = [u for p, t in zip(payloads, stamps, strict=False) for u in demuxer.feed(p, timestamp=t)]
        units += demuxer.flush()
        assert [(u.pts, u.damaged, u.repaired) for u in units] == [(3600 + i * 3600, False, ()) for i in range(6)]


def test_audio_in_a_pack_of_its_own_under_the_video_timestamp(kit) -> None:
    demuxer = PsDemuxer()
    units = demuxer.feed(kit.key(), timestamp=1)
    units += demuxer.feed(kit.PACK + kit.audio(b"\xd5" * 160), timestamp=1, marker=True)
    units += demuxer.feed(kit.frame(), timestamp=2, marker=True)
    assert [(u.track, u.pts) for u in units] == [("audio", 3600), ("video", 3600)]


def test_a_chip_header_before_audio_is_removed(kit) -> None:
    raw = b"\x00\x01\x50\x00" + b"\xd5" * 160
    units = demux([kit.key(), kit.PACK + kit.audio(raw)])
    assert [(u.data, u.repaired) for u in units if u.track == "audio"] == [(b"\xd5" * 160, ("chip_audio_header",))]
    units = demux([kit.key(), kit.PACK + kit.audio(raw)], tolerance=off("chip_audio_header"))
    assert [u.data for u in units if u.track == "audio"] == [raw]


# --- latency --------------------------------------------------------------------------------------------------------


def latency(kit, markers: list[bool], parts: int = 1) -> list[int]:
    """For each frame, how many packets after its last one it was handed out."""
    demuxer = PsDemuxer()
    waits = []
    number = 0
    ends: list[int] = []
    for index, marker in enumerate(markers):
        pack = kit.key(0) if index == 0 else kit.frame(index * 3600)
        cuts = [pack[len(pack) * i // parts : len(pack) * (i + 1) // parts] for i in range(parts)]
        for place, piece in enumerate(cuts):
            last = place == parts - 1
            if last:
                ends.append(number)
            units = demuxer.feed(piece, timestamp=index * 3600, marker=marker and last)
            waits += [number - ends[len(waits) + i] for i in range(len(units))]
            number += 1
    return waits


def test_a_proven_marker_hands_the_frame_out_at_once(kit) -> None:
    waits = latency(kit, [True] * 70)
    assert waits[:50] == [1] * 50
    assert waits[52:] == [0] * len(waits[52:])


def test_without_markers_a_frame_waits_for_the_next_packet(kit) -> None:
    assert set(latency(kit, [False] * 70)) == {1}


def test_a_marker_that_lies_loses_its_credit(kit) -> None:
    demuxer = PsDemuxer()
    for index in range(60):
        demuxer.feed(kit.frame(index * 3600) if index else kit.key(0), timestamp=index, marker=True)
    early = demuxer.feed(kit.frame(60 * 3600), timestamp=60, marker=True)
    assert [u.pts for u in early] == [60 * 3600]
    torn = demuxer.feed(kit.pes(kit.SLICE_2, None), timestamp=60, marker=True)
    assert torn == []
    later = demuxer.feed(kit.frame(61 * 3600), timestamp=61, marker=True)
    assert [u.damaged for u in later] == [True]
    assert demuxer.feed(kit.frame(62 * 3600), timestamp=62, marker=True)[0].data == kit.P


def test_a_proven_timestamp_change_ends_the_frame_before_an_audio_pack(kit) -> None:
    demuxer = PsDemuxer()
    for index in range(60):
        demuxer.feed(kit.frame(index * 3600) if index else kit.key(0), timestamp=index * 3600)
    units = demuxer.feed(kit.PACK + kit.audio(b"\xd5" * 160, 59 * 3600 + 100), timestamp=59 * 3600 + 100)
    assert [u.track for u in units] == ["video", "audio"]


def test_video_of_unknown_length_is_handed_out_at_a_proven_marker(kit) -> None:
    demuxer = PsDemuxer()
    units: list[AccessUnit] = []
    for index in range(60):
        data = kit.SPS + kit.PPS + kit.IDR if index == 0 else kit.P
        units = demuxer.feed(kit.PACK + kit.PSM + kit.pes(data, index * 3600, length=0), timestamp=index, marker=True)
    assert [(u.pts, u.data) for u in units] == [(59 * 3600, kit.P)]


# --- loss -----------------------------------------------------------------------------------------------------------


def test_a_gap_inside_a_frame_damages_that_frame_only(kit) -> None:
    demuxer = PsDemuxer()
    long = kit.frame(7200, kit.P[:7] + b"\x3a" * 3000)
    units = demuxer.feed(kit.key(), timestamp=1)
    units += demuxer.feed(long[:1000], timestamp=2)
    units += demuxer.feed(long[2000:], timestamp=2, gap=True)
    units += demuxer.feed(kit.frame(10800), timestamp=3)
    units += demuxer.flush()
    assert [(u.pts, u.damaged) for u in units] == [(3600, False), (7200, True), (10800, False)]
    assert units[1].data == long[28:1000]
    assert demuxer.counters.gaps == 1


def test_a_gap_behind_a_marked_frame_does_not_damage_it(kit) -> None:
    demuxer = PsDemuxer()
    units = demuxer.feed(kit.key(), timestamp=1, marker=True)
    units += demuxer.feed(kit.frame(10800), timestamp=3, gap=True)
    units += demuxer.flush()
    assert [(u.damaged, u.discontinuity) for u in units] == [(False, False), (False, True)]


def test_a_gap_over_a_frame_border_does_not_glue_two_frames(kit) -> None:
    first, second = kit.frame(7200, kit.P), kit.PACK + kit.pes(kit.P, 10800) + kit.pes(kit.SLICE_2, None)
    demuxer = PsDemuxer()
    units = demuxer.feed(kit.key(), timestamp=1)
    units += demuxer.feed(first, timestamp=2)
    units += demuxer.feed(second[len(kit.PACK) + 14 + len(kit.P) :], timestamp=3, gap=True)
    units += demuxer.feed(kit.frame(14400), timestamp=4)
    units += demuxer.flush()
    assert [(u.data, u.damaged) for u in units] == [
        (kit.SPS + kit.PPS + kit.IDR, False), (kit.P, True), (kit.SLICE_2, True), (kit.P, False)
    ]  # fmt: skip


def test_audio_cut_by_a_gap_is_dropped_and_the_next_says_so(kit) -> None:
    demuxer = PsDemuxer()
    sound = kit.PACK + kit.audio(b"\xd5" * 320, 7200)
    demuxer.feed(kit.key(), timestamp=1)
    demuxer.feed(sound[:100], timestamp=2)
    units = demuxer.feed(kit.PACK + kit.audio(b"\xd5" * 160, 9000), timestamp=3, gap=True) + demuxer.flush()
    assert [(len(u.data), u.discontinuity) for u in units if u.track == "audio"] == [(160, True)]


def test_a_unit_beyond_the_limit_is_dropped(kit) -> None:
    huge = kit.PACK + kit.pes(kit.P[:7] + b"\x3a" * 60000, 7200) + kit.pes(b"\x3a" * 60000, None)
    demuxer = PsDemuxer(PsLimits(max_unit=100_000))
    units = demux([kit.key(), huge, kit.pes(b"\x3a" * 100, None), kit.frame(10800)], demuxer)
    assert [(u.pts, u.discontinuity) for u in units] == [(3600, False), (10800, True)]
    assert demuxer.counters.dropped >= 1


def test_garbage_is_skipped_and_memory_stays_bounded(kit) -> None:
    demuxer = PsDemuxer()
    rng = random.Random(3)
    for _ in range(200):
        assert demuxer.feed(bytes(rng.choices(range(2, 256), k=1400)), timestamp=1) == []
    assert len(demuxer._reader._buffer) < 16
    assert [u.pts for u in demux([kit.key()], demuxer)] == [3600]


# --- real encoders, end to end --------------------------------------------------------------------------------------


def packed(units: tuple[AccessUnit, ...], **options: int) -> list[RtpPacket]:
    muxer = PsMuxer(units[0].codec, "PCMA")
    packetizer = RtpPacketizer(1, sequence=65500, **options)
    packets = []
    for unit in units:
        sound = AccessUnit("PCMA", unit.dts, unit.dts, True, b"\xd5" * 320, "audio")
        packets += packetizer.packets(muxer.mux(unit, [sound]), unit.dts)
    return [RtpPacket.parse(p) for p in packets]


def received(packets: list[RtpPacket], expected_first: int | None = None) -> list[AccessUnit]:
    demuxer = PsDemuxer()
    units = []
    expected = expected_first if expected_first is not None else packets[0].sequence
    for p in packets:
        units += demuxer.feed(p.payload, timestamp=p.timestamp, marker=p.marker, gap=p.sequence != expected)
        expected = (p.sequence + 1) & 0xFFFF
    return units + demuxer.flush()


@pytest.mark.parametrize("codec", ["H264", "H265"])
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("slices", [1, 4])
@pytest.mark.parametrize("start", [0, (1 << 32) - 20000, (1 << 33) - 120000])
def test_units_come_out_as_they_went_in(encode, codec: str, b_frames: int, slices: int, start: int) -> None:
    units = tuple(
        replace(u, pts=u.pts + start, dts=u.dts + start) for u in encode(codec, b_frames=b_frames, slices=slices)
    )
    out = received(packed(units))
    assert video(out) == list(units)
    assert len(out) == 2 * len(units)


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_single_bytes_and_random_chunks(encode, codec: str) -> None:
    units = encode(codec, frames=12, gop=5)
    muxer = PsMuxer(codec, "PCMA")
    data = b"".join(muxer.mux(u, [AccessUnit("PCMA", u.dts, u.dts, True, b"\xd5" * 320, "audio")]) for u in units)
    assert video(demux([data[i : i + 1] for i in range(len(data))])) == list(units)
    rng = random.Random(11)
    for _ in range(20):
        pieces, at = [], 0
        while at < len(data):
            step = rng.choice((1, 3, 40, 1000, 9000))
            pieces.append(data[at : at + step])
            at += step
        assert video(demux(pieces)) == list(units)


@pytest.mark.parametrize("codec", ["H264", "H265"])
@pytest.mark.parametrize("told", [True, False], ids=["gap told", "gap not told"])
def test_with_any_single_packet_missing_only_its_frame_suffers(encode, codec: str, told: bool) -> None:
    units = encode(codec, frames=20, gop=5)
    packets = packed(units, max_payload=500)
    stamps = [u.dts & 0xFFFFFFFF for u in units]
    for missing in range(len(packets)):
        rest = packets[:missing] + packets[missing + 1 :]
        if told:
            out = video(received(rest, packets[0].sequence))
        else:
            demuxer = PsDemuxer()
            out = [u for p in rest for u in demuxer.feed(p.payload, timestamp=p.timestamp, marker=p.marker)]
            out = video(out + demuxer.flush())
        hit = stamps.index(packets[missing].timestamp)
        if missing == 0:
            # It had the map and the parameter sets: nothing is known of the stream before the next ones.
            assert [u.data for u in out if not u.damaged][:1] == [units[5].data]
            continue
        intact = [u for i, u in enumerate(units) if i != hit]
        whole = [(u.dts, u.data) for u in out if not u.damaged]
        # Its neighbours come through, all but the one before when the first packet behind it was lost.
        lost = [u for u in intact if (u.dts, u.data) not in whole]
        assert len(lost) <= 1
        assert all(units.index(u) in (hit - 1, hit + 1) for u in lost)
        later = [u for u in units if u.key and units.index(u) > hit]
        assert all((u.dts, u.data) in whole for u in later[:1])
        if told:
            wrong = [u for u in out if not u.damaged and u.data not in {x.data for x in units}]
            assert wrong == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_stream_however_broken_raises_or_grows(data: st.DataObject) -> None:
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    structures = [GOLDEN_KEY, GOLDEN_P, GOLDEN_KEY[14:70], b"\x00\x00\x01\xba", b"\x00\x00\x01\xe0\x00\x00\x80\x80\x05"]
    demuxer = PsDemuxer(PsLimits(max_unit=50_000))
    for _ in range(60):
        piece = bytearray(rng.choice(structures))
        for _ in range(rng.randrange(0, 4)):
            piece[rng.randrange(len(piece))] = rng.randrange(256)
        if rng.random() < 0.3:
            piece = piece[rng.randrange(len(piece)) :]
        demuxer.feed(
            bytes(piece),
            timestamp=rng.choice((None, rng.randrange(2**32))),
            marker=rng.random() < 0.5,
            gap=rng.random() < 0.1,
        )
        assert len(demuxer._reader._buffer) < 70_000
    demuxer.flush()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_arbitrary_bytes(pieces: list[bytes]) -> None:
    demux([GOLDEN_KEY, *pieces, GOLDEN_KEY])


@pytest.mark.parametrize("name", list(PsTolerance.__dataclass_fields__))
def test_every_switch_alone_still_reads_the_standard(name: str) -> None:
    assert len(demux([GOLDEN_KEY, GOLDEN_P], tolerance=off(name))) == 3
