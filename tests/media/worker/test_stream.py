"""The stream worker over real sockets: a stream in, pictures out by HTTP and WebSocket, decoded at the far end."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import av
import pytest

from media.worker.client import CommandRefused, WorkerClient
from media.worker.control import (
    AnyEvent,
    CloseInput,
    CloseView,
    Drain,
    Event,
    InputClosed,
    InputReady,
    OpenInput,
    OpenSink,
    OpenSource,
    OpenView,
    Shutdown,
    Snapshot,
    StartSink,
    Stats,
    StreamStats,
    ViewerJoined,
    ViewerLeft,
    ViewWanted,
)
from media.worker.stream import StreamWorker, main
from media.worker.viewer_network import ViewerNetwork
from media.worker.whep import WhepSettings

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[3]
TOKEN = "a secret"
EventKind = TypeVar("EventKind", bound=Event)


class Running:
    """A stream worker in this loop, its control client and an HTTP client."""

    def __init__(self, worker: StreamWorker, client: WorkerClient, http: aiohttp.ClientSession) -> None:
        self.worker, self.client, self.http = worker, client, http
        self.sockets: list[socket.socket] = []
        self.run = asyncio.create_task(worker.run())

    async def event(self, kind: type[EventKind]) -> EventKind:
        while True:
            event: AnyEvent | None = await asyncio.wait_for(self.client.events.get(), 10)
            assert event is not None, f"the worker is gone, no {kind.__name__} came"
            if isinstance(event, kind):
                return event

    async def open_view(self, view: str = "v", source: str = "in", expires_in: float = 100.0) -> None:
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        await self.client.call(
            OpenView(view=view, input=source, token_sha256=digest, expires_at=time.time() + expires_in, watermark="w")
        )

    async def open_input(self, name: str = "in") -> socket.socket:
        opened = await self.client.call(OpenInput(input=name, bind=HOST))
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (HOST, opened.port))
        self.sockets.append(sock)
        return sock

    def url(self, view: str = "v", kind: str = "mp4", token: str = TOKEN) -> str:
        return f"http://{HOST}:{self.worker.http_port}/live/{view}.{kind}?token={token}"

    async def stats(self) -> StreamStats:
        stats = await self.client.call(Stats())
        assert isinstance(stats, StreamStats)
        return stats


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    started: list[Running] = []

    async def _start(**options: Any) -> Running:
        path = str(tmp_path / "s.sock")
        worker = StreamWorker(path, "stream-test", **options)
        await worker.listen(HOST, 0)
        client = await WorkerClient.connect(path, epoch=1, name="test")
        started.append(Running(worker, client, aiohttp.ClientSession()))
        return started[-1]

    yield _start
    for running in started:
        await running.http.close()
        running.worker.stop()
        await asyncio.wait_for(running.run, 20)
        await running.client.close()
        for sock in running.sockets:
            sock.close()


async def send(sock: socket.socket, packets: list[bytes]) -> None:
    data = b"".join(struct.pack("!H", len(p)) + p for p in packets)
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def read_until(content: aiohttp.StreamReader, enough: Callable[[bytes], bool]) -> bytes:
    data = b""
    async with asyncio.timeout(15):
        while not enough(data):
            data += await content.readany()
    return data


def frames(data: bytes) -> list[Any]:
    """Pictures an independent demuxer and decoder find."""
    with av.open(io.BytesIO(data)) as container:
        return list(container.decode(video=0))


def fragments(data: bytes) -> int:
    return data.count(b"moof")


async def test_a_viewer_gets_pictures_that_decode(start: Start, film: Any) -> None:
    running = await start()
    await running.open_view()
    camera = await running.open_input()
    await send(camera, film.packets(0, 41))
    ready = await running.event(InputReady)
    assert (ready.input, ready.video_codec, ready.audio_codec) == ("in", "H264", None)
    assert (ready.width, ready.height) == (320, 240)
    async with running.http.get(running.url()) as response:
        assert response.status == 200 and response.content_type == "video/mp4"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        joined = await running.event(ViewerJoined)
        await send(camera, film.packets(41, 51))
        data = await read_until(response.content, lambda d: fragments(d) >= 18)
    left = await running.event(ViewerLeft)
    assert (left.view, left.viewer, left.reason) == ("v", joined.viewer, "viewer left")
    assert left.bytes >= len(data)
    pictures = frames(data)
    assert len(pictures) >= 18 and pictures[0].key_frame
    assert (pictures[0].width, pictures[0].height) == (320, 240)
    stats = await running.stats()
    assert stats.inputs[0].connected and stats.inputs[0].packets == len(film.packets(0, 41) + film.packets(41, 51))
    assert (stats.views[0].joined, stats.views[0].viewers, stats.views[0].dropped) == (1, 0, 0)


async def test_a_camera_over_udp_reaches_a_viewer_through_the_relay(
    start: Start, start_relay: Callable[..., Awaitable[Any]], film: Any
) -> None:
    running, relay = await start(), await start_relay()
    source = await relay.client.call(OpenSource(leg="cam", transport="udp", bind=HOST, ssrc=1, accept_from=[HOST]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        for packet in film.packets(0, 31):
            camera.sendto(packet, (HOST, source.port))
        await relay.until("cam", lambda s: s.first_key_at is not None)
        opened = await running.client.call(OpenInput(input="in", bind=HOST))
        await relay.client.call(OpenSink(leg="in", source="cam", transport="tcp_active", bind=HOST, ssrc=5))
        await relay.client.call(StartSink(leg="in", remote=(HOST, opened.port)))
        await relay.until("in", lambda s: s.packets > 0)
        for packet in film.packets(31, 60):
            camera.sendto(packet, (HOST, source.port))
        await running.open_view()
        async with running.http.get(running.url()) as response:
            data = await read_until(response.content, lambda d: fragments(d) >= 8)
    assert len(frames(data)) >= 8
    stats = (await running.stats()).inputs[0]
    assert (stats.lost, stats.damaged) == (0, 0)


async def test_a_websocket_says_the_codec_first(start: Start, film: Any) -> None:
    running = await start()
    await running.open_view()
    camera = await running.open_input()
    await send(camera, film.packets(0, 31, audio=True))
    ready = await running.event(InputReady)
    assert ready.audio_codec == "PCMA"
    async with running.http.ws_connect(running.url(kind="ws")) as ws:
        hello = json.loads(await ws.receive_str(timeout=10))
        assert hello["codec"].startswith("avc1.") and "mp4a.40.2" in hello["codec"]
        assert hello["mime"] == f'video/mp4; codecs="{hello["codec"]}"' and hello["watermark"] == "w"
        init = await ws.receive_bytes(timeout=10)
        assert init[4:8] == b"ftyp"
        data = init
        while fragments(data) < 8:
            data += await ws.receive_bytes(timeout=10)
    assert len(frames(data)) >= 8
    assert (await running.event(ViewerLeft)).reason == "viewer left"


async def test_many_viewers_share_one_stream(start: Start, film: Any) -> None:
    running = await start()
    await running.open_view("a")
    await running.open_view("b")
    camera = await running.open_input()
    await send(camera, film.packets(0, 25))

    async def watch(view: str) -> bytes:
        async with running.http.get(running.url(view)) as response:
            return await read_until(response.content, lambda d: fragments(d) >= 2)

    one, other = await asyncio.gather(watch("a"), watch("b"))
    shorter = min(len(one), len(other))
    assert one[:shorter] == other[:shorter]


async def test_a_viewer_of_an_idle_view_waits_until_it_is_attached(start: Start, film: Any) -> None:
    running = await start()
    await running.open_view()
    request = asyncio.create_task(running.http.get(running.url()))
    assert (await running.event(ViewWanted)).view == "v"
    camera = await running.open_input()
    await send(camera, film.packets(0, 25))
    async with await request as response:
        assert response.status == 200
        assert await read_until(response.content, lambda d: fragments(d) >= 1)


async def refusal(running: Running, **where: str) -> tuple[int, str]:
    async with running.http.get(running.url(**where)) as response:
        body = await response.json()
        assert body["message"]
        return response.status, body["step"]


async def test_who_may_not_watch_is_told_why(start: Start) -> None:
    running = await start()
    await running.open_view()
    assert await refusal(running, token="wrong") == (403, "token")
    assert await refusal(running, token="wrong", kind="ws") == (403, "token")
    assert await refusal(running, view="other") == (404, "unknown_view")
    closed = await running.client.call(CloseView(view="v", reason="the operator left"))
    assert isinstance(closed, StreamStats) and [one.view for one in closed.views] == ["v"]
    assert await refusal(running) == (410, "ended")
    await running.open_view("late", expires_in=-1.0)
    assert (await refusal(running, view="late"))[0] == 410


async def test_a_picture_that_does_not_come_is_named_by_its_missing_step(start: Start, film: Any) -> None:
    running = await start(picture_wait_s=0.15)
    await running.open_view()
    assert await refusal(running) == (504, "no_input")
    camera = await running.open_input()
    assert await refusal(running) == (504, "no_packet")
    packets = film.packets(1, 10)
    await send(camera, [p[:12] + b"\x01" * 50 for p in packets[:3]])
    assert await refusal(running) == (504, "no_ps")
    await send(camera, packets)
    assert await refusal(running) == (504, "no_key_frame")


async def test_closing_the_input_ends_its_viewers_but_not_the_view(start: Start, film: Any) -> None:
    running = await start()
    await running.open_view()
    camera = await running.open_input()
    await send(camera, film.packets(0, 25))
    async with running.http.get(running.url()) as response:
        await running.event(ViewerJoined)
        await running.client.call(CloseInput(input="in"))
        await response.read()
    assert (await running.event(InputClosed)).reason == "closed"
    assert (await running.event(ViewerLeft)).reason == "input closed"
    with pytest.raises(CommandRefused, match="no_such_input"):
        await running.client.call(CloseInput(input="in"))
    camera = await running.open_input()
    await send(camera, film.packets(0, 25))
    async with running.http.get(running.url()) as response:
        assert response.status == 200


async def test_closing_or_expiring_a_view_ends_its_viewers(start: Start, film: Any) -> None:
    running = await start()
    await running.open_view("closed")
    camera = await running.open_input()
    await send(camera, film.packets(0, 25))
    async with running.http.get(running.url("closed")) as response:
        await running.event(ViewerJoined)
        await running.client.call(CloseView(view="closed", reason="grant revoked"))
        await response.read()
    assert (await running.event(ViewerLeft)).reason == "grant revoked"
    await running.open_view("short", expires_in=0.5)
    async with running.http.get(running.url("short")) as response:
        assert response.status == 200
        await response.read()
    assert (await running.event(ViewerLeft)).reason == "expired"
    with pytest.raises(CommandRefused, match="no_such_view"):
        await running.client.call(CloseView(view="short", reason="again"))


async def test_a_webrtc_viewer_is_answered_at_the_same_port_and_ends_with_the_input(start: Start, film: Any) -> None:
    running = await start(whep=WhepSettings(ViewerNetwork(bind=HOST)))
    await running.open_view()
    camera = await running.open_input()
    await send(camera, film.packets(0, 25))
    offered = (Path(__file__).parent / "chromium-offer.sdp").read_text("ascii")
    url = f"http://{HOST}:{running.worker.http_port}/whep/v?token={TOKEN}"
    async with running.http.post(url, data=offered, headers={"Content-Type": "application/sdp"}) as response:
        answered = await response.text()
        assert response.status == 201, answered
    assert "a=rtpmap:102 H264/90000" in answered and f" {HOST} " in answered
    await running.event(ViewerJoined)
    await running.client.call(CloseInput(input="in"))
    assert (await running.event(ViewerLeft)).reason == "input closed"


def test_webrtc_is_loaded_for_its_first_viewer_only() -> None:
    code = "import sys, media.worker.stream; print(sorted({'aiortc', 'aioice', 'pylibsrtp'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "[]"


async def test_a_worker_without_webrtc_keeps_no_pictures_for_it(start: Start, film: Any) -> None:
    running = await start(whep=WhepSettings(most=0))
    await running.open_view()
    camera = await running.open_input()
    await send(camera, film.packets(0, 25))
    await running.event(InputReady)
    assert running.worker._inputs["in"].units.codec is None


async def test_a_snapshot_is_a_picture(start: Start, film: Any) -> None:
    running = await start()
    camera = await running.open_input()
    taking = asyncio.create_task(running.client.call(Snapshot(input="in", timeout_s=10)))
    await send(camera, film.packets(0, 12))
    taken = await taking
    assert (taken.width, taken.height, taken.codec) == (320, 240, "H264")
    assert taken.jpeg.startswith(b"\xff\xd8")
    with pytest.raises(CommandRefused, match="no_such_input"):
        await running.client.call(Snapshot(input="x", timeout_s=1))
    await running.open_input("quiet")
    with pytest.raises(CommandRefused, match="no_picture: no_packet"):
        await running.client.call(Snapshot(input="quiet", timeout_s=0.05))


async def test_commands_are_idempotent_or_refused(start: Start) -> None:
    running = await start()
    opened = await running.client.call(OpenInput(input="in", bind=HOST))
    assert await running.client.call(OpenInput(input="in", bind=HOST)) == opened
    assert await running.client.call(OpenInput(input="in", bind=HOST, ssrc=7)) == opened
    with pytest.raises(CommandRefused, match="bad_request"):
        await running.client.call(OpenInput(input="in", bind="127.0.0.2"))
    with pytest.raises(CommandRefused, match="bad_address"):
        await running.client.call(OpenInput(input="x", bind="192.0.2.1"))
    with pytest.raises(CommandRefused, match="for another kind of worker"):
        await running.client.call(OpenSource(leg="x", transport="udp", bind=HOST))
    await running.open_view()
    second = await WorkerClient.connect(running.worker.server._path, epoch=2, name="new")
    assert [(s.leg, s.kind, s.port) for s in second.hello.legs] == [("in", "input", opened.port), ("v", "view", 0)]
    await second.close()


async def test_views_are_bounded(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    running = await start()
    monkeypatch.setattr("media.worker.views.MOST_VIEWS", 1)
    await running.open_view("a")
    with pytest.raises(CommandRefused, match="limit"):
        await running.open_view("b")


async def test_a_drained_worker_ends_when_nothing_is_left(start: Start) -> None:
    running = await start()
    await running.client.call(OpenInput(input="in", bind=HOST))
    await running.client.call(Drain())
    with pytest.raises(CommandRefused, match="limit"):
        await running.client.call(OpenInput(input="b", bind=HOST))
    await running.client.call(CloseInput(input="in"))
    assert await asyncio.wait_for(running.run, 10) == "drained"


async def test_shutdown_ends_the_worker(start: Start) -> None:
    running = await start()
    await running.client.call(Shutdown())
    assert await asyncio.wait_for(running.run, 10) == "shutdown"


async def test_a_worker_without_control_process_ends_itself(start: Start) -> None:
    running = await start(orphan_s=0.05)
    await running.client.close()
    assert await asyncio.wait_for(running.run, 10) == "no control process"


def test_what_cannot_be_had_is_an_exit_status(
    own_log: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--name", "s", "--http"]
    with socket.create_server((HOST, 0)) as taken:
        http = f"{HOST}:{taken.getsockname()[1]}"
        assert main(["--socket", str(tmp_path / "s.sock"), *arguments, http]) == 1
    assert "cannot open the HTTP port" in capsys.readouterr().err
    assert main(["--socket", str(tmp_path / "no" / "s.sock"), *arguments, f"{HOST}:0"]) == 1
    with pytest.raises(SystemExit):
        main(["--socket", "x", *arguments, "nonsense"])


async def test_the_process_starts_serves_and_stops_by_signal(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    arguments = ["-m", "media.worker.stream", "--socket", str(path), "--name", "s1", "--http", f"{HOST}:0"]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
    try:
        client = await _connect(path)
        assert (client.hello.pid, client.hello.kind, client.hello.name) == (process.pid, "stream", "s1")
        with socket.create_connection((HOST, client.hello.http_port), 5):
            pass  # where viewers are served is known from the first word on
        assert (await client.call(OpenInput(input="in", bind=HOST))).port
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0 and b"SIGTERM" in errors
        await client.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _connect(path: Path) -> WorkerClient:
    async with asyncio.timeout(30):
        while True:
            try:
                return await WorkerClient.connect(str(path), epoch=1, name="test")
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.sleep(0.02)
