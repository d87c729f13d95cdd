"""Program streams: from RTP datagrams to access units and back, and from contiguous bytes; Mbit/s of one core."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from media import AccessUnit, PsDemuxer, PsMuxer, RtpPacketizer, parse_header
from tests.bench.figure import Figure, at_least

PARAMETERS = bytes.fromhex("0000000167428014da014000000000000168ce3c80")
GOP = 25
FRAME_BYTES = 20_000  # 4 Mbit/s at 25 frames a second


def stream(frames: int) -> list[AccessUnit]:
    """H.264 access units of 4 Mbit/s, a key frame six times as large every second."""
    units = []
    for number in range(frames):
        key = number % GOP == 0
        start = PARAMETERS + b"\0\0\0\1\x65\x88" if key else b"\0\0\0\1\x41\x9a"
        filling = os.urandom(FRAME_BYTES * (6 if key else 1)).replace(b"\0", b"\1")
        units.append(
            AccessUnit(codec="H264", pts=number * 3600, dts=number * 3600, key=key, data=start + filling, track="video")
        )
    return units


def best_of(rounds: int, work: Callable[[], int]) -> float:
    """Mbit/s of CPU time in the best round; `work` gives the bytes it handled."""
    best = 0.0
    for _ in range(rounds):
        began = time.process_time()
        handled = work()
        best = max(best, handled * 8 / 1e6 / max(time.process_time() - began, 1e-9))
    return best


async def run(*, quick: bool) -> list[Figure]:
    """Four ways through the same stream."""
    units = stream(100 if quick else 250)
    size = sum(len(unit.data) for unit in units)
    muxer, packetizer = PsMuxer("H264"), RtpPacketizer(1)
    packs = [muxer.mux(unit) for unit in units]
    datagrams = [
        packet for unit, pack in zip(units, packs, strict=True) for packet in packetizer.packets(pack, unit.pts)
    ]

    def demux_datagrams() -> int:
        demuxer, found = PsDemuxer(), 0
        for data in datagrams:
            head = parse_header(data)
            payload = data[head.payload_start : head.payload_end]
            found += len(demuxer.feed(payload, timestamp=head.timestamp, marker=head.marker))
        assert found + len(demuxer.flush()) >= len(units)
        return size

    def demux_contiguous() -> int:
        demuxer, found = PsDemuxer(), 0
        for pack in packs:
            found += len(demuxer.feed(pack))
        assert found + len(demuxer.flush()) >= len(units)
        return size

    def mux_to_datagrams() -> int:
        again, cutter = PsMuxer("H264"), RtpPacketizer(1)
        for unit in units:
            cutter.packets(again.mux(unit), unit.pts)
        return size

    def mux_contiguous() -> int:
        again = PsMuxer("H264")
        for unit in units:
            again.mux(unit)
        return size

    rounds = 2 if quick else 5
    return [
        Figure("ps", "RTP datagrams to access units", best_of(rounds, demux_datagrams), "Mbit/s", at_least(800)),
        Figure("ps", "access units to RTP datagrams", best_of(rounds, mux_to_datagrams), "Mbit/s", at_least(800)),
        Figure("ps", "contiguous bytes to access units", best_of(rounds, demux_contiguous), "Mbit/s", at_least(2000)),
        Figure("ps", "access units to contiguous bytes", best_of(rounds, mux_contiguous), "Mbit/s", at_least(2000)),
    ]
