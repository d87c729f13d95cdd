"""The camera as other people's clients see it: FFmpeg's library and program, and GStreamer."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from interop.device.picture import PictureSettings
from interop.rtsp import Fault, RtspCamera, RtspSettings, Stream
from interop.rtsp.camera import first_unit
from tests.interop.rtsp.bare_client import BareClient

Make = Callable[..., RtspCamera]
SIZE = {"width": 320, "height": 180, "fps": 15, "gop": 15, "bitrate": 400_000}
STREAMS = (
    Stream("/h264", PictureSettings("H264", **SIZE), "PCMA"),
    Stream("/h265", PictureSettings("H265", **SIZE), "AAC"),
    Stream("/plain264", PictureSettings("H264", **SIZE)),
    Stream("/plain265", PictureSettings("H265", **SIZE)),
)
PASSWORD = 'p@ss"w/rd'
LOGIN = "viewer:p%40ss%22w%2Frd@"
EVERY_WAY = [(path, transport) for path in ("/h264", "/h265") for transport in ("tcp", "udp")]


def _guarded(auth: str = "digest") -> RtspCamera:
    return RtspCamera(RtspSettings(streams=STREAMS, username="viewer", password=PASSWORD, auth=auth))  # type: ignore[arg-type]


def _with_login(url: str) -> str:
    return url.replace("rtsp://", f"rtsp://{LOGIN}")


def watched(
    url: str, transport: str = "tcp", pictures: int = 20
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """So many decoded pictures (gray), by the client PyAV brings; a damaged one is an error."""
    options = {"rtsp_transport": transport, "timeout": "8000000", "err_detect": "explode"}
    seen = []
    with av.open(url, options=options, timeout=10) as container:
        for frame in container.decode(container.streams.video[0]):
            seen.append(frame.to_ndarray(format="gray"))
            if len(seen) == pictures:
                break
    return seen


@pytest.mark.parametrize(("path", "transport"), EVERY_WAY)
async def test_a_client_by_another_maker_sees_a_moving_picture(path: str, transport: str) -> None:
    async with _guarded() as camera:
        seen = await asyncio.to_thread(watched, _with_login(camera.url_of(path)), transport)
        assert not camera.settings.password.isalnum() and PASSWORD not in camera.url
    assert len(seen) == 20 and seen[0].shape == (180, 320)
    assert all(np.any(one != other) for one, other in zip(seen, seen[1:], strict=False))


@pytest.mark.parametrize("auth", ["basic", "digest"])
async def test_a_wrong_password_is_refused_however_it_is_asked_for(auth: str) -> None:
    async with _guarded(auth) as camera:
        seen = await asyncio.to_thread(watched, _with_login(camera.url_of("/plain264")), "tcp", 2)
        assert len(seen) == 2
        for url in (camera.url, camera.url.replace("rtsp://", "rtsp://viewer:wrong@")):
            with pytest.raises(av.HTTPUnauthorizedError):
                await asyncio.to_thread(watched, url)


async def test_sound_is_heard_with_the_picture(small: Make) -> None:
    async with RtspCamera(RtspSettings(streams=STREAMS)) as camera:
        for path, codec, rate in (("/h264", "pcm_alaw", 8000), ("/h265", "aac", 16_000)):
            heard, name = await asyncio.to_thread(_heard, camera.url_of(path))
            assert (name, heard.sample_rate) == (codec, rate)
            spectrum = np.abs(np.fft.rfft(_samples(heard), n=rate))
            assert abs(int(np.argmax(spectrum)) - 440) < 8


def _heard(url: str) -> tuple[av.AudioFrame, str]:
    """Some sound behind its beginning, and the name of its codec."""
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=10) as container:
        stream = container.streams.audio[0]
        frames = container.decode(stream)
        for _ in range(4):
            next(frames)
        return next(frames), stream.codec_context.name


def _samples(frame: av.AudioFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return frame.to_ndarray()[0].astype(np.float64)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.WRONG_PASSWORD, av.HTTPUnauthorizedError),
        (Fault.NOT_FOUND, av.HTTPNotFoundError),
        (Fault.UNAVAILABLE, av.HTTPServerError),
        (Fault.SILENT, av.FFmpegError),
        (Fault.GARBAGE, av.FFmpegError),
    ],
)
async def test_a_fault_is_what_a_client_runs_into(fault: Fault, error: type[Exception], small: Make) -> None:
    async with small(fault=fault) as camera:
        with pytest.raises(error):
            await asyncio.to_thread(_tried, camera.url)
        camera.fault = Fault.NONE
        assert len(await asyncio.to_thread(watched, camera.url, "tcp", 3)) == 3


def _tried(url: str) -> None:
    with av.open(url, options={"rtsp_transport": "tcp", "timeout": "1000000"}, timeout=2) as container:
        next(container.decode(container.streams.video[0]))


async def test_streams_that_stop_or_break_off_end_in_an_error(small: Make) -> None:
    for fault in (Fault.STOPS, Fault.CLOSES):
        async with small(fault=fault, fault_after_s=0.5) as camera:
            count = await asyncio.to_thread(_until_the_end, camera.url)
            assert 10 <= count <= 15


def _until_the_end(url: str) -> int:
    count = 0
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=2) as container:
        try:
            for packet in container.demux(container.streams.video[0]):
                count += packet.size > 0
        except av.FFmpegError:
            pass
    return count


async def test_several_clients_share_one_encoder_and_it_rests_afterwards(small: Make) -> None:
    async with small() as camera:
        ways = [(camera.url, transport) for transport in ("tcp", "udp", "tcp")]
        seen = await asyncio.gather(*(asyncio.to_thread(watched, url, way, 15) for url, way in ways))
        assert [len(pictures) for pictures in seen] == [15, 15, 15]
        async with asyncio.timeout(20):
            while camera.encoding or camera.clients:
                await asyncio.sleep(0.01)


async def test_one_client_too_many_is_turned_away(small: Make, events: list[tuple[str, object]]) -> None:
    async with small(max_clients=1) as camera, await BareClient.to(camera.port) as first:
        await first.ask("OPTIONS", "*")
        async with await BareClient.to(camera.port) as second:
            assert await second.gone()
        assert (await first.ask("OPTIONS", "*")).status == 200
    assert ("too many", {"clients": 1}) in events


async def test_a_stopped_camera_comes_back_at_the_same_port(small: Make) -> None:
    camera = small()
    await camera.start()
    url = camera.url
    async with await BareClient.to(camera.port) as client:
        await client.play(camera.url)
        await camera.stop()
        assert await client.gone()
    await camera.start()
    assert camera.url == url
    assert len(await asyncio.to_thread(watched, camera.url, "tcp", 2)) == 2
    await camera.stop()


async def test_a_port_that_is_taken_is_told(small: Make) -> None:
    async with small() as camera:
        with pytest.raises(OSError):
            await small(port=camera.port).start()


async def test_a_client_by_another_maker_outlives_the_timeout_of_its_session(small: Make) -> None:
    async with small(timeout_s=2.0) as camera:
        assert len(await asyncio.to_thread(watched, camera.url, "udp", 120)) == 120


def test_addresses_of_ipv6_have_brackets() -> None:
    assert RtspCamera(RtspSettings(host="::1", port=554)).url == "rtsp://[::1]:554/live"


def test_an_encoder_that_gives_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interop.rtsp.camera.VideoEncoder.encode", lambda *_, **__: [])
    with pytest.raises(RuntimeError, match="H264"):
        first_unit(PictureSettings(gop=2))


async def _output(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        said, problems = await process.communicate()
    assert process.returncode == 0, problems.decode()
    return said


@pytest.mark.ffprobe
@pytest.mark.parametrize(("path", "transport"), EVERY_WAY)
async def test_ffprobe_reads_codec_size_and_sound(path: str, transport: str) -> None:
    probe = shutil.which("ffprobe")
    assert probe is not None
    async with _guarded() as camera:
        url = _with_login(camera.url_of(path))
        said = await _output(probe, "-v", "error", "-rtsp_transport", transport, "-show_streams", "-of", "json", url)
    streams = {stream["codec_type"]: stream for stream in json.loads(said)["streams"]}
    video, audio = streams["video"], streams["audio"]
    names = {"/h264": ("h264", "pcm_alaw"), "/h265": ("hevc", "aac")}[path]
    assert (video["codec_name"], audio["codec_name"]) == names
    assert (video["width"], video["height"], video["r_frame_rate"]) == (320, 180, "15/1")


@pytest.mark.rtsp
@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(("path", "codec"), [("/plain264", "h264"), ("/plain265", "h265")])
async def test_gstreamer_decodes_a_moving_picture(path: str, codec: str, transport: str, tmp_path: Path) -> None:
    launch = shutil.which("gst-launch-1.0")
    assert launch is not None
    target = tmp_path / "gray"
    async with _guarded() as camera:
        pipeline = (
            f"rtspsrc location={_with_login(camera.url_of(path))} protocols={transport} ! rtp{codec}depay ! "
            f"{codec}parse ! avdec_{codec} ! videoconvert ! video/x-raw,format=GRAY8 ! identity eos-after=20 ! "
            f"filesink location={target}"
        )
        # How it ends is its own affair: at times it asks for PAUSE when it has closed its connection already.
        process = await asyncio.create_subprocess_exec(launch, "-q", *pipeline.split(), stderr=asyncio.subprocess.PIPE)
        async with asyncio.timeout(60):
            await process.communicate()
    pictures = np.frombuffer(target.read_bytes(), np.uint8).reshape(-1, 180, 320)
    assert len(pictures) >= 19
    assert all(np.any(one != other) for one, other in zip(pictures, pictures[1:], strict=False))
