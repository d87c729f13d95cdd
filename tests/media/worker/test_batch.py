"""One round of the relay: packets in, rewritten packets out, in order."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from media.worker.batch import batch, catch_up
from media.worker.gop import GopBudget
from media.worker.sink import SinkStream
from media.worker.source import KEYLESS_S, SourceStream

CAMERA = ("10.0.0.1", 5000)


class Gate:
    """An outlet whose readiness the test decides."""

    def __init__(self) -> None:
        self.ready = True

    def put(self, packet: bytes) -> bool:
        return True

    def forget(self) -> None:
        pass


def source(**options: Any) -> SourceStream:
    return SourceStream(
        "in", ssrc=None, accept_from=["10.0.0.1"], emit=lambda event: None, budget=GopBudget(), now=0.0, **options
    )


def sink(leg: str = "out", first: int = 0) -> SinkStream:
    return SinkStream(leg, 9, None, first, Gate())


def run(stream: SourceStream, packets: list[bytes], now: float = 1.0) -> list[tuple[str, int, bytes]]:
    done = batch([(stream, memoryview(bytearray(p)), CAMERA) for p in packets], now)
    return [(s.leg, int.from_bytes(p[2:4], "big"), p[12:]) for s, p in done]


def test_a_waiting_sink_starts_with_the_key_frame(wire: Any) -> None:
    stream, camera = source(gop_cache=False), wire()
    stream.attach(sink(), 0.0)
    assert run(stream, camera.frame(False)) == []
    key = camera.frame(True)
    assert run(stream, key) == [("out", n, p[12:]) for n, p in enumerate(key)]


def test_every_sink_gets_its_own_numbers(wire: Any) -> None:
    stream, camera = source(), wire()
    stream.attach(sink("a", 7), 0.0)
    stream.attach(sink("b", 65535), 0.0)
    key = camera.frame(True, packets=1)
    assert run(stream, key) == [("a", 7, key[0][12:]), ("b", 65535, key[0][12:])]
    after = camera.frame(False, packets=1)
    assert run(stream, after) == [("a", 8, after[0][12:]), ("b", 0, after[0][12:])]


def test_loss_and_reordering_stay_visible(wire: Any) -> None:
    stream, camera = source(), wire(sequence=10)
    stream.attach(sink(), 0.0)
    p = camera.frame(True, packets=6)
    got = run(stream, [p[0], p[3], p[2], p[2], p[5]])
    assert [(n, data) for _, n, data in got] == [(0, p[0][12:]), (3, p[3][12:]), (2, p[2][12:]), (5, p[5][12:])]


def test_a_late_packet_from_before_the_start_is_not_sent(wire: Any) -> None:
    stream, camera = source(gop_cache=False), wire(sequence=10)
    stream.attach(sink(), 0.0)
    before = camera.frame(False)
    key = camera.frame(True)
    got = run(stream, [before[0], before[1], *key, before[2]])
    assert [n for _, n, _ in got] == [0, 1, 2]


def test_a_restarted_camera_goes_on_without_a_hole(wire: Any) -> None:
    stream = source()
    stream.attach(sink(), 0.0)
    before = wire(sequence=100).frame(True)
    after = wire(sequence=50000).frame(True)
    got = run(stream, before + after)
    assert [n for _, n, _ in got] == [0, 1, 2, 3, 4, 5]
    assert [data for _, _, data in got] == [p[12:] for p in before + after]


def test_a_sink_whose_receiver_is_still_full_waits_for_the_next_key_frame(wire: Any) -> None:
    stream, camera, out = source(), wire(), sink()
    stream.attach(out, 0.0)
    out.outlet.ready = False  # type: ignore[misc]
    assert run(stream, camera.frame(True)) == []
    out.outlet.ready = True  # type: ignore[misc]
    assert run(stream, camera.frame(False)) == []
    assert len(run(stream, camera.frame(True))) == 3


def test_a_stream_without_key_frames_starts_all_the_same() -> None:
    stream = source()
    stream.attach(sink(), 0.0)
    packets = [struct.pack("!BBHII", 0x80, 98, n, n, 1) + b"\x01" * 40 for n in range(10)]
    assert run(stream, packets[:5], now=0.0) == []
    assert [n for _, n, _ in run(stream, packets[5:], now=KEYLESS_S + 1)] == [0, 1, 2, 3, 4]


def test_rubbish_in_the_batch_is_left_out(wire: Any) -> None:
    stream = source()
    stream.attach(sink(), 0.0)
    key = wire().frame(True)
    assert len(run(stream, [b"", key[0], b"\xff" * 40, key[1]])) == 2


@given(st.lists(st.binary(max_size=60) | st.binary(max_size=40).map(lambda b: b"\x80\x60" + b), max_size=60))
def test_whatever_arrives_is_survived(packets: list[bytes]) -> None:
    stream = source()
    stream.attach(sink(), 0.0)
    for leg, number, payload in run(stream, packets, now=KEYLESS_S + 100):
        assert leg == "out" and 0 <= number <= 0xFFFF and isinstance(payload, bytes)


def test_catching_up_ends_in_live_or_waiting(wire: Any) -> None:
    stream, camera = source(), wire()
    gop = camera.gop(frames=3)
    run(stream, gop)
    one, other = sink("one"), sink("other")
    stream.attach(one, 2.0)
    assert [int.from_bytes(p[2:4], "big") for _, p in catch_up(stream, 2.0)] == list(range(len(gop)))
    assert stream.live == [one]
    stream.attach(other, 2.0)
    stream.gops.clear()
    assert len(catch_up(stream, 2.0)) == len(gop)
    assert (stream.live, stream.waiting, stream.catching_up) == ([one], [other], [])


def test_a_long_group_is_sent_bit_by_bit(wire: Any) -> None:
    stream, camera = source(), wire()
    run(stream, camera.gop(frames=50, packets=5, size=1200))
    out = sink()
    stream.attach(out, 3.0)
    assert 0 < len(catch_up(stream, 3.0)) < 250
    assert stream.catching_up == [out]
