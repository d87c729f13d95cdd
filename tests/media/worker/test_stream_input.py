"""One input of the stream worker: the relay's connection, packaging, stalls, snapshots."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from media.unit import AccessUnit
from media.worker import stream_input as stream_input_module
from media.worker.broadcast import Viewer
from media.worker.control import Event, InputReady, InputStalled, LegState
from media.worker.live_units import UnitQueue
from media.worker.server import Refused
from media.worker.stream_input import StreamInput
from media.worker.viewing import Changes

HOST = "127.0.0.1"


class Setting:
    """An input in this loop with an injected clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.events: list[Event] = []
        self.executor = ThreadPoolExecutor(1)
        self.changes = Changes()
        self.input = StreamInput(
            "in",
            HOST,
            reactor=asyncio.get_running_loop(),
            executor=self.executor,
            changes=self.changes,
            emit=self.events.append,
            clock=lambda: self.now,
            unix_offset=1000.0,
        )
        self.sockets: list[socket.socket] = []

    async def connect(self) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        self.sockets.append(sock)
        await asyncio.get_running_loop().sock_connect(sock, (HOST, self.input.opened.port))
        return sock

    async def send(self, sock: socket.socket, packets: list[bytes]) -> None:
        data = b"".join(struct.pack("!H", len(p)) + p for p in packets)
        await asyncio.get_running_loop().sock_sendall(sock, data)

    async def until(self, true: Callable[[], object]) -> None:
        for _ in range(2000):
            if true():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("it did not happen")

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def stalls(self) -> list[tuple[str, float]]:
        return [(e.step, e.waited_s) for e in self.told(InputStalled)]


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    place = Setting()
    yield place
    if not place.input._closed:
        place.input.close("end of test")
    if place.input._packaging is not None:
        await place.input._packaging
    place.executor.shutdown()
    for sock in place.sockets:
        sock.close()


async def test_a_stream_becomes_ready_and_is_described(setting: Setting, film: Any) -> None:
    assert setting.input.state() == LegState("in", "input", "tcp_passive", HOST, setting.input.opened.port)
    camera = await setting.connect()
    await setting.send(camera, film.packets(0, 30))
    await setting.until(lambda: setting.input.broadcast.ready)
    assert setting.told(InputReady) == [
        InputReady(input="in", video_codec="H264", audio_codec=None, width=320, height=240)
    ]
    description = setting.input.description()
    assert description["mime"] == f'video/mp4; codecs="{description["codec"]}"'
    assert (description["width"], description["height"]) == (320, 240)
    stats = setting.input.stats()
    assert (stats.packets, stats.lost, stats.last_packet_at) == (len(film.packets(0, 30)), 0, 1100.0)
    assert (stats.video_codec, stats.width, stats.fragments > 20) == ("H264", 320, True)
    assert setting.input.state().started


async def test_a_new_connection_of_the_relay_goes_on_after_the_former_has_ended(setting: Setting, film: Any) -> None:
    first = await setting.connect()
    await setting.send(first, film.packets(0, 30))
    await setting.until(lambda: setting.input.broadcast.ready)
    assert setting.input.stats().connected
    first.close()
    second = await setting.connect()
    before = setting.input.broadcast.fragments
    await setting.send(second, film.packets(30, 60))
    await setting.until(lambda: setting.input.broadcast.fragments > before + 20)
    second.close()
    await setting.until(lambda: not setting.input.stats().connected)


async def test_pictures_of_the_former_connection_are_not_kept_for_webrtc_viewers(setting: Setting, film: Any) -> None:
    first = await setting.connect()
    await setting.send(first, film.packets(0, 8))
    await setting.until(lambda: setting.input.units.restart(UnitQueue()))
    first.close()
    await setting.until(lambda: not setting.input.stats().connected)
    second = await setting.connect()
    await setting.send(second, film.packets(8, 9))
    await setting.until(lambda: setting.input.stats().connected)
    assert not setting.input.units.restart(UnitQueue())


async def test_another_connection_cannot_replace_the_picture(setting: Setting, film: Any) -> None:
    setting.input.expect(0x5EC4E7)
    relay, intruder = await setting.connect(), await setting.connect()
    await setting.send(intruder, film.packets(0, 10, ssrc=1))
    assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(intruder, 10), 5) == b""
    await setting.send(relay, film.packets(0, 30, ssrc=0x5EC4E7))
    await setting.until(lambda: setting.input.broadcast.ready)
    late = await setting.connect()
    assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(late, 10), 5) == b""
    stats = setting.input.stats()
    assert (stats.connected, stats.refused, stats.packets) == (True, 2, len(film.packets(0, 30)))


async def test_stalls_are_told_in_steps_with_what_is_missing(setting: Setting, film: Any) -> None:
    for second in range(7):
        setting.input.check(setting.now + second)
    assert setting.stalls() == [("no_packet", 5.0)]
    camera = await setting.connect()
    await setting.send(camera, film.packets(1, 8))
    await setting.until(lambda: setting.input.missing == "no_key_frame")
    setting.input.check(setting.now + 10)
    setting.input.check(setting.now + 15)
    setting.input.check(setting.now + 99)
    assert setting.stalls() == [("no_packet", 5.0), ("no_key_frame", 10.0), ("no_key_frame", 15.0)]


async def test_a_stream_that_ran_stalls_for_want_of_packets(setting: Setting, film: Any) -> None:
    camera = await setting.connect()
    await setting.send(camera, film.packets(0, 30))
    await setting.until(lambda: setting.input.broadcast.ready)
    setting.input.check(setting.now + 4)
    setting.input.check(setting.now + 6)
    assert setting.stalls() == [("no_packet", 5.0)]
    setting.now += 7
    await setting.send(camera, film.packets(30, 40))
    await setting.until(lambda: setting.input.stats().last_packet_at == 1107.0)
    setting.input.check(setting.now)
    setting.input.check(setting.now + 5)
    assert setting.stalls() == [("no_packet", 5.0), ("no_packet", 5.0)]


async def test_a_missing_packet_is_given_up_by_the_clock(setting: Setting, film: Any) -> None:
    camera = await setting.connect()
    packets = film.packets(0, 30)
    del packets[2]
    await setting.send(camera, packets)
    await setting.until(lambda: setting.input.stats().packets == len(packets))
    setting.input.check(setting.now + 1)
    assert setting.input.stats().lost == 1
    await setting.until(lambda: setting.input.broadcast.ready)


async def test_another_codec_ends_the_viewers(setting: Setting, film: Any) -> None:
    viewer = Viewer()
    setting.input.broadcast.join(viewer)
    setting.input._offer(film.units[:20])
    await setting.until(lambda: setting.input.broadcast.ready)
    strange = replace(film.units[20], codec="SVAC")
    later = [replace(u, pts=u.pts + 1, dts=u.dts + 1) for u in film.units[30:50]]
    setting.input._offer([strange, *later])
    await setting.until(lambda: viewer.ended)
    assert viewer.ended == "the codec of the stream has changed"
    await setting.until(lambda: len(setting.told(InputReady)) == 2)


async def test_too_many_waiting_units_are_skipped_to_a_key_frame(
    setting: Setting, film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_input_module, "MOST_PENDING", 5)
    setting.input._offer(film.units[:9])
    assert setting.input._pending == []
    setting.input._offer(film.units[10:12])
    assert setting.input._pending == film.units[10:12]


async def test_a_fault_of_ours_in_packaging_is_logged_and_survived(
    setting: Setting, film: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = AccessUnit("AAC", 0, 0, True, None, "audio")  # type: ignore[arg-type]
    setting.input._offer([broken])
    await setting.until(lambda: setting.input._packaging is None)
    assert "packaging failed" in capsys.readouterr().out
    setting.input._offer(film.units[:20])
    await setting.until(lambda: setting.input.broadcast.ready)


async def test_a_snapshot_waits_for_a_key_frame(setting: Setting, film: Any) -> None:
    taking = asyncio.create_task(setting.input.snapshot(10))
    await asyncio.sleep(0)
    setting.changes.tell()
    await asyncio.sleep(0)
    setting.input._offer(film.units[10:11])
    taken = await taking
    assert (taken.width, taken.height, taken.codec, taken.pts) == (320, 240, "H264", film.units[10].pts)


async def test_a_snapshot_that_cannot_be_taken_says_why(setting: Setting) -> None:
    with pytest.raises(Refused, match="no_packet: No media packet"):
        await setting.input.snapshot(0.01)
    setting.input._last_key = AccessUnit("H264", 0, 0, True, b"\x00\x00\x00\x01\x65rubbish", "video")
    with pytest.raises(Refused, match="undecodable"):
        await setting.input.snapshot(5)


async def test_closing_ends_who_waits_and_who_watches(setting: Setting, film: Any) -> None:
    setting.input._offer(film.units[1:2])
    viewer = Viewer()
    setting.input.broadcast.join(viewer)
    taking = asyncio.create_task(setting.input.snapshot(10))
    await asyncio.sleep(0)
    setting.input.close("input closed")
    with pytest.raises(Refused, match="was closed"):
        await taking
    assert viewer.ended == "input closed"
    setting.input._publish(None)  # type: ignore[arg-type]
