"""A `gbsim` process and what it tells."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Any

from interop.demo.leash import leashed
from interop.demo.node import open_log

KEPT_EVENTS = 1000
STOP_TIMEOUT_S = 10.0


class SimulatorProcess:
    """Runs `gbsim device`, or another command of it, with the given options; its events are kept (the last thousand).

    `ready` is the event by which it is known to be there.
    """

    def __init__(
        self,
        options: dict[str, str],
        password: str,
        log_file: Path,
        *,
        command: str = "device",
        ready: str = "registered",
    ) -> None:
        self.code = options.get("id", "")
        self._command = command
        self._ready = ready
        self.log_file = log_file
        self._options = options
        self._password = password
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._silent = False
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)

    @property
    def exit_status(self) -> int | None:
        """How the process ended; None while it runs or before it started."""
        return None if self._process is None else self._process.returncode

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises RuntimeError with what it said instead."""
        arguments = [text for name, value in self._options.items() for text in (f"--{name}", value)]
        with await asyncio.to_thread(open_log, self.log_file) as log:
            self._process = await asyncio.create_subprocess_exec(
                *leashed(sys.executable, "-m", "interop", self._command, *arguments),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "GBSIM_PASSWORD": self._password},
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._read(self._process), name="gbsim output")
        await self.wait_for(self._ready, 20)

    async def wait_for(self, event: str, timeout_s: float) -> dict[str, Any]:
        """The first event of that name. Raises RuntimeError when it does not come."""

        def found() -> dict[str, Any] | None:
            return next((seen for seen in self.events if seen["event"] == event), None)

        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: found() is not None or self._silent)
        except TimeoutError:
            pass
        if (seen := found()) is None:
            last = self.events[-1] if self.events else "nothing"
            raise RuntimeError(
                f"the simulated device did not say {event!r}; its last word: {last}; see {self.log_file}"
            )
        return seen

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when that does not end it."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reader is not None:
            await self._reader

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            async with self._news:
                self.events.append(event)
                self._news.notify_all()
        async with self._news:
            self._silent = True
            self._news.notify_all()
