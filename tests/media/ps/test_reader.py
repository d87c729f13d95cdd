"""What the reader finds, piece by piece, written down as events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from media.ps.counters import PsCounters
from media.ps.psm import ProgramStreamMap
from media.ps.reader import PsReader
from media.ps.tolerance import LENIENT, STRICT, PsTolerance


class Events:
    def __init__(self) -> None:
        self.list: list[tuple] = []

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


def read(
    pieces: list[bytes], tolerance: PsTolerance = LENIENT, *, whole: bool = True
) -> tuple[list[tuple], PsCounters]:
    events, counters = Events(), PsCounters()
    reader = PsReader(events, tolerance, counters)
    for piece in pieces:
        reader.feed(piece, gap=False, whole=whole)
    reader.flush()
    return events.list, counters


def joined(events: list[tuple]) -> bytes:
    return b"".join(event[2] for event in events if event[0] == "video")


def test_structures_in_order(kit) -> None:
    events, counters = read([kit.key() + kit.audio(b"\xd5" * 8, 3600)])
    assert events == [
        ("pack",),
        ("map", ((0x1B, 0xE0), (0x90, 0xC0))),
        ("video", 3600, kit.SPS + kit.PPS + kit.IDR),
        ("audio", 3600, b"\xd5" * 8),
    ]
    assert (counters.packs, counters.maps, counters.resyncs) == (1, 1, 0)


@pytest.mark.parametrize("cut", range(1, 210, 3))
def test_any_cut_gives_the_same(kit, cut: int) -> None:
    data = kit.key() + kit.audio(b"\xd5" * 8, 3600) + kit.frame()
    assert read([data[:cut], data[cut:]]) == read([data])


def test_clean_tells_whether_a_frame_may_end_here(kit) -> None:
    reader = PsReader(Events(), LENIENT, PsCounters())
    assert not reader.clean
    data = kit.key()
    reader.feed(data[:-1], gap=False, whole=True)
    assert not reader.clean
    reader.feed(data[-1:], gap=False, whole=True)
    assert reader.clean
    reader.feed(kit.PACK + kit.pes(kit.P, length=0), gap=False, whole=True)
    assert reader.clean


def test_video_of_unknown_length_is_held_back_by_three_bytes_until_drained(kit) -> None:
    events = Events()
    reader = PsReader(events, LENIENT, PsCounters())
    reader.feed(kit.PACK + kit.pes(kit.P, length=0), gap=False, whole=True)
    assert joined(events.list) == kit.P[:-3]
    reader.drain()
    assert joined(events.list) == kit.P
    reader.drain()
    assert joined(events.list) == kit.P


def test_a_gap_hands_out_the_part_and_searches_on(kit) -> None:
    events = Events()
    reader = PsReader(events, LENIENT, PsCounters())
    data = kit.frame(7200)
    reader.feed(data[:40], gap=False, whole=True)
    reader.feed(data[50:] + kit.frame(10800), gap=True, whole=False)
    assert events.list == [
        ("pack",), ("video", 7200, kit.P[:12]), ("loss",), ("pack",), ("video", 10800, kit.P)
    ]  # fmt: skip


def test_a_gap_in_open_video_and_before_a_structure(kit) -> None:
    events = Events()
    reader = PsReader(events, LENIENT, PsCounters())
    reader.feed(kit.PACK + kit.pes(kit.P, length=0), gap=False, whole=True)
    reader.feed(kit.pes(kit.SLICE_2, None), gap=True, whole=False)
    assert joined(events.list) == kit.P + kit.SLICE_2
    assert ("loss",) in events.list


def test_a_cut_audio_packet_before_a_pack_is_dropped(kit) -> None:
    for whole in (True, False):
        data = kit.PACK + kit.audio(b"\xd5" * 160)
        events, counters = read([data[:60], kit.frame()], whole=whole)
        assert [e for e in events if e[0] != "pack"] == ([] if whole else [("loss",)]) + [("video", 7200, kit.P)]
        assert counters.dropped == 1


def test_after_garbage_a_sound_header_is_enough(kit) -> None:
    garbage = b"\x11" * 50 + b"\x00\x00\x01\x41" + b"\x11" * 20
    for found in (kit.pes(kit.P, 3600), kit.PSM, kit.audio(b"\xd5" * 20)):
        events, counters = read([garbage + found])
        assert len(events) == 1
        assert counters.skipped == 74
    assert read([garbage + b"\x00\x00\x01\xe0\x00\x01\x80\x80\x05"])[0] == []


def test_a_header_cut_off_by_the_end_of_the_data_waits(kit) -> None:
    data = b"\x11" * 30 + kit.pes(kit.P, 3600)
    assert [e for e in read([data[:35], data[35:]])[0]] == [("video", 3600, kit.P)]


def test_an_interrupting_stray_start_code(kit) -> None:
    data = kit.frame()
    events, _ = read([data[:-10], b"\0\0\0\1" + kit.frame(10800)])
    assert events == [
        ("pack",), ("video", 7200, kit.P[:-10]), ("repaired", "wrong_pes_length"), ("pack",), ("video", 10800, kit.P)
    ]  # fmt: skip


def test_bytes_that_complete_a_packet_before_the_next_pack_are_no_stray(kit) -> None:
    data = kit.frame(7200, kit.P + b"\0\0")
    events, counters = read([data[:-2], data[-2:] + kit.frame(10800)])
    assert events[1] == ("video", 7200, kit.P + b"\0\0")
    assert counters.tolerated["stray_bytes"] == 0


def test_without_tolerances_a_lie_is_a_loss(kit) -> None:
    short = kit.PACK + kit.pes(kit.P, 7200, length=30)
    events, counters = read([kit.key() + short + kit.frame(10800)], STRICT)
    assert ("loss",) in events
    assert counters.resyncs == 1
    assert events[-1] == ("video", 10800, kit.P)
    events, _ = read([kit.PACK + kit.pes(kit.P, 7200, length=300), kit.frame(10800)], STRICT)
    assert events[-3:] == [("loss",), ("pack",), ("video", 10800, kit.P)]


def test_a_map_with_a_wrong_crc(kit) -> None:
    wrong = kit.PSM[:-1] + b"\0"
    assert len(read([kit.PACK + wrong])[0]) == 2
    events, counters = read([kit.PACK + wrong], replace(LENIENT, careless_map=False))
    assert events == [("pack",)]
    assert counters.dropped == 1


def test_a_shifted_header_and_an_overlong_one(kit) -> None:
    shifted = b"\x00\x00\x01\xe0" + (2 + 5 + len(kit.P)).to_bytes(2, "big") + b"\x80\x05" + kit.stamp(7200) + kit.P
    events, counters = read([kit.PACK + shifted])
    assert events[1] == ("video", 7200, kit.P)
    assert counters.tolerated["shifted_pes_header"] == 1
    overlong = b"\x00\x00\x01\xe0\x00\x04\x80\x00\xff\x00"
    assert read([kit.PACK + overlong + kit.frame()])[0][1:] == [("loss",), ("pack",), ("video", 7200, kit.P)]
    events, counters = read([kit.PACK + overlong + kit.frame()], replace(LENIENT, overlong_pes_header=False))
    assert counters.resyncs == 1
    assert events[-1] == ("video", 7200, kit.P)


def test_loss_that_nobody_told_is_found_by_the_pack_inside(kit) -> None:
    torn = kit.frame(7200, kit.P * 5)[:100]
    for whole, told in ((True, ("repaired", "wrong_pes_length")), (False, ("loss",))):
        events, _ = read([torn + kit.frame(10800) + kit.frame(14400, kit.P * 4)], whole=whole)
        assert told in events
        assert ("video", 10800, kit.P) in events


def test_bare_starts_ends_and_private_packets(kit) -> None:
    bare = b"\x00\x00\x01\xba" + kit.pes(kit.P, 7200)
    private = b"\x00\x00\x01\xbf\x00\x03abc"
    events, counters = read([bare + private + b"\x00\x00\x01\xb9" + kit.frame(10800)])
    assert [e[1] for e in events if e[0] == "video"] == [7200, 10800]
    assert counters.tolerated["bare_pack_start"] == 1
    assert read([bare], replace(LENIENT, bare_pack_start=False))[1].resyncs == 1


def test_a_header_structure_beyond_a_kilobyte_is_a_loss(kit) -> None:
    events, counters = read([kit.PACK + b"\x00\x00\x01\xbb\x10\x00" + kit.frame(10800)])
    assert counters.resyncs == 1
    assert events[-1] == ("video", 10800, kit.P)
