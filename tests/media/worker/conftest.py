"""Hand-written RTP and program stream bytes, and a relay worker in a thread."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
import pytest
import structlog
from av.video.codeccontext import VideoCodecContext

from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.unit import AccessUnit
from media.worker.client import WorkerClient
from media.worker.context import LegContext, ReceiveSlab
from media.worker.control import Address, AnyEvent, Event, LegStats
from media.worker.gop import GopBudget
from media.worker.ports import PortPool
from media.worker.reactor import MediaLoop
from media.worker.relay import RelayWorker
from media.worker.source import Packet, SourceStream

PACK = bytes.fromhex("000001ba440004000401000003f8")
PES = bytes.fromhex("000001e000008080052100010001")
SPS = bytes.fromhex("0000000167428014da01400000")
PPS = bytes.fromhex("0000000168ce3c80")
IDR = bytes.fromhex("0000000165888421a0")
SLICE = bytes.fromhex("00000001419a2211c0")


@dataclass
class Wire:
    """Builds RTP packets of one stream: PT 96, 25 frames a second, one program stream pack per frame."""

    ssrc: int = 0x01020304
    sequence: int = 65530
    timestamp: int = 0xFFFFF000
    payload_type: int = 96
    sent: list[bytes] = field(default_factory=list)

    def packet(self, payload: bytes, *, marker: bool = False) -> bytes:
        """The next packet."""
        second = (0x80 if marker else 0) | self.payload_type
        header = struct.pack("!BBHII", 0x80, second, self.sequence, self.timestamp, self.ssrc)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.sent.append(header + payload)
        return header + payload

    def frame(self, key: bool, packets: int = 3, size: int = 300) -> list[bytes]:
        """One frame in several packets: pack header, PES, NAL units, filled up with slice data."""
        start = PACK + PES + (SPS + PPS + IDR if key else SLICE)
        payloads = [start + b"\x55" * (size - len(start))] + [bytes([n & 0x7F | 1]) * size for n in range(1, packets)]
        built = [self.packet(p, marker=n == packets - 1) for n, p in enumerate(payloads)]
        self.timestamp = (self.timestamp + 3600) & 0xFFFFFFFF
        return built

    def gop(self, frames: int = 5, packets: int = 3, size: int = 300) -> list[bytes]:
        """A key frame and the frames that follow it."""
        return [packet for n in range(frames) for packet in self.frame(n == 0, packets, size)]


EventKind = TypeVar("EventKind", bound=Event)


@dataclass
class Running:
    """A relay worker running in a thread, and its control client."""

    worker: RelayWorker
    thread: threading.Thread
    client: WorkerClient
    path: str
    seen: list[AnyEvent] = field(default_factory=list)

    async def event(self, kind: type[EventKind], **fields: object) -> EventKind:
        """The next event of this kind with these fields; others are kept in ``seen``."""
        while True:
            event = await asyncio.wait_for(self.client.events.get(), 10)
            assert event is not None, f"the worker is gone, no {kind.__name__} came"
            self.seen.append(event)
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                return event

    async def stats(self, leg: str) -> LegStats:
        """The counters of one leg."""
        return next(s for s in await self.client.leg_stats() if s.leg == leg)

    async def until(self, leg: str, true: Callable[[LegStats], bool]) -> LegStats:
        """The counters of one leg once they satisfy a condition."""
        async with asyncio.timeout(10):
            while True:
                stats = await self.stats(leg)
                if true(stats):
                    return stats
                await asyncio.sleep(0.005)


@pytest.fixture
def own_log() -> Iterator[None]:
    """For tests that configure logging: the former configuration is put back."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def wire() -> type[Wire]:
    """Builder of RTP packets."""
    return Wire


@pytest.fixture
async def start_relay(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """Starts a relay worker in a thread and adopts it; everything is stopped at the end."""
    running: list[Running] = []

    async def start(**options: Any) -> Running:
        path = str(tmp_path / f"relay-{len(running)}.sock")
        worker = RelayWorker(path, "relay-test", **{"ports": (41000, 44999), **options})
        thread = threading.Thread(target=worker.run)
        thread.start()
        running.append(Running(worker, thread, await WorkerClient.connect(path, epoch=1, name="test"), path))
        return running[-1]

    yield start
    for relay in running:
        await relay.client.close()
        relay.worker.stop()
        await asyncio.to_thread(relay.thread.join, 10)
        assert not relay.thread.is_alive()


class Floor:
    """Everything a single leg needs, turned by hand: loop, ports, an injected clock, what arrived and was told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.loop = MediaLoop()
        self.events: list[Event] = []
        self.arrived: list[tuple[SourceStream, bytes, Address]] = []
        self.context = LegContext(
            reactor=self.loop,
            ports=PortPool(48000, 49999),
            emit=self.events.append,
            clock=lambda: self.now,
            unix_offset=1_000_000.0,
            arrive=self._arrive,
            slab=ReceiveSlab(),
            budget=GopBudget(),
        )

    def _arrive(self, source: SourceStream, packet: Packet, remote: Address) -> None:
        self.arrived.append((source, bytes(packet), remote))
        source.admit(packet, remote, self.now)
        self.context.slab.reset()

    def turn(self, until: Callable[[], object] | None = None) -> None:
        """Run what is ready, or run until something holds."""
        for _ in range(500):
            ready = self.loop.wait(0.01)
            self.loop.run_ready()
            if until() if until is not None else not ready:
                return
        raise AssertionError("it did not happen")

    def told(self, kind: type[EventKind]) -> list[EventKind]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def floor() -> Iterator[Floor]:
    """A place for one leg."""
    place = Floor()
    yield place
    place.loop.close()


@dataclass
class Film:
    """Encoded pictures as access units: 25 frames a second, a key frame every ten."""

    units: list[AccessUnit]
    width: int
    height: int

    def packets(self, first: int = 0, last: int | None = None, *, audio: bool = False, ssrc: int = 1) -> list[bytes]:
        """RTP packets of a program stream with frames ``first`` to ``last``, audio beside each if wanted."""
        muxer = PsMuxer(self.units[0].codec, "PCMA" if audio else None)
        packetizer = RtpPacketizer(ssrc, sequence=first)
        made: list[bytes] = []
        for unit in self.units[first:last]:
            sound = [AccessUnit("PCMA", unit.pts, unit.pts, True, b"\xd5" * 320, "audio")] if audio else []
            made += packetizer.packets(muxer.mux(unit, sound), unit.pts)
        return made


def encode_film(encoder: str, codec: str, frames: int = 60, width: int = 320, height: int = 240) -> Film:
    """Moving stripes, encoded by an independent encoder."""
    context = av.CodecContext.create(encoder, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "keyint_min": "10"}
    if encoder == "libx264":
        context.options |= {"x264-params": "scenecut=0:repeat-headers=1:annexb=1"}
    units: list[AccessUnit] = []
    packets: list[Any] = []
    for n in range(frames):
        picture = np.zeros((height, width, 3), dtype=np.uint8)
        picture[:, (n * 8) % width :, :] = 200
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = n
        packets += context.encode(frame)
    packets += context.encode(None)
    for packet in packets:
        pts = 3600 * int(packet.pts) + 90_000
        units.append(AccessUnit(codec, pts, pts, bool(packet.is_keyframe), bytes(packet), "video"))
    return Film(units, width, height)


@pytest.fixture(scope="session")
def film() -> Film:
    """60 frames of H.264."""
    return encode_film("libx264", "H264")
