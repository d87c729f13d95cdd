"""A program on a leash ends with whoever holds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from interop.demo import leash
from interop.demo.leash import leashed

HOLDER = f"""
import subprocess, sys, time
sys.path.insert(0, {str(Path(leash.__file__).parents[2])!r})
from interop.demo.leash import leashed
held = subprocess.Popen(leashed(sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"))
print(held.pid, flush=True)
time.sleep(60)
"""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_when_the_holder_is_killed_the_program_ends(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        said = {holder.stdout.readline().strip(), holder.stdout.readline().strip()}
        (pid,) = (int(text) for text in said - {"up"})
        assert _alive(pid)
        holder.send_signal(number)
        holder.wait()
        while _alive(pid):
            time.sleep(0.01)


def test_the_program_is_the_process_that_was_started_and_its_exit_status_comes_through() -> None:
    with subprocess.Popen(
        leashed(sys.executable, "-c", "import os; print(os.getpid()); raise SystemExit(7)"),
        stdout=subprocess.PIPE,
        text=True,
    ) as held:
        assert held.stdout is not None
        assert int(held.stdout.read()) == held.pid
    assert held.returncode == 7


def test_nothing_is_begun_for_a_holder_that_is_gone_already() -> None:
    command = leashed(sys.executable, "-c", "print('begun')")
    command[command.index(str(os.getpid()))] = "1"
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_command_is_executed_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []

    class Library:
        def __init__(self, name: str | None) -> None:
            assert name is None

        def prctl(self, option: int, value: int) -> None:
            done.append((option, value))

    monkeypatch.setattr(leash.ctypes, "CDLL", Library)
    monkeypatch.setattr(leash.os, "execv", lambda program, arguments: done.append((program, arguments)))
    leash.main(os.getppid(), ["/bin/true", "x"])
    leash.main(-1, ["/bin/false"])
    assert done == [(1, signal.SIGTERM), ("/bin/true", ["/bin/true", "x"]), (1, signal.SIGTERM)]
