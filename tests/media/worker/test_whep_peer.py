"""One WebRTC viewer over a scripted transport, under a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from media.rtcp import SenderReport, parse_compound
from media.rtp import is_rtcp, parse_header
from media.unit import AccessUnit
from media.worker import whep_peer
from media.worker.live_units import LiveUnits, UnitQueue
from media.worker.rtp_track import RtpTrack
from media.worker.whep_peer import BURST_S, PACE_BYTES_S, SentTrack, WhepPeer
from media.worker.whep_sdp import Remote

REMOTE = Remote("ufrag", "p" * 22, (("sha-256", "4D"),))
KEY = bytes.fromhex("000000016742e01f8c68 0000000168ce3c80 000000016588841122")


class Wire:
    """A transport that connects when told, and keeps what is sent."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.vanished = False
        self.connecting = asyncio.Event()
        self.sent: list[bytes] = []
        self.problem: Exception | None = None
        self.feedback: Sequence[SentTrack] = ()
        self.closed = False
        self.slow_close = False

    async def connect(self, remote: Remote, feedback: Sequence[SentTrack]) -> None:
        self.feedback = feedback
        await self.connecting.wait()
        if self.problem is not None:
            raise self.problem

    async def send(self, packet: bytes) -> None:
        if self.ended.is_set():
            raise ConnectionError("over")
        self.sent.append(packet)

    async def close(self) -> None:
        self.closed = True
        if self.slow_close:
            await asyncio.Event().wait()

    def rtp(self) -> list[bytes]:
        return [packet for packet in self.sent if not is_rtcp(packet)]


class Play:
    """A viewer of one stream."""

    def __init__(self, *, sound: bool = True, connect_s: float = 10.0) -> None:
        self.now, self.counted = 100.0, 0
        self.wire, self.units, self.queue = Wire(), LiveUnits(), UnitQueue()
        self.video, audio = RtpTrack(102, origin=0), RtpTrack(8, origin=0)
        self.peer = WhepPeer(
            self.wire,
            self.queue,
            self.video,
            audio if sound else None,
            "cafe",
            count=self._count,
            connect_s=connect_s,
            clock=lambda: self.now,
        )
        self.life = asyncio.create_task(self.peer.run(self.units, REMOTE))

    def _count(self, size: int) -> None:
        self.counted += size

    def show(self, pts: int, *, key: bool = True, size: int = 0) -> None:
        data = KEY if key else b"\x00\x00\x01\x41" + b"\x9a" * max(size, 4)
        self.units.offer([AccessUnit("H264", pts, pts, key, data, "video")])

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0)

    async def end(self, reason: str = "done") -> str | None:
        self.queue.end(reason)
        await asyncio.wait_for(self.life, 10)
        return self.queue.ended


async def test_a_viewer_gets_the_key_frame_then_live_then_nothing() -> None:
    play = Play()
    play.show(90_000)
    play.wire.connecting.set()
    await play.until(play.wire.rtp)
    play.show(93_600, key=False)
    play.units.offer([AccessUnit("PCMA", 93_600, 93_600, True, b"\xd5" * 320, "audio")])
    await play.until(lambda: len(play.wire.rtp()) == 4)
    heads = [parse_header(packet) for packet in play.wire.rtp()]
    assert [(head.payload_type, head.timestamp, head.marker) for head in heads] == [
        (102, 90_000, True),
        (102, 93_600, True),
        (8, 8320, False),
        (8, 8480, False),
    ]
    assert await play.end() == "done"
    assert play.wire.closed and play.units.queues == set()
    assert play.counted == play.queue.sent == sum(len(packet) for packet in play.wire.rtp())


async def test_without_a_section_for_it_sound_is_not_sent() -> None:
    play = Play(sound=False)
    play.wire.connecting.set()
    play.show(0)
    await play.until(lambda: play.units.queues)
    play.units.offer([AccessUnit("PCMA", 0, 0, True, b"\xd5" * 320, "audio")])
    play.show(3600)
    await play.until(lambda: len(play.wire.rtp()) == 2)
    assert {parse_header(packet).payload_type for packet in play.wire.rtp()} == {102}
    await play.end()


async def test_each_second_a_report_says_what_was_sent() -> None:
    play = Play()
    play.wire.connecting.set()
    play.show(0)
    await play.until(lambda: len(play.wire.sent) == 2)
    play.show(3600)
    play.now += whep_peer.REPORT_S
    play.show(7200)
    await play.until(lambda: len(play.wire.sent) == 5)
    reports = [packet for packet in play.wire.sent if is_rtcp(packet)]
    heads = [parse_compound(packet)[0] for packet in reports]
    assert [head.packet_count for head in heads if isinstance(head, SenderReport)][0] == 1
    assert len(reports) == 2
    await play.end()


async def test_a_large_picture_does_not_leave_in_one_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    play, slept = Play(), list[float]()

    async def sleep(seconds: float) -> None:
        if seconds:
            slept.append(seconds)
            play.now += seconds

    play.wire.connecting.set()
    play.show(0)
    await play.until(play.wire.rtp)
    monkeypatch.setattr(whep_peer.asyncio, "sleep", sleep)
    play.show(3600, key=False, size=400_000)
    async with asyncio.timeout(10):
        while play.counted < 400_000:
            await _turn()
    assert sum(slept) == pytest.approx(play.counted / PACE_BYTES_S, abs=2 * BURST_S)
    assert max(slept) < 2 * BURST_S
    monkeypatch.undo()
    await play.end()


async def test_a_view_that_ends_within_a_large_picture_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play()

    async def sleep(seconds: float) -> None:
        play.queue.end("grant revoked")

    play.wire.connecting.set()
    play.show(0)
    await play.until(play.wire.rtp)
    with monkeypatch.context() as patch:
        patch.setattr(whep_peer.asyncio, "sleep", sleep)
        play.show(3600, key=False, size=400_000)
        await asyncio.wait_for(play.life, 10)
    assert play.queue.ended == "grant revoked" and play.counted < 40_000


async def _turn() -> None:
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done


async def test_lost_packets_are_sent_again_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whep_peer, "MOST_AGAIN", 2)
    play = Play()
    play.wire.connecting.set()
    play.show(0)
    await play.until(play.wire.rtp)
    (first,) = play.wire.rtp()
    number = parse_header(first).sequence
    await play.wire.feedback[0].lost([number, number + 9, number, number])
    assert play.wire.rtp() == [first] * 3, "twice again, not thrice, and nothing that was never sent"
    assert play.counted == 3 * len(first)
    play.wire.ended.set()
    await play.wire.feedback[0].lost([number])
    await asyncio.wait_for(play.life, 10)


async def test_a_viewer_without_picture_gets_the_key_frame_again_once_a_second() -> None:
    play = Play()
    await play.until(lambda: play.wire.feedback)
    await play.wire.feedback[0].picture_lost()
    play.wire.connecting.set()
    play.show(0)
    await play.until(play.wire.rtp)
    await play.wire.feedback[0].picture_lost()
    play.now += whep_peer.AGAIN_S
    await play.wire.feedback[0].picture_lost()
    await play.wire.feedback[0].picture_lost()
    await play.until(lambda: len(play.wire.rtp()) > 1)
    play.show(3600)
    await play.until(lambda: len(play.wire.rtp()) == 3)
    assert [parse_header(packet).timestamp for packet in play.wire.rtp()] == [0, 1, 3600]
    await play.end()


async def test_a_viewer_who_goes_on_asking_is_sent_the_group_less_and_less_often() -> None:
    play, again = Play(), list[float]()
    play.wire.connecting.set()
    play.show(0)
    await play.until(play.wire.rtp)
    begun = play.now

    async def asks(seconds: float) -> None:
        before = len(play.wire.rtp())
        play.now += seconds
        await play.wire.feedback[0].picture_lost()
        for _ in range(9):
            await asyncio.sleep(0)
        if len(play.wire.rtp()) > before:
            again.append(play.now - begun)

    for _ in range(64):
        await asks(0.5)
    assert again == [1.0, 3.0, 7.0, 15.0, 23.0, 31.0]
    await asks(29.0)
    await asks(1.0)
    assert again[6:] == [61.0, 62.0], "after a while without trouble as soon as at first"
    await play.end()


@pytest.mark.parametrize(("vanished", "reason"), [(True, "the viewer vanished"), (False, "viewer left")])
async def test_why_a_viewer_is_gone(vanished: bool, reason: str) -> None:
    play = Play()
    play.wire.connecting.set()
    await play.until(lambda: play.units.queues)
    play.wire.vanished = vanished
    play.wire.ended.set()
    await asyncio.wait_for(play.life, 10)
    assert play.queue.ended == reason and play.wire.closed


async def test_a_connection_that_breaks_while_sending_is_a_viewer_gone() -> None:
    play = Play()
    play.wire.connecting.set()
    await play.until(lambda: play.units.queues)
    play.show(0)
    play.wire.ended.set()
    await asyncio.wait_for(play.life, 10)
    assert play.queue.ended == "viewer left"


async def test_who_never_comes_is_not_waited_for() -> None:
    play = Play(connect_s=0.01)
    await asyncio.wait_for(play.life, 10)
    assert play.queue.ended is not None and play.queue.ended.startswith("never connected: no ICE") and play.wire.closed


async def test_a_handshake_that_fails_is_said() -> None:
    play = Play()
    play.wire.problem = ConnectionError("the DTLS handshake failed")
    play.wire.connecting.set()
    await asyncio.wait_for(play.life, 10)
    assert play.queue.ended == "never connected: the DTLS handshake failed"


async def test_a_fault_of_ours_is_not_hidden() -> None:
    play = Play()
    play.wire.problem = ZeroDivisionError("ours")
    play.wire.connecting.set()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(play.life, 10)
    assert play.wire.closed


async def test_a_view_closed_meanwhile_ends_the_waiting() -> None:
    play = Play()
    await play.until(lambda: play.wire.feedback)
    assert await play.end("grant revoked") == "grant revoked"
    assert play.units.queues == set()


async def test_a_goodbye_that_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whep_peer, "_CLOSE_S", 0.01)
    play = Play()
    play.wire.slow_close = True
    play.wire.connecting.set()
    await play.until(lambda: play.units.queues)
    assert await play.end() == "done"
