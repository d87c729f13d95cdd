from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys

import pytest

from gateway.operations import stopping
from gateway.operations.stopping import STOP_SIGNALS, NotStopped, stop_in_time, told_to_stop

DEAF = """
import asyncio, sys, time, uvloop
from gateway.operations import stopping
from gateway.operations.stopping import told_to_stop
async def main():
    with told_to_stop() as stop:
        print("running", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        time.sleep(0.6)
        print("later", flush=True)
        time.sleep(60)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_the_first_signal_asks_for_an_orderly_stop(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in STOP_SIGNALS]
    with told_to_stop() as stop:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stop.wait(), 10)
        os.kill(os.getpid(), number)  # as a group of processes gets it twice
    assert [signal.getsignal(one) for one in STOP_SIGNALS] == before


@pytest.mark.parametrize("first", STOP_SIGNALS)
@pytest.mark.parametrize("second", STOP_SIGNALS)
def test_the_second_signal_of_either_kind_ends_even_a_process_that_hangs(
    first: signal.Signals, second: signal.Signals
) -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "running\n"
        process.send_signal(first)
        try:
            while process.stdout.readline() != "stopping\n":
                pass
            process.send_signal(first)  # as a group of processes gets it twice
            assert process.stdout.readline() == "later\n"
            process.send_signal(second)
            assert process.wait(20) == -second
        finally:
            process.kill()


async def test_a_later_signal_takes_the_way_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "ONE_SIGNAL_S", 0.0)
    killed: list[tuple[int, int, object]] = []
    with told_to_stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stop.wait(), 10)
        handler = signal.getsignal(signal.SIGINT)
        monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number, signal.getsignal(number))))
        assert callable(handler)
        handler(signal.SIGINT, None)
    assert killed == [(os.getpid(), signal.SIGINT, signal.SIG_DFL)]


async def test_sighup_is_ignored_without_a_terminal_and_stops_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with told_to_stop() as stop:
        monkeypatch.setattr(sys, "stdin", None)
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGURG)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not stop.is_set()
        ours, theirs = pty.openpty()
        with os.fdopen(ours), os.fdopen(theirs) as terminal:
            monkeypatch.setattr(sys, "stdin", terminal)
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.wait_for(stop.wait(), 10)


async def test_a_stop_in_time_ends_nothing_else() -> None:
    done: list[str] = []

    async def stop() -> None:
        done.append("stopped")

    async def end_workers() -> None:
        done.append("workers")

    await stop_in_time(stop, end_workers)
    assert done == ["stopped"]


async def test_a_stop_that_hangs_is_given_up_and_the_workers_are_ended() -> None:
    done: list[str] = []

    async def stop() -> None:
        await asyncio.Event().wait()

    async def end_workers() -> None:
        done.append("workers")
        await asyncio.Event().wait()

    with pytest.raises(NotStopped, match="within 0.01 s"):
        await stop_in_time(stop, end_workers, within_s=0.01, workers_within_s=0.01)
    assert done == ["workers"]
