"""One client's connection, over real sockets, by a client in bytes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from interop.device.picture import PictureSettings
from interop.rtsp import Fault, RtspCamera, Stream
from tests.interop.rtsp.bare_client import BareClient

Make = Callable[..., RtspCamera]
Events = list[tuple[str, dict[str, Any]]]


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_report_and_the_picture_come_over_the_connection(small: Make, events: Events) -> None:
    async with small() as camera, await BareClient.to(camera.port) as client:
        session = await client.play(camera.url)
        channel, report = await client.packet()
        assert (channel, report[1]) == (1, 200)
        channel, packet = await client.packet()
        assert channel == 0 and packet[0] == 0x80
        assert (await client.ask("PAUSE", camera.url, f"Session: {session}")).status == 200
        await _until(lambda: not camera.encoding)
        assert (await client.ask("PLAY", camera.url, f"Session: {session}")).status == 200
        await client.packet()
        assert (await client.ask("TEARDOWN", camera.url, f"Session: {session}")).status == 200
        await _until(lambda: not camera.encoding)
    names = [name for name, _ in events]
    assert names.count("playing") == names.count("stopped") == 2
    assert ("request", {"client": events[1][1]["client"], "method": "SETUP", "status": "200"}) in events


async def test_sequence_numbers_run_on_over_a_pause(small: Make) -> None:
    async with small() as camera, await BareClient.to(camera.port) as client:
        session = await client.play(camera.url)
        for _ in range(3):
            await client.packet()
        await client.ask("PAUSE", camera.url, f"Session: {session}")
        said = await client.ask("PLAY", camera.url, f"Session: {session}")
        before = [packet for channel, packet in client.packets if channel == 0]
        announced = dict(part.split("=", 1) for part in said["rtp-info"].split(";"))
        while len([1 for channel, _ in client.packets if channel == 0]) == len(before):
            await client.packet()
        after = client.packets[-1][1]
        assert after[2:4] == int(announced["seq"]).to_bytes(2, "big")
        assert int(announced["seq"]) == int.from_bytes(before[-1][2:4], "big") + 1 & 0xFFFF
        assert after[4:8] == int(announced["rtptime"]).to_bytes(4, "big")
        assert after[8:12] == before[-1][8:12]


async def test_datagrams_come_from_the_ports_that_were_announced(small: Make) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        rtp.bind(("127.0.0.1", 0))
        rtp.setblocking(False)
        port = rtp.getsockname()[1]
        async with small() as camera, await BareClient.to(camera.port) as client:
            wish = f"RTP/AVP;unicast;client_port={port}-{port}"
            said = await client.ask("SETUP", f"{camera.url}/trackID=0", f"Transport: {wish}")
            await client.ask("PLAY", camera.url, f"Session: {said['session']}")
            ports = said["transport"].partition("server_port=")[2].partition(";")[0].split("-")
            loop, seen = asyncio.get_running_loop(), set()
            async with asyncio.timeout(20):
                while len(seen) < 2:
                    seen.add((await loop.sock_recvfrom(rtp, 2000))[1][1])
            assert seen == {int(text) for text in ports}


async def test_a_session_without_a_word_ends_and_rtcp_is_a_word(small: Make, events: Events) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
        rtcp.bind(("127.0.0.1", 0))
        port = rtcp.getsockname()[1]
        async with small(timeout_s=1.0) as camera, await BareClient.to(camera.port) as client:
            wish = f"RTP/AVP;unicast;client_port={port}-{port}"
            said = await client.ask("SETUP", f"{camera.url}/trackID=0", f"Transport: {wish}")
            session = said["session"].partition(";")[0]
            assert said["session"].endswith(";timeout=1")
            report = int(said["transport"].partition("server_port=")[2].partition(";")[0].split("-")[1])
            connection = next(iter(camera._connections))
            before = connection.dialogue.deadline
            await _until(
                lambda: rtcp.sendto(b"rr", ("127.0.0.1", report)) > 0 and connection.dialogue.deadline > before
            )
            await _until(lambda: any(name == "timeout" for name, _ in events))
            assert (await client.ask("PLAY", camera.url, f"Session: {session}")).status == 454
            assert await client.gone()


async def test_reports_within_the_connection_are_a_word_too(small: Make) -> None:
    async with small() as camera, await BareClient.to(camera.port) as client:
        await client.set_up(camera.url)
        connection = next(iter(camera._connections))
        before = connection.dialogue.deadline
        client.writer.write(b"$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x01")
        await _until(lambda: connection.dialogue.deadline > before)


async def test_a_client_that_does_not_read_is_cut_off_and_disturbs_no_other(small: Make, events: Events) -> None:
    large = Stream("/live", PictureSettings(width=320, height=240, fps=30, gop=1, bitrate=8_000_000))
    async with (
        small(streams=(large,), max_backlog=20_000) as camera,
        await BareClient.to(camera.port) as slow,
        await BareClient.to(camera.port) as quick,
    ):
        slow.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await slow.play(camera.url)
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await quick.play(camera.url)
        while not any(name == "too slow" for name, _ in events):
            await quick.packet()
        await _until(lambda: camera.clients == 1)
        await quick.packet()


async def test_what_is_no_rtsp_ends_the_connection(small: Make, events: Events) -> None:
    async with small() as camera, await BareClient.to(camera.port) as client:
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await client.gone()
        await _until(lambda: not camera.clients)
    assert events[-1][0] == "no RTSP"


async def test_a_client_that_vanishes_leaves_no_session(small: Make, events: Events) -> None:
    async with small() as camera:
        async with await BareClient.to(camera.port) as client:
            await client.play(camera.url)
            await client.packet()
        await _until(lambda: not camera.clients and not camera.encoding)


async def test_a_camera_that_breaks_off_does_so_without_a_word(small: Make) -> None:
    async with small(fault=Fault.CLOSES, fault_after_s=0.2) as camera, await BareClient.to(camera.port) as client:
        await client.play(camera.url)
        assert await client.gone()
        await _until(lambda: not camera.clients)


async def test_garbage_goes_out_as_it_is(small: Make) -> None:
    async with small(fault=Fault.GARBAGE) as camera, await BareClient.to(camera.port) as client:
        client.writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        async with asyncio.timeout(20):
            assert (await client.reader.read(100)).startswith(b"\x16\x03\x01")
