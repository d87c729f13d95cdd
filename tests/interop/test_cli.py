"""`gbsim` from the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interop import cli
from interop.device import PictureSettings
from interop.rtsp import RtspSettings, Stream
from interop.wire.platform import WirePlatform
from interop.wire.port import WirePort
from interop.wire.sipwire import Path as WirePath
from interop.wire.sipwire import Split

ROOT = Path(__file__).resolve().parents[2]
PLATFORM, DEVICE, CHANNEL = "34020000002000000001", "34020000001180000001", "34020000001310000101"
NEEDED = ["device", "--id", DEVICE, "--server", "127.0.0.1:5060", "--server-id", PLATFORM]


def _invoke(*arguments: str) -> Any:
    return CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "GBSIM_PASSWORD": ""}).invoke(cli.app, list(arguments))


def test_the_help_describes_every_option_in_words() -> None:
    result = _invoke("device", "--help")
    assert result.exit_code == 0
    lines = [line for line in result.output.splitlines() if " --" in line and "│" in line]
    assert len(lines) >= 18
    for line in lines:
        words = [word for word in line.replace("│", " ").split() if word.isalpha() and word.islower()]
        assert len(words) >= 2, line


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--id", "340"], "20 digits"),
        (["--server-id", "3402000000200000000x"], "20 digits"),
        (["--server", "127.0.0.1"], "HOST:PORT"),
        (["--server", ":5060"], "HOST:PORT"),
        (["--server", "a:99999"], "HOST:PORT"),
        (["--size", "big"], "WIDTHxHEIGHT"),
        (["--size", "641x360"], "even"),
        (["--codec", "vp8"], "h264"),
        (["--edition", "2011"], "2016"),
        (["--charset", "latin"], "GB18030"),
        (["--channels", "0"], "greater than or equal to 1"),
    ],
)
def test_a_wrong_option_is_told_in_words(wrong: list[str], said: str) -> None:
    result = _invoke(*NEEDED, *wrong)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_without_a_command_it_shows_the_help() -> None:
    assert "device" in _invoke().output


def test_every_option_reaches_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    async def run(settings: Any) -> int:
        seen.append(settings)
        return 3

    monkeypatch.setattr(cli, "run_device", run)
    options = {
        "password": "pw", "name": "门口", "channels": "2", "codec": "h265", "transport": "tcp", "host": "127.0.0.2",
        "port": "5070", "size": "320x180", "fps": "10", "gop": "20", "kbps": "300", "edition": "2022",
        "charset": "UTF-8", "keepalive": "30", "retry": "2", "encoders": "4",
    }  # fmt: skip
    result = _invoke(*NEEDED, *(text for name, value in options.items() for text in (f"--{name}", value)))
    assert result.exit_code == 3
    one = seen[0]
    assert (one.id, one.server_id, one.server_host, one.server_port) == (DEVICE, PLATFORM, "127.0.0.1", 5060)
    assert (one.password, one.name, one.transport, one.host, one.port) == ("pw", "门口", "TCP", "127.0.0.2", 5070)
    assert (one.edition, one.charset, one.keepalive_s, one.retry_s, one.max_encoders) == (2022, "UTF-8", 30.0, 2.0, 4)
    picture = one.picture
    assert (picture.codec, picture.width, picture.height, picture.fps) == ("H265", 320, 180, 10)
    assert (picture.gop, picture.bitrate) == (20, 300_000)
    assert [channel.id for channel in one.channels] == [CHANNEL, CHANNEL[:-1] + "2"]


def test_channel_codes_are_of_type_131_and_differ() -> None:
    codes = [channel.id for channel in cli.channels_of("34020000001180009999", 9999)]
    assert len(set(codes)) == 9999
    assert {len(code) for code in codes} == {20}
    assert {code[:14] for code in codes} == {"34020000001310"}


def _gbsim(port: int, password: str) -> Any:
    arguments = ["device", "--id", DEVICE, "--server", f"127.0.0.1:{port}", "--server-id", PLATFORM, "--retry", "0.1"]
    return asyncio.create_subprocess_exec(
        sys.executable, "-c", "import interop.cli; interop.cli.main()", *arguments,
        cwd=ROOT, env={**os.environ, "GBSIM_PASSWORD": password}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _events(process: asyncio.subprocess.Process, until: str) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while not seen or seen[-1]["event"] != until:
            seen.append(json.loads(await process.stdout.readline()))
    return seen


async def test_it_registers_tells_and_ends_on_sigterm() -> None:
    async with WirePlatform(PLATFORM, "pw") as up:
        process = await _gbsim(up.port.port, "pw")
        assert (await _events(process, "registered"))[-1]["id"] == DEVICE
        await up.ptz(CHANNEL, "A50F0101400000F6")
        assert (await _events(process, "ptz"))[-1]["channel"] == CHANNEL
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0
        assert up.registered == {}


async def test_it_ends_with_1_when_it_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    async with WirePlatform(PLATFORM, "another") as up:
        assert await cli.run_device(_settings(up.port.port)) == 1
    assert "401" in json.loads(capsys.readouterr().out)["problem"]


async def test_it_ends_with_1_when_its_port_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    async with WirePlatform(PLATFORM, "pw") as up:
        assert await cli.run_device(_settings(9, port=up.port.port)) == 1
    assert "in use" in capsys.readouterr().out


def _settings(server: int, **changed: Any) -> Any:
    values = {"id": DEVICE, "server_id": PLATFORM, "server_host": "127.0.0.1", "server_port": server, "password": "pw"}
    return cli.DeviceSettings(**{**values, "retry_s": 0.05, "transport": "TCP", **changed})


async def test_it_waits_for_an_absent_platform_and_runs_until_it_is_interrupted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    closed = WirePort("127.0.0.1", _nothing)
    await closed.open()
    await closed.close()
    running = asyncio.ensure_future(cli.run_device(_settings(closed.port)))
    async with asyncio.timeout(20):
        said = ""
        while "not registered" not in said:
            said += capsys.readouterr().out
            await asyncio.sleep(0.01)
        async with WirePlatform(PLATFORM, "pw", port=closed.port) as up:
            await up.wait_registered(DEVICE)
            os.kill(os.getpid(), signal.SIGINT)
            assert await running == 0


async def _nothing(request: Split, path: WirePath) -> None:
    return None


def test_every_option_reaches_the_rtsp_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    async def run(settings: Any) -> int:
        seen.append(settings)
        return 3

    monkeypatch.setattr(cli, "run_rtsp", run)
    options = {
        "host": "127.0.0.2", "port": "8555", "path": "/Streaming/Channels/101", "name": "门口", "user": "admin",
        "password": "pw", "auth": "basic", "codec": "h265", "sound": "AAC", "transport": "udp", "size": "320x180",
        "fps": "10", "gop": "20", "kbps": "300", "timeout": "30", "fault": "stops", "fault-after": "2",
    }  # fmt: skip
    assert _invoke("rtsp", *(text for name, value in options.items() for text in (f"--{name}", value))).exit_code == 3
    one = seen[0]
    assert (one.host, one.port, one.name, one.timeout_s) == ("127.0.0.2", 8555, "门口", 30.0)
    assert (one.username, one.password, one.auth, one.transports) == ("admin", "pw", "basic", {"UDP"})
    assert (one.fault, one.fault_after_s) == ("stops", 2.0)
    (stream,) = one.streams
    assert (stream.path, stream.sound, stream.picture.codec) == ("/Streaming/Channels/101", "AAC", "H265")
    assert (stream.picture.width, stream.picture.height, stream.picture.bitrate) == (320, 180, 300_000)
    assert _invoke("rtsp").exit_code == 3
    assert seen[1].transports == {"TCP", "UDP"} and not seen[1].username


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--path", "live"], "slash"),
        (["--auth", "ntlm"], "digest"),
        (["--sound", "MP3"], "AAC"),
        (["--fault", "fire"], "silent"),
        (["--transport", "pigeon"], "both"),
    ],
)
def test_a_wrong_option_of_the_rtsp_camera_is_told_in_words(wrong: list[str], said: str) -> None:
    result = _invoke("rtsp", *wrong)
    assert result.exit_code == 2 and said in result.output and "Traceback" not in result.output


async def test_the_rtsp_camera_listens_and_ends_on_sigterm_and_a_taken_port_is_told() -> None:
    process = await _rtsp(0)
    url = (await _events(process, "listening"))[-1]["url"]
    second = await _rtsp(int(url.rpartition(":")[2].partition("/")[0]))
    assert "in use" in (await _events(second, "not listening"))[-1]["problem"]
    assert await second.wait() == 1
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


def _rtsp(port: int) -> Any:
    return asyncio.create_subprocess_exec(
        sys.executable, "-c", "import interop.cli; interop.cli.main()", "rtsp", "--port", str(port), "--size", "64x48",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_it_serves_within_this_process_until_a_signal(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert await cli.run_rtsp(RtspSettings(port=taken.getsockname()[1])) == 1
    assert "not listening" in capsys.readouterr().out
    settings = RtspSettings(streams=(Stream("/live", PictureSettings(width=64, height=48)),))
    running = asyncio.create_task(cli.run_rtsp(settings))
    said = ""
    async with asyncio.timeout(20):
        while "listening" not in said:
            await asyncio.sleep(0.01)
            said += capsys.readouterr().out
    assert json.loads(said)["url"].startswith("rtsp://127.0.0.1:")
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 20) == 0
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
