"""One pull over real sockets: a hand-written camera on one side, the byte kit's receiver in the relay's place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from interop.wire import video
from interop.wire.media import Receiver
from media.errors import LocalError
from media.worker import puller as module
from media.worker.control import OpenPull, PullFailed, PullUp
from media.worker.pull_backoff import BackOff
from media.worker.puller import Puller
from tests.stand.rtsp_camera import RtspCamera
from tests.stand.wire_rtsp import SDP, WireRtsp

HOST = "127.0.0.1"
SSRC = 4711


class Relay:
    """Takes the RTP in."""

    def __init__(self) -> None:
        self.receiver = Receiver(SSRC)
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self) -> tuple[str, int]:
        self._server = await asyncio.start_server(self._take, HOST, 0)
        return (HOST, self._server.sockets[0].getsockname()[1])

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                self.receiver.stream(data)
        writer.close()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()


class Pull:
    """A puller, and what it told."""

    def __init__(self, command: OpenPull) -> None:
        self._loop = asyncio.get_running_loop()
        self.news: asyncio.Queue[PullUp | PullFailed] = asyncio.Queue()
        self.puller = Puller(command, lambda event: self._loop.call_soon_threadsafe(self.news.put_nowait, event))
        self.puller.start()

    async def next(self) -> Any:
        return await asyncio.wait_for(self.news.get(), 15)

    async def end(self) -> None:
        self.puller.stop()
        await asyncio.to_thread(self.puller.join, 15)
        assert self.puller.ended


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    made = Relay()
    yield made
    await made.close()


@pytest.fixture
async def pull(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    """Starts a pull of a camera."""
    monkeypatch.setattr(module, "BackOff", lambda: BackOff(lambda low, high: 0.05))
    destination = await relay.open()
    running: list[Pull] = []

    def start(url: str, **fields: Any) -> Pull:
        command = OpenPull(leg="pull-1", url=url, ssrc=SSRC, destination=destination)
        running.append(Pull(replace_struct(command, fields)))
        return running[-1]

    yield start
    await asyncio.gather(*(one.end() for one in running))


def replace_struct(command: OpenPull, fields: dict[str, Any]) -> OpenPull:
    values = {name: getattr(command, name) for name in command.__struct_fields__}
    return OpenPull(**{**values, **fields})


async def test_a_cameras_pictures_and_sound_arrive_as_a_program_stream(pull: Callable[..., Pull], relay: Relay) -> None:
    async with WireRtsp(sound=True) as camera:
        one = pull(camera.url)
        up = await one.next()
        assert up == PullUp(leg="pull-1", video_codec="H264", audio_codec="PCMA", attempt=1)
        await relay.receiver.until(30, timeout_s=15)
        assert not relay.receiver.faults and relay.receiver.units[0].key
        seen = [(number, counter) for number, counter, _ in video.burnt_in(bytes(relay.receiver.ps))]
        assert {number for number, _ in seen} == {7} and len(seen) >= 25
        stats = one.puller.stats()
        assert (stats.state, stats.attempts, stats.video_codec, stats.audio_codec) == ("up", 1, "H264", "PCMA")
        assert stats.units >= 30 and stats.packets >= stats.units / 2 and stats.bytes and stats.last_unit_at
        state = one.puller.state()
        assert (state.leg, state.kind, state.ssrc, state.started) == ("pull-1", "pull", SSRC, True)
        await one.end()
        assert one.puller.stats().state == "over"
        async with asyncio.timeout(10):
            while camera.playing:
                await asyncio.sleep(0.01)


async def test_a_camera_that_breaks_off_is_called_again_and_everything_runs_on(
    pull: Callable[..., Pull], relay: Relay
) -> None:
    async with WireRtsp() as camera:
        one = pull(camera.url)
        await one.next()
        await relay.receiver.until(10, timeout_s=15)
        camera.cut()
        broken = await one.next()
        assert isinstance(broken, PullFailed) and broken.reason == "ended" and broken.retry_in_s == 0.05
        again = await one.next()
        assert isinstance(again, PullUp) and again.attempt == 2
        before = len(relay.receiver.units)
        await relay.receiver.until(before + 10, timeout_s=15)
        assert not relay.receiver.faults and relay.connections == 2
        times = [unit.pts for unit in relay.receiver.units]
        assert times == sorted(times)


async def test_a_camera_that_is_gone_for_longer_is_tried_again_and_again(pull: Callable[..., Pull]) -> None:
    camera = WireRtsp()
    await camera.open()
    one = pull(camera.url)
    await one.next()
    await camera.close()
    reasons = [(await one.next()).reason for _ in range(3)]
    assert reasons == ["ended", "connect_refused", "connect_refused"]
    assert one.puller.stats().state in ("waiting", "opening") and one.puller.stats().reason == "connect_refused"
    await camera.open()
    while not isinstance(await one.next(), PullUp):
        pass
    await camera.close()


async def test_a_camera_that_sends_nothing_any_more_has_stalled(pull: Callable[..., Pull], relay: Relay) -> None:
    async with WireRtsp() as camera:
        one = pull(camera.url, stall_s=0.5)
        await one.next()
        await relay.receiver.until(3, timeout_s=15)
        camera.hold()
        assert (await one.next()).reason == "stalled"


async def test_sound_without_pictures_is_a_stall_too(pull: Callable[..., Pull], relay: Relay) -> None:
    async with WireRtsp(sound=True) as camera:
        one = pull(camera.url, stall_s=0.5)
        await one.next()
        await relay.receiver.until(3, timeout_s=15)
        camera.film = [b"\0\0\0\1\x06\x05\x01\x00\x80"]  # nothing but remarks
        failed = await one.next()
        assert (failed.reason, failed.detail) in {("stalled", "it sends, but no picture"), ("stalled", "")}


@pytest.mark.parametrize(
    ("camera", "reason"),
    [
        (WireRtsp(status="404 Not Found"), "not_found"),
        (WireRtsp(status="453 Not Enough Bandwidth"), "refused"),
        (WireRtsp(password="other"), "not_authorised"),
        (WireRtsp(sdp="v=0\r\nm=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:audio\r\n"), "no_video"),
        (WireRtsp(sdp=SDP.format(sets="").replace("H264", "VP8")), "codec_not_carried"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_pull_that_never_was_up_is_over_at_its_first_failure(
    pull: Callable[..., Pull], camera: WireRtsp, reason: str
) -> None:
    async with camera:
        one = pull(camera.url, username="u", password="s3cret")
        failed = await one.next()
        assert (failed.reason, failed.retry_in_s) == (reason, None) and "s3cret" not in failed.detail
        await asyncio.to_thread(one.puller.join, 15)
        assert one.puller.stats().state == "over" and one.puller.stats().attempts == 1


async def test_the_password_is_given_to_the_camera_and_to_nobody_else(
    pull: Callable[..., Pull], capsys: pytest.CaptureFixture[str]
) -> None:
    async with WireRtsp(password="p@ss/w:rd") as camera:
        one = pull(camera.url, username="u", password="p@ss/w:rd")
        assert isinstance(await one.next(), PullUp)
        camera.password = "another"
        camera.cut()
        assert [(await one.next()).reason for _ in range(2)] == ["ended", "not_authorised"]
        shown = f"{one.puller.stats()} {one.puller.state()} {one.puller.command!r} {capsys.readouterr()}"
        assert "p@ss" not in shown and "p%40ss" not in shown


async def test_a_password_in_the_path_is_not_logged(
    pull: Callable[..., Pull], capsys: pytest.CaptureFixture[str]
) -> None:
    async with WireRtsp(password="other") as camera:
        one = pull(f"{camera.url}?user=admin&password=p4th", username="u", password="s3cret")
        assert isinstance(await one.next(), PullFailed)
        await asyncio.to_thread(one.puller.join, 15)
    shown = "".join(capsys.readouterr())
    assert "pull ended" in shown and "127.0.0.1" in shown and "p4th" not in shown


async def test_parameter_sets_that_only_the_description_has_come_with_the_pictures(
    pull: Callable[..., Pull], relay: Relay
) -> None:
    async with WireRtsp(sets_in_stream=False) as camera:
        pull(camera.url)
        await relay.receiver.until(15, timeout_s=15)
        assert len(video.burnt_in(bytes(relay.receiver.ps))) >= 10


async def test_a_relay_that_is_gone_is_told_and_tried_again(pull: Callable[..., Pull], relay: Relay) -> None:
    async with WireRtsp() as camera:
        one = pull(camera.url)
        await one.next()
        await relay.receiver.until(1, timeout_s=15)
        await relay.close()
        for _ in range(2):
            assert (await one.next()).reason == "relay_lost"
        await relay.open()


async def test_what_nobody_thought_of_costs_one_attempt(
    pull: Callable[..., Pull], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_offers: object) -> None:
        raise KeyError("rtsp://u:s3cret@camera")

    monkeypatch.setattr(module, "choose", stumble)
    async with WireRtsp() as camera:
        failed = await pull(camera.url).next()
        assert (failed.reason, failed.detail) == ("bad_stream", "KeyError")


async def test_an_address_with_a_login_in_it_is_refused() -> None:
    command = OpenPull(leg="x", url="rtsp://u:s3cret@192.0.2.1/", ssrc=1, destination=(HOST, 1))
    with pytest.raises(LocalError):
        Puller(command, lambda event: None)


@pytest.mark.rtsp
@pytest.mark.parametrize(
    ("camera", "transport", "codecs"),
    [
        (RtspCamera(codec="H264", audio="PCMA", user="u", password="s3cret", auth="digest"), "tcp", ("H264", "PCMA")),
        (RtspCamera(codec="H265", audio="AAC", user="u", password="s3cret", auth="basic"), "tcp", ("H265", "AAC")),
        (RtspCamera(codec="H264", audio="PCMU", sets=False), "udp", ("H264", "PCMU")),
    ],
    ids=["H264 digest", "H265 basic", "H264 udp"],
)
async def test_cameras_of_somebody_elses_making_are_understood(
    pull: Callable[..., Pull], relay: Relay, camera: RtspCamera, transport: str, codecs: tuple[str, str]
) -> None:
    async with camera:
        up = await pull(camera.url, username="u", password="s3cret", transport=transport).next()
        assert isinstance(up, PullUp) and (up.video_codec, up.audio_codec) == codecs
        await relay.receiver.until(10, timeout_s=20)
        assert not relay.receiver.faults
