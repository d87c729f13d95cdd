from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from gateway import run
from gateway.config import Config
from gateway.operations.occupancy import Occupied, occupied
from gateway.operations.stopping import STOP_SIGNALS, NotStopped
from interop.demo.ports import free_port
from interop.wire.port import WireStranger


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def configured(directory: Path) -> Config:
    """A node on 127.0.0.1 with ports of its own."""
    base = Config()
    return replace(
        base,
        node=replace(base.node, data_dir=directory),
        sip=replace(base.sip, host="127.0.0.1", port=0),
        http=replace(base.http, port=0),
        media=replace(base.media, host="127.0.0.1", stream_workers=0, http_port=0),
        log=replace(base.log, level="error"),
    )


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_a_node_runs_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    started = asyncio.Event()
    codes: list[str] = []

    def announce(code: str) -> None:
        codes.append(code)
        started.set()

    serving = asyncio.create_task(run.serve(configured(tmp_path), announce=announce))
    await asyncio.wait_for(started.wait(), 60)
    os.kill(os.getpid(), number)
    await asyncio.sleep(0)
    os.kill(os.getpid(), number)  # as it comes when a whole group is told
    await asyncio.wait_for(serving, 60)
    assert len(codes) == 1


async def test_a_configured_trace_gets_every_sip_message_of_the_node(tmp_path: Path) -> None:
    config = configured(tmp_path / "data")
    file = tmp_path / "trace.jsonl"
    config = replace(config, log=replace(config.log, sip_trace=str(file)), sip=replace(config.sip, port=free_port()))
    started = asyncio.Event()
    serving = asyncio.create_task(run.serve(config, announce=lambda code: started.set()))
    await asyncio.wait_for(started.wait(), 60)
    async with WireStranger("127.0.0.1") as stranger:
        stranger.throw(b"OPTIONS sip:x SIP/2.0\r\nCall-ID: 1\r\n\r\n", ("127.0.0.1", config.sip.port))
        while not file.read_text():
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(serving, 60)
    first = json.loads(file.read_text().splitlines()[0])
    assert (first["direction"], first["peer"]) == ("<", f"127.0.0.1:{stranger.port}")
    assert first["message"].startswith("OPTIONS sip:x SIP/2.0")


def test_a_trace_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with pytest.raises(OSError):
        run.run(replace(config, log=replace(config.log, sip_trace=str(tmp_path))))


def test_the_set_up_code_is_shown_and_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    run.announce_setup_code("ABCDE-FGHJK")
    captured = capsys.readouterr()
    assert "ABCDE-FGHJK" in captured.out and captured.err == ""


def test_the_limit_of_open_files_is_raised_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Config] = []
    monkeypatch.setattr(run, "raise_open_files", raised.append)
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(OSError):
        run.run(configured(tmp_path / "file"))
    assert len(raised) == 1


def test_a_node_that_cannot_start_says_why(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with pytest.raises(OSError):
        run.run(configured(blocked))


def processes_of(directory: Path) -> list[int]:
    """Who was started with a path below the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and os.fsencode(directory) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


async def eventually(true: Callable[[], object], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_node_that_was_ended_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    data, config = tmp_path / "data", tmp_path / "node.toml"
    config.write_text(
        f"""
        [node]
        data_dir = "{data}"
        [sip]
        host = "127.0.0.1"
        port = 0
        [http]
        host = "127.0.0.1"
        port = 0
        [media]
        host = "127.0.0.1"
        http_port = 0
        stream_workers = 1
        orphan_seconds = 1
        """
    )
    command = [sys.executable, "-m", "gateway", "run", "--config", str(config)]
    output = tmp_path / "output"
    with output.open("wb") as stdout:
        node = await asyncio.create_subprocess_exec(*command, stdout=stdout, stderr=stdout)
    try:
        await eventually(lambda: b"node ready" in output.read_bytes() or node.returncode is not None)
        assert node.returncode is None and len(processes_of(tmp_path)) == 4
        node.send_signal(number)
        await asyncio.wait_for(node.wait(), 60)
        await eventually(lambda: not processes_of(tmp_path))
    finally:
        for pid in processes_of(tmp_path):
            os.kill(pid, signal.SIGKILL)
        await node.wait()


async def test_the_service_manager_is_told_of_start_and_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        serving = asyncio.create_task(run.serve(configured(tmp_path / "data"), announce=lambda code: None))
        heard = [await asyncio.to_thread(systemd.recv, 1000) for _ in range(3)]
        assert heard[0].startswith(b"READY=1\nSTATUS=Node 34020000002000000001, SIP port ")
        assert heard[1:] == [b"WATCHDOG=1", b"WATCHDOG=1"]
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(serving, 60)
        said = b""
        systemd.setblocking(False)
        while not said.startswith(b"STOPPING=1"):
            said = systemd.recv(1000)


async def test_a_data_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    with occupied(tmp_path), pytest.raises(Occupied):
        await run.serve(configured(tmp_path))
    assert not (tmp_path / "gateway.db").exists()


def test_a_node_that_does_not_come_to_its_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(config: Config) -> None:
        raise NotStopped("it hangs")

    ended: list[int] = []
    monkeypatch.setattr(run, "serve", hangs)
    monkeypatch.setattr(os, "_exit", ended.append)
    run.run(configured(tmp_path))
    assert ended == [1]
