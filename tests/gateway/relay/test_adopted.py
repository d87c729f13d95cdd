"""Processes that serve a worker's socket, found and held without being children of ours."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.relay import adopted as adopted_module
from gateway.relay.adopted import AdoptedProcess

SERVING = """
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[tuple[Path, Process]]:
    """A process run as `python -m stand_in` that listens on a socket and never answers."""
    (tmp_path / "stand_in.py").write_text(SERVING)
    path = tmp_path / "w.sock"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stand_in", str(path), stdout=PIPE, cwd=tmp_path
    )
    assert process.stdout is not None and await process.stdout.readline() == b"ready\n"
    yield path, process
    if process.returncode is None:
        os.kill(process.pid, signal.SIGKILL)
    await process.wait()


async def test_the_process_behind_a_socket_is_waited_for_and_killed(serving: tuple[Path, Process]) -> None:
    path, process = serving
    held = AdoptedProcess.at(path, "stand_in")
    assert held is not None and held.pid == process.pid and not held.over
    waiting = asyncio.create_task(held.wait())
    held.kill()
    await asyncio.wait_for(waiting, 10)
    assert held.over
    await process.wait()
    held.kill()  # nothing left to kill, and no other process of that number
    await asyncio.wait_for(held.wait(), 10)
    held.close()


async def test_waiting_may_be_given_up(serving: tuple[Path, Process]) -> None:
    held = AdoptedProcess.at(serving[0], "stand_in")
    assert held is not None
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(held.wait(), 0.01)
    assert not held.over
    held.close()


async def test_a_process_that_runs_something_else_is_not_held(serving: tuple[Path, Process], tmp_path: Path) -> None:
    assert AdoptedProcess.at(serving[0], "media.worker.relay") is None
    ours = tmp_path / "ours.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(ours))
        listener.listen()
        assert AdoptedProcess.at(ours, "stand_in") is None


async def test_a_process_of_another_user_is_not_held(
    serving: tuple[Path, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert AdoptedProcess.at(serving[0], "stand_in") is None


async def test_where_nobody_listens_there_is_none(serving: tuple[Path, Process], tmp_path: Path) -> None:
    path, process = serving
    assert AdoptedProcess.at(tmp_path / "none.sock", "stand_in") is None
    process.kill()
    await process.wait()
    assert AdoptedProcess.at(path, "stand_in") is None


async def test_a_process_that_ends_while_it_is_looked_at_is_not_held(
    serving: tuple[Path, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, process = serving
    looked = adopted_module._runs

    def ends_then(pid: int, module: str) -> bool:
        runs = looked(pid, module)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return runs

    monkeypatch.setattr(adopted_module, "_runs", ends_then)
    assert AdoptedProcess.at(path, "stand_in") is None
    await process.wait()
