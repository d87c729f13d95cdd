"""What a playing session sends, and when it ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from interop.device.picture import PictureSettings
from interop.device.source import LiveSource
from interop.rtsp.camera import first_unit
from interop.rtsp.dialogue import Leg
from interop.rtsp.medium import media_of
from interop.rtsp.playback import NOISE_BYTES, Playback
from interop.rtsp.settings import Fault, Stream
from interop.rtsp.track import RtpTrack
from interop.rtsp.transport import Transport

SMALL = PictureSettings(width=64, height=48, fps=60, gop=10, bitrate=64_000)


@dataclass
class Wire:
    """Keeps what is sent; `patience` packets, then the client is too slow."""

    patience: int = 1_000_000
    sent: list[tuple[int, bytes, bool]] = field(default_factory=list)
    cuts: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, transport: Transport, packet: bytes, *, control: bool) -> bool:
        self.sent.append((transport.channel, packet, control))
        self.news.set()
        return len(self.sent) < self.patience

    def cut(self) -> None:
        self.cuts += 1
        self.news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.sent) < count:
                self.news.clear()
                await self.news.wait()


class Watched:
    """A playback of a small real source."""

    def __init__(self, wire: Wire, fault: Fault = Fault.NONE, after_s: float = 0.1) -> None:
        self.fault = fault
        media = media_of(Stream(picture=SMALL, sound="PCMA"), first_unit(SMALL))
        self.legs = [
            Leg(RtpTrack(medium, n, ssrc=n, sequence=0, timestamp=0), Transport(True, channel=2 * n))
            for n, medium in enumerate(media)
        ]
        for leg in self.legs:
            leg.track.play(0.0)
        self.source = LiveSource(SMALL, "one")
        clock = asyncio.get_running_loop().time
        self.playback = Playback(self.legs, self.source, wire, clock, lambda: self.fault, after_s)


async def test_reports_come_first_and_both_tracks_follow_on_their_channels() -> None:
    wire = Wire()
    watched = Watched(wire)
    await wire.until(12)
    watched.playback.stop()
    watched.playback.stop()
    await watched.source.close()
    assert [(channel, control) for channel, _, control in wire.sent[:2]] == [(0, True), (0, False)]
    assert {channel for channel, _, control in wire.sent if control} == {0, 2}
    assert {channel for channel, _, control in wire.sent if not control} == {0, 2}


async def test_a_client_that_is_too_slow_gets_nothing_more_of_that_picture() -> None:
    wire = Wire(patience=1)
    watched = Watched(wire)
    await wire.until(1)
    watched.playback.stop()
    await watched.source.close()
    assert [channel for channel, _, _ in wire.sent] == [0] * len(wire.sent)


async def test_noise_has_right_headers_and_nothing_to_decode() -> None:
    wire = Wire()
    watched = Watched(wire, Fault.NOISE)
    await wire.until(6)
    watched.playback.stop()
    await watched.source.close()
    payloads = [packet[12:] for _, packet, control in wire.sent if not control]
    assert {len(payload) for payload in payloads} == {NOISE_BYTES}


async def test_it_stops_after_so_much_video_and_leaves_the_connection() -> None:
    wire = Wire()
    watched = Watched(wire, Fault.STOPS)
    await wire.until(5)
    async with asyncio.timeout(20):
        while watched.source.encoding:
            await asyncio.sleep(0.01)
    await watched.source.close()
    video = {packet[4:8] for channel, packet, control in wire.sent if channel == 0 and not control}
    assert len(video) == 6
    assert not wire.cuts


async def test_it_cuts_the_connection_after_so_much_video() -> None:
    wire = Wire()
    watched = Watched(wire, Fault.CLOSES)
    async with asyncio.timeout(20):
        while not wire.cuts:
            wire.news.clear()
            await wire.news.wait()
    await watched.source.close()
    assert wire.cuts == 1 and not watched.source.encoding


async def test_a_silent_camera_sends_nothing_until_it_is_well_again() -> None:
    wire = Wire()
    watched = Watched(wire, Fault.SILENT)
    seen: asyncio.Queue[object] = asyncio.Queue()
    watched.source.subscribe(seen.put_nowait)
    async with asyncio.timeout(20):
        await seen.get()
        await seen.get()
    assert not wire.sent
    watched.fault = Fault.NONE
    await wire.until(1)
    watched.playback.stop()
    await watched.source.close()
