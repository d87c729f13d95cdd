"""A sink's way from start to live: rewriting, catching up at a bounded rate, jumping, waiting."""

from __future__ import annotations

import struct

import pytest

from media.worker.control import Event
from media.worker.gop import GopBudget
from media.worker.sink import CATCH_UP_S, SinkStream
from media.worker.source import SourceStream


class Taking:
    """An outlet that takes everything."""

    ready = True

    def put(self, packet: bytes) -> bool:
        return True


def packet(number: int, size: int = 1012) -> bytes:
    return struct.pack("!BBHII", 0x80, 0xE0, number & 0xFFFF, 3600 * number, 7) + bytes([number & 0xFF]) * (size - 12)


def sequence(data: bytes) -> int:
    return int.from_bytes(data[2:4], "big")


@pytest.fixture
def source() -> SourceStream:
    events: list[Event] = []
    return SourceStream("in", ssrc=None, accept_from=[], emit=events.append, budget=GopBudget(), now=0.0)


def sink(first: int = 65530, payload_type: int | None = None) -> SinkStream:
    return SinkStream("out", 0x11223344, payload_type, first, Taking())


def fill(source: SourceStream, first: int, count: int, at: float) -> None:
    """A group of pictures that began at ``at``."""
    source.gops.start(at)
    add(source, first, count)


def add(source: SourceStream, first: int, count: int) -> None:
    for number in range(first, first + count):
        source.gops.append(number, packet(number))


def test_only_payload_type_sequence_and_ssrc_change() -> None:
    out = sink(payload_type=100)
    out.go_live(5)
    assert out.rewritten(5, packet(5)) == (
        b"\x80\xe4" + struct.pack("!HII", 65530, 18000, 0x11223344) + bytes([5]) * 1000
    )
    assert sequence(out.rewritten(12, memoryview(packet(12)))) == 1
    assert (out.next_sequence, out.last_timestamp) == (2, 43200)


def test_an_idle_sink_knows_its_first_number() -> None:
    out = sink()
    assert (out.state, out.next_sequence) == ("idle", 65530)
    out.wait()
    assert out.state == "waiting" and not out.behind


def test_catching_up_is_paced_and_runs_on_into_live(source: SourceStream) -> None:
    fill(source, 100, 1000, at=0.0)
    out = sink()
    out.catch_up(source.gops.current, now=2.0)  # 1 MB in 2 s: twice the rate
    assert out.behind
    first = out.due(source, 2.0)
    assert 60 <= len(first) <= 70, "a first burst of 64 KiB"
    half = out.due(source, 2.3)
    assert 250 <= len(half) <= 350
    add(source, 1100, 20)
    rest = out.due(source, 3.2)
    assert out.state == "live"
    got = first + half + rest
    assert [sequence(p) for p in got] == [(65530 + n) & 0xFFFF for n in range(1020)]
    assert [p[12:] for p in got] == [packet(n)[12:] for n in range(100, 1120)]
    assert sequence(out.rewritten(1120, packet(1120))) == (65530 + 1020) & 0xFFFF


def test_undecided_packets_are_sent_before_going_live(source: SourceStream) -> None:
    fill(source, 1, 2, at=0.0)
    source.undecided.append((3, packet(3)))
    out = sink(0)
    out.catch_up(source.gops.current, now=0.5)
    assert [sequence(p) for p in out.due(source, 0.5)] == [0, 1, 2]
    assert out.state == "live"


def test_the_next_group_follows_without_a_hole(source: SourceStream) -> None:
    fill(source, 1, 300, at=0.0)
    out = sink(0)
    out.catch_up(source.gops.current, now=1.0)
    got = out.due(source, 1.0)
    fill(source, 301, 5, at=1.1)
    got += out.due(source, 2.5)
    assert [sequence(p) for p in got] == list(range(305))
    assert out.state == "live"


def test_who_is_too_far_behind_jumps_to_the_newest_key_frame_unnoticed(source: SourceStream) -> None:
    fill(source, 1, 5000, at=0.0)
    out = sink(0)
    out.catch_up(source.gops.current, now=10.0)
    got = out.due(source, 10.0)
    fill(source, 5001, 10, at=10.5)
    got += out.due(source, 10.0 + CATCH_UP_S + 0.1)
    assert out.state == "live"
    assert [sequence(p) for p in got] == list(range(len(got)))
    assert got[-10][12:] == packet(5001)[12:]
    assert len(got) < 3000


def test_a_cut_group_ends_in_waiting(source: SourceStream) -> None:
    fill(source, 1, 10, at=0.0)
    out = sink(0)
    out.catch_up(source.gops.current, now=1.0)
    source.gops.clear()
    assert len(out.due(source, 1.0)) == 10
    assert out.state == "waiting"


def test_what_was_left_out_shows_as_a_hole() -> None:
    out = sink(0)
    out.go_live(10)
    out.rewritten(10, packet(10))
    out.wait()
    out.go_live(15)
    assert sequence(out.rewritten(15, packet(15))) == 5
    assert out.skipped == 4


def test_a_new_connection_goes_on_with_the_next_number(source: SourceStream) -> None:
    fill(source, 1, 3, at=0.0)
    out = sink(0)
    out.catch_up(source.gops.current, now=1.0)
    assert [sequence(p) for p in out.due(source, 1.0)] == [0, 1, 2]
    out.stop()
    assert out.state == "idle"
    out.catch_up(source.gops.current, now=2.0)
    assert [sequence(p) for p in out.due(source, 2.0)] == [3, 4, 5]
    assert out.next_sequence == 6


def test_late_packets_from_before_the_start_are_left_out(source: SourceStream) -> None:
    fill(source, 10, 2, at=0.0)
    source.gops.append(8, packet(8))
    out = sink(0)
    out.catch_up(source.gops.current, now=1.0)
    assert [sequence(p) for p in out.due(source, 1.0)] == [0, 1]
