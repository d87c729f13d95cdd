"""A `gbsim` process and what it tells."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any


class SimulatorProcess:
    """Runs `gbsim device` with the given options; its events are kept (the last thousand)."""

    def __init__(self, options: dict[str, str], password: str, log_file: Path) -> None:
        self._options = options
        self._password = password
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._silent = False
        self.events: list[dict[str, Any]] = []

    async def start(self) -> None:
        """Start it and wait until it is registered. Raises RuntimeError with what it said instead."""
        arguments = [text for name, value in self._options.items() for text in (f"--{name}", value)]
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "interop",
                "device",
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "GBSIM_PASSWORD": self._password},
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._read(self._process), name="gbsim output")
        await self.wait_for("registered", 20)

    async def wait_for(self, event: str, timeout_s: float) -> dict[str, Any]:
        """The first event of that name. Raises RuntimeError when it does not come."""

        def found() -> dict[str, Any] | None:
            return next((seen for seen in self.events if seen["event"] == event), None)

        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: found() is not None or self._ended())
        except TimeoutError:
            pass
        if (seen := found()) is None:
            last = self.events[-1] if self.events else "nothing"
            raise RuntimeError(
                f"the simulated device did not say {event!r}; its last word: {last}; see {self._log_file}"
            )
        return seen

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reader is not None:
            await self._reader

    def _ended(self) -> bool:
        return self._silent

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            async with self._news:
                self.events.append(event)
                del self.events[:-1000]
                self._news.notify_all()
        async with self._news:
            self._silent = True
            self._news.notify_all()
