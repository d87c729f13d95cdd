"""gbsim onvif."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interop import cli
from interop.onvif import CameraSettings, DiscoverySettings, command
from tests.interop.onvif.conftest import FIXED

URI = "rtsp://127.0.0.1:8554/main"


def _invoke(*arguments: str) -> Any:
    return CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "GBSIM_PASSWORD": ""}).invoke(
        cli.app, ["onvif", *arguments]
    )


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []

    async def run(settings: CameraSettings, discovery: DiscoverySettings | None, motion_every_s: float) -> int:
        found.extend((settings, discovery, motion_every_s))
        return 3

    monkeypatch.setattr(command, "run_camera", run)
    return found


def test_every_option_reaches_the_camera(seen: list[Any], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"jpeg")
    options = {
        "username": "root", "password": "pw", "name": "门口", "serial": "7", "host": "127.0.0.2", "port": "8080",
        "codec": "h265", "size": "3840x2160", "fps": "12.5", "clock-offset": "-60", "stream-host": "192.168.1.64",
        "snapshot": str(tmp_path / "a.jpg"), "motion-every": "5",
    }  # fmt: skip
    repeated = ("--rtsp-uri", URI, "--rtsp-uri", "rtsp://127.0.0.1/sub")
    bad = ("--misbehave", "GetStreamUri=slow:2", "--misbehave", "*=garbage")
    switches = ("--no-ptz", "--no-imaging", "--no-events", "--no-media2", "--http-digest", "--strict-clock")
    valued = (text for name, value in options.items() for text in (f"--{name}", value))
    result = _invoke(*repeated, *bad, *switches, *valued)
    assert result.exit_code == 3, result.output
    one, discovery, motion_every_s = seen
    assert (one.username, one.password, one.name, one.serial) == ("root", "pw", "门口", "7")
    assert (one.host, one.port, one.events, one.media2, one.http_digest) == ("127.0.0.2", 8080, False, False, True)
    assert (one.clock_offset_s, one.strict_clock, one.stream_uri_host) == (-60.0, True, "192.168.1.64")
    assert (one.snapshot, one.misbehaviour) == (b"jpeg", {"GetStreamUri": "slow:2", "*": "garbage"})
    (source,) = one.sources
    assert (source.ptz, source.imaging) == (False, False)
    assert [profile.rtsp_uri for profile in source.profiles] == [URI, "rtsp://127.0.0.1/sub"]
    first = source.profiles[0]
    assert (first.encoding, first.width, first.height, first.fps) == ("H265", 3840, 2160, 12.5)
    assert (discovery, motion_every_s) == (DiscoverySettings(host="127.0.0.2"), 5.0)


def test_discovery_can_be_left_out(seen: list[Any]) -> None:
    assert _invoke("--rtsp-uri", URI, "--no-discovery").exit_code == 3
    assert seen[1] is None
    assert seen[0].sources[0].ptz is True


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--rtsp-uri", "http://127.0.0.1/"], "rtsp://HOST"),
        (["--rtsp-uri", "rtsp:///main"], "rtsp://HOST"),
        (["--rtsp-uri", URI, "--size", "big"], "WIDTHxHEIGHT"),
        (["--rtsp-uri", URI, "--misbehave", "GetScopes"], "silent, slow:SECONDS"),
        (["--rtsp-uri", URI, "--misbehave", "=silent"], "OPERATION=HOW"),
        ([], "--rtsp-uri"),
    ],
)
def test_a_wrong_option_is_told_in_words(wrong: list[str], said: str, seen: list[Any]) -> None:
    result = _invoke(*wrong)
    assert result.exit_code == 2
    assert said in result.output
    assert seen == []


async def test_it_runs_moves_and_ends_on_an_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    settings = CameraSettings(username="", sources=(FIXED,))
    running = asyncio.ensure_future(command.run_camera(settings, None, 0.01))
    said = ""
    async with asyncio.timeout(20):
        while '"moves": false' not in said:
            said += capsys.readouterr().out
            await asyncio.sleep(0.005)
        events = [json.loads(line) for line in said.splitlines()]
        port = int(events[0]["address"].rpartition(":")[2])
        assert (events[0]["event"], events[1]) == ("listening", {"event": "motion", "moves": True})
        await _ask(port)
        os.kill(os.getpid(), signal.SIGINT)
        assert await running == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"event": "GetScopes", "service": "device", "token": "", "arguments": {}} in told


async def _ask(port: int) -> None:
    body = (
        b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
        b'<GetScopes xmlns="http://www.onvif.org/ver10/device/wsdl"/></e:Body></e:Envelope>'
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


async def test_a_taken_port_ends_it_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = CameraSettings(port=taken.getsockname()[1])
        assert await command.run_camera(settings, None, 0.0) == 1
    assert "in use" in json.loads(capsys.readouterr().out)["problem"]
