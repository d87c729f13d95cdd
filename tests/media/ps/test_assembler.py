"""Pictures joined from PES payloads and cut by NAL rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from media.ps.assembler import VideoAssembler
from media.ps.counters import PsCounters
from media.ps.tolerance import LENIENT, PsTolerance
from media.unit import AccessUnit


class Bench:
    def __init__(self, tolerance: PsTolerance = LENIENT, limit: int = 100_000) -> None:
        self.units: list[AccessUnit] = []
        self.counters = PsCounters()
        self.video = VideoAssembler(tolerance, self.counters, limit, self.units)

    def add(self, data: bytes, pts: int | None = None, *, timestamp: int | None = None) -> Bench:
        self.video.timestamp = timestamp
        with memoryview(data) as view:
            self.video.add(pts, None, view)
        return self

    def out(self) -> list[tuple[int, bytes]]:
        self.video.finish()
        return [(u.pts, u.data) for u in self.units]


def test_payloads_without_time_go_on_with_the_picture(kit) -> None:
    bench = Bench().add(kit.SPS, 0).add(kit.PPS).add(kit.IDR[:20]).add(kit.IDR[20:]).add(kit.P, 3600)
    assert bench.out() == [(0, kit.SPS + kit.PPS + kit.IDR), (3600, kit.P)]
    assert [u.key for u in bench.units] == [True, False]


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_start_code_may_lie_across_payloads(kit, cut: int) -> None:
    data = kit.SPS + kit.PPS + kit.IDR + kit.P + kit.P2
    bench = Bench().add(data[:cut], 0).add(data[cut : cut + 90]).add(data[cut + 90 :])
    assert [d for _, d in bench.out()] == [kit.SPS + kit.PPS + kit.IDR, kit.P, kit.P2]


def test_a_codec_without_nal_rules_is_cut_by_time_and_pack() -> None:
    bench = Bench()
    bench.video.announce("SVAC")
    bench.add(b"\0\0\1\x27abc", 0).add(b"def").add(b"\0\0\1\x27ghi", 3600)
    bench.video.pack()
    bench.add(b"\0\0\1\x27jkl")
    assert [d for _, d in bench.out()] == [b"\0\0\1\x27abcdef", b"\0\0\1\x27ghi", b"\0\0\1\x27jkl"]
    assert {u.codec for u in bench.units} == {"SVAC"}


def test_fields_of_one_frame_are_not_cut_apart(kit) -> None:
    # Size 64x64, frame_mbs_only_flag 0: pictures may be fields.
    sps = b"\0\0\0\1\x67\x42\x00\x0a\xda\x11\x00\xa0"
    bench = Bench().add(sps + kit.PPS + kit.IDR, 0)
    bench.add(kit.P + kit.P2, 3600).add(kit.P, 7200)
    assert bench.out()[1] == (3600, kit.P + kit.P2)


def test_an_intra_picture_behind_a_recovery_point_is_a_key_frame(kit) -> None:
    sei, intra = bytes.fromhex("00000001060601c480"), bytes.fromhex("0000000141b8") + b"\x3a" * 30
    bench = Bench().add(kit.SPS + kit.PPS + sei + intra, 0).add(kit.SPS + kit.PPS + intra, 3600)
    bench.out()
    assert [u.key for u in bench.units] == [True, False]


def test_a_torso_without_beginning_is_dropped(kit) -> None:
    bench = Bench().add(kit.SPS + kit.PPS + kit.IDR, 0).add(kit.P, 3600)
    bench.video.finish()
    bench.add(b"\x3a" * 50).add(kit.P2, 7200)
    assert [d for _, d in bench.out()][1:] == [kit.P, kit.P2]
    assert bench.units[2].discontinuity
    assert bench.counters.dropped == 1


def test_a_later_slice_without_the_first_is_damaged(kit) -> None:
    bench = Bench().add(kit.SPS + kit.PPS + kit.IDR, 0)
    bench.video.loss()
    bench.add(kit.SLICE_2, 3600)
    bench.video.finish()
    assert [u.damaged for u in bench.units] == [True]


def test_loss_without_a_picture_at_hand_is_told_with_the_next(kit) -> None:
    bench = Bench()
    bench.video.loss()
    bench.add(kit.SPS + kit.PPS + kit.IDR, 0).out()
    assert (bench.units[0].damaged, bench.units[0].discontinuity) == (False, True)


def test_after_a_loss_another_timestamp_is_another_picture(kit) -> None:
    bench = Bench().add(kit.SPS + kit.PPS + kit.IDR, 0, timestamp=1)
    bench.video.loss()
    bench.add(kit.SLICE_2, None, timestamp=2).out()
    assert [(u.data, u.damaged) for u in bench.units] == [(kit.SPS + kit.PPS + kit.IDR, True), (kit.SLICE_2, True)]


def test_bytes_lost_before_the_first_slice_leave_nothing(kit) -> None:
    bench = Bench().add(kit.SPS + kit.PPS + kit.IDR, 0).add(kit.SPS + b"\0\0\1\x06\x05\x20", 3600)
    bench.video.loss()
    bench.add(kit.P, 7200)
    assert [d for _, d in bench.out()] == [kit.SPS + kit.PPS + kit.IDR, kit.P]


def test_an_impossible_nal_header_damages(kit) -> None:
    bench = Bench().add(kit.SPS + kit.PPS + kit.IDR + b"\0\0\1\xbb" + bytes(20), 0)
    bench.out()
    assert bench.units[0].damaged


def test_a_map_that_changes_its_mind_before_any_proof(kit) -> None:
    bench = Bench()
    bench.video.announce("H264")
    bench.add(kit.P, 0)
    bench.video.announce("H265")
    bench.add(kit.P5, 3600)
    bench.out()
    assert [u.codec for u in bench.units] == ["H264", "H265"]
    bench.add(kit.VPS5 + kit.SPS5 + kit.PPS5 + kit.IDR5, 7200)
    bench.video.announce("H264")
    bench.video.announce(None)
    bench.out()
    assert bench.units[2].codec == "H265"


def test_with_the_map_believed_other_parameter_sets_change_nothing(kit) -> None:
    bench = Bench(replace(LENIENT, bitstream_over_map=False))
    bench.video.announce("H264")
    bench.add(kit.VPS5 + kit.SPS5 + kit.PPS5 + kit.IDR5, 0).out()
    assert bench.video.codec == "H264"


def test_other_parameter_sets_in_the_middle_of_a_picture_change_nothing(kit) -> None:
    bench = Bench().add(kit.SPS + kit.PPS + kit.IDR + kit.VPS5, 0).add(kit.P, 3600)
    assert bench.video.codec == "H264"


def test_a_picture_beyond_the_limit_is_dropped(kit) -> None:
    bench = Bench(limit=200).add(kit.SPS + kit.PPS + kit.IDR, 0).add(kit.P, 3600).add(b"\x3a" * 300).add(kit.P, 7200)
    assert [t for t, _ in bench.out()] == [0, 7200]
    assert bench.units[1].discontinuity


def test_a_repair_is_told_once(kit) -> None:
    bench = Bench()
    bench.video.repaired("wrong_pes_length")
    bench.add(kit.SPS + kit.PPS + kit.IDR, 0)
    bench.video.repaired("wrong_pes_length")
    bench.video.repaired("wrong_pes_length")
    bench.out()
    assert bench.units[0].repaired == ("wrong_pes_length",)


def test_hints_are_learnt_at_the_ends_of_pictures(kit) -> None:
    bench = Bench().add(kit.SPS + kit.PPS + kit.IDR, 0, timestamp=0)
    for index in range(1, 60):
        bench.video.marked = True
        bench.add(kit.P, index * 3600, timestamp=index)
    assert bench.video.marker.trusted
    assert bench.video.stamp.trusted
    bench.video.marked = True
    bench.add(kit.SLICE_2, None, timestamp=99)
    assert not bench.video.marker.trusted
    assert not bench.video.stamp.trusted


def test_a_picture_handed_out_too_early_costs_the_hints_their_credit(kit) -> None:
    bench = Bench().add(kit.SPS + kit.PPS + kit.IDR, 0, timestamp=0)
    for index in range(1, 60):
        bench.video.marked = True
        bench.add(kit.P, index * 3600, timestamp=index)
    bench.video.finish(early=True)
    bench.add(kit.SLICE_2, None, timestamp=59)
    assert not bench.video.marker.trusted
