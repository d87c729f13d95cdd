"""Structures taken off the front of a buffer, as soon as they are complete and no sooner."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from media.ps.counters import PsCounters
from media.ps.psm import ProgramStreamMap
from media.ps.structures import StructureParser
from media.ps.tolerance import LENIENT, STRICT, PsTolerance


class Found:
    def __init__(self) -> None:
        self.list: list[tuple[object, ...]] = []

    def pack(self) -> None:
        self.list.append(("pack",))

    def map(self, found: ProgramStreamMap) -> None:
        self.list.append(("map", found.entries))

    def video(self, stream_id: int, pts: int | None, dts: int | None, data: memoryview) -> None:
        self.list.append(("video", pts, bytes(data)))

    def audio(self, stream_id: int, pts: int | None, data: bytes) -> None:
        self.list.append(("audio", pts, data))

    def loss(self) -> None:
        self.list.append(("loss",))

    def repaired(self, name: str) -> None:
        self.list.append(("repaired", name))


class Bench:
    def __init__(self, tolerance: PsTolerance = LENIENT, *, synced: bool = True, whole: bool = True) -> None:
        self.found, self.counters = Found(), PsCounters()
        self.parser = StructureParser(self.found, tolerance, self.counters)
        self.parser.synced, self.parser.whole = synced, whole

    def feed(self, data: bytes) -> list[tuple[object, ...]]:
        self.parser.buffer += data
        self.parser.parse()
        told, self.found.list = self.found.list, []
        return told


def test_a_pack_a_map_video_and_audio(kit: SimpleNamespace) -> None:
    bench = Bench()
    assert bench.feed(kit.key() + kit.audio(b"\xd5" * 8, 3600)) == [
        ("pack",),
        ("map", ((0x1B, 0xE0), (0x90, 0xC0))),
        ("video", 3600, kit.SPS + kit.PPS + kit.IDR),
        ("audio", 3600, b"\xd5" * 8),
    ]
    assert not bench.parser.buffer
    assert (bench.counters.packs, bench.counters.maps, bench.counters.resyncs) == (1, 1, 0)


def test_need_says_how_much_must_be_there_before_more_can_be_found(kit: SimpleNamespace) -> None:
    bench = Bench()
    needs = []
    for size in (4, 10, 13):
        assert bench.feed(kit.PACK[len(bench.parser.buffer) : size]) == []
        needs.append(bench.parser.need)
    assert needs == [14, 14, 14]
    assert bench.feed(kit.PACK[13:]) == [("pack",)]
    video = kit.pes(kit.P, 7200)
    for size, need in ((3, 4), (8, 9), (9, len(video)), (20, len(video))):
        assert bench.feed(video[len(bench.parser.buffer) : size]) == []
        assert bench.parser.need == need
    assert bench.feed(video[20:]) == [("video", 7200, kit.P)]
    assert bench.feed(kit.PSM[:5]) == []
    assert bench.parser.need == 6
    assert bench.feed(kit.PSM[5:-1]) == []
    assert bench.parser.need == len(kit.PSM)


def test_before_it_is_in_step_it_looks_for_a_header_that_makes_sense(kit: SimpleNamespace) -> None:
    garbage = b"\x11" * 50 + b"\x00\x00\x01\x41" + b"\x11" * 20
    for structure in (kit.pes(kit.P, 3600), kit.PSM, kit.audio(b"\xd5" * 20)):
        bench = Bench(synced=False)
        assert len(bench.feed(garbage + structure)) == 1
        assert bench.counters.skipped == 74
    bench = Bench(synced=False)
    assert bench.feed(garbage + structure[:7]) == []
    assert len(bench.parser.buffer) == 7 and bench.parser.need == 9
    assert len(bench.feed(structure[7:])) == 1


def test_garbage_is_not_kept() -> None:
    bench = Bench(synced=False)
    bench.feed(b"\x11" * 10_000)
    assert len(bench.parser.buffer) == 2
    assert bench.counters.skipped == 9_998


def test_video_of_unknown_length_runs_to_the_next_structure(kit: SimpleNamespace) -> None:
    bench = Bench()
    assert bench.feed(kit.pes(kit.P, 7200, length=0)[:12]) == []
    assert bench.parser.need == 14
    assert bench.feed(kit.pes(kit.P, 7200, length=0)[12:]) == [("video", 7200, kit.P[:-3])]
    assert bench.parser.open.stream_id == 0xE0
    bench.parser.drain()
    bench.parser.drain()
    assert bench.found.list == [("video", None, kit.P[-3:])]
    bench.found.list.clear()
    assert bench.feed(kit.PACK) == [("pack",)]
    assert bench.parser.open.stream_id is None
    assert bench.counters.tolerated["wrong_pes_length"] == 1


@pytest.mark.parametrize("opened", [False, True], ids=["of known length", "of unknown length"])
def test_the_beginning_of_a_video_packet_can_be_had(kit: SimpleNamespace, opened: bool) -> None:
    bench = Bench()
    data = kit.pes(kit.P, 7200, length=0 if opened else -1)
    told = bench.feed(data[:40])
    assert bench.parser.deliver_partial()
    whole = b"".join(bytes(piece[2]) for piece in told + bench.found.list)  # type: ignore[call-overload]
    assert whole == data[14:40]
    bench.parser.reset(synced=True)
    assert not bench.parser.buffer and bench.parser.need == 4


def test_there_is_no_beginning_of_anything_else(kit: SimpleNamespace) -> None:
    for synced, data in ((True, kit.audio(b"\xd5" * 80)[:40]), (True, kit.pes(kit.P)[:8]), (False, b"\x11" * 20)):
        bench = Bench(synced=synced)
        bench.feed(data)
        assert not bench.parser.deliver_partial()


def test_more_of_the_video_just_delivered(kit: SimpleNamespace) -> None:
    bench = Bench()
    bench.feed(kit.pes(kit.P, 7200))
    bench.parser.continue_video()
    assert bench.feed(b"\x3b" * 30 + kit.PACK) == [("video", None, b"\x3b" * 30), ("pack",)]


def test_bytes_behind_video_that_are_no_structure_are_more_of_it(kit: SimpleNamespace) -> None:
    short = kit.pes(kit.P, 7200, length=30)
    bench = Bench()
    told = bench.feed(short + kit.PACK)
    assert told == [
        ("video", 7200, short[14:36]), ("repaired", "wrong_pes_length"), ("video", None, short[36:]), ("pack",)
    ]  # fmt: skip
    bench = Bench(STRICT)
    assert ("loss",) in bench.feed(short + kit.PACK)
    assert bench.counters.resyncs == 1


def test_up_to_four_stray_bytes_before_a_pack_are_passed_over(kit: SimpleNamespace) -> None:
    bench = Bench()
    assert bench.feed(b"\0\0\0") == []
    assert bench.parser.need == 4
    assert bench.feed(b"\0") == []
    assert bench.parser.need == 8
    assert bench.feed(kit.PACK) == [("pack",)]
    assert bench.counters.tolerated["stray_bytes"] == 1


@pytest.mark.parametrize(("whole", "told"), [(True, ("repaired", "wrong_pes_length")), (False, ("loss",))])
def test_a_pack_inside_video_tells_of_lost_bytes(kit: SimpleNamespace, whole: bool, told: tuple[str, ...]) -> None:
    torn = kit.pes(kit.P + kit.PACK + kit.pes(kit.P2, 10800) + b"\x3a" * 20, 7200)
    bench = Bench(whole=whole)
    assert bench.feed(torn + b"\x11" * 3)[:4] == [
        ("video", 7200, kit.P), told, ("pack",), ("video", 10800, kit.P2)
    ]  # fmt: skip
    assert bench.counters.tolerated["pack_inside_video"] == 1
    alone = Bench(replace(LENIENT, pack_inside_video=False))
    assert len(alone.feed(torn)) == 1


def test_when_the_caller_vouches_a_structure_behind_the_video_proves_its_length(kit: SimpleNamespace) -> None:
    data = kit.pes(kit.P + kit.PACK, 7200)
    assert Bench().feed(data + kit.PACK) == [("video", 7200, kit.P + kit.PACK), ("pack",)]


def test_a_map_with_a_wrong_crc_is_believed_unless_care_is_asked_for(kit: SimpleNamespace) -> None:
    wrong = kit.PSM[:-1] + b"\0"
    assert len(Bench().feed(wrong)) == 1
    bench = Bench(replace(LENIENT, careless_map=False))
    assert bench.feed(wrong) == []
    assert bench.counters.dropped == 1


def test_a_header_longer_than_its_packet(kit: SimpleNamespace) -> None:
    for overlong in (b"\x00\x00\x01\xe0\x00\x04\x80\x00\xff\x00", b"\x00\x00\x01\xc0\x00\x02\x80\x00"):
        bench = Bench()
        assert bench.feed(overlong + kit.PACK) == [("loss",), ("pack",)]
        assert bench.counters.tolerated["overlong_pes_header"] == 1
        strict = Bench(replace(LENIENT, overlong_pes_header=False))
        assert strict.feed(overlong + kit.PACK) == [("loss",), ("pack",)]
        assert strict.counters.resyncs == 1


def test_a_pes_header_without_its_second_flags_byte(kit: SimpleNamespace) -> None:
    shifted = b"\x00\x00\x01\xe0" + (2 + 5 + len(kit.P)).to_bytes(2, "big") + b"\x80\x05" + kit.stamp(7200) + kit.P
    bench = Bench()
    assert bench.feed(shifted) == [("video", 7200, kit.P)]
    assert bench.counters.tolerated["shifted_pes_header"] == 1


def test_a_bare_pack_start_an_end_code_and_a_private_packet(kit: SimpleNamespace) -> None:
    bare = b"\x00\x00\x01\xba" + kit.pes(kit.P, 7200)
    bench = Bench()
    assert bench.feed(bare + b"\x00\x00\x01\xbf\x00\x03abc" + b"\x00\x00\x01\xb9" + kit.PACK) == [
        ("pack",), ("video", 7200, kit.P), ("pack",)
    ]  # fmt: skip
    assert bench.counters.tolerated["bare_pack_start"] == 1
    strict = Bench(replace(LENIENT, bare_pack_start=False))
    strict.feed(bare)
    assert strict.counters.resyncs == 1


def test_a_header_structure_beyond_a_kilobyte_is_a_loss(kit: SimpleNamespace) -> None:
    bench = Bench()
    assert bench.feed(b"\x00\x00\x01\xbb\x10\x00" + kit.PACK) == [("loss",), ("pack",)]
    assert bench.counters.resyncs == 1
