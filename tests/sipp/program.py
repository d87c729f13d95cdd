"""Runs the program sipp against an address and reports how its calls ended."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from interop.demo.ports import free_port

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Registrar:
    """A platform under test and one device it knows."""

    host: str
    port: int
    server_id: str
    device_id: str
    password: str


class Sipp:
    """One sipp process: `async with Sipp("register.xml", registrar, folder) as run: await run.passed()`."""

    def __init__(
        self,
        scenario: str,
        registrar: Registrar,
        folder: Path,
        *,
        port: int | None = None,
        transport: str = "u1",
        calls: int = 1,
    ) -> None:
        self.port = port or free_port()
        self.folder = folder
        self._command = [
            "sipp",
            f"{registrar.host}:{registrar.port}",
            "-sf",
            str(HERE / scenario),
            "-i",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-t",
            transport,
            "-m",
            str(calls),
            "-l",
            str(calls),
            "-nostdin",
            "-timeout",
            "20",
            "-timeout_error",
            "-trace_err",
            "-au",
            registrar.device_id,
            "-ap",
            registrar.password,
            "-key",
            "server_id",
            registrar.server_id,
            "-key",
            "domain",
            registrar.server_id[:10],
            "-key",
            "device_id",
            registrar.device_id,
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Sipp:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()

    async def listening(self) -> None:
        """Wait until the process has its port (a scenario that begins by receiving)."""
        async with asyncio.timeout(10):
            while f":{self.port:04X} " not in Path("/proc/net/udp").read_text():  # noqa: ASYNC240
                await asyncio.sleep(0.02)

    async def passed(self) -> None:
        """Wait for the end; AssertionError with what sipp wrote when a call failed."""
        assert self._process is not None
        _, errors = await asyncio.wait_for(self._process.communicate(), 30)
        logs = "\n".join(log.read_text(errors="replace") for log in self.folder.glob("*errors.log"))
        assert self._process.returncode == 0, f"sipp ended with {self._process.returncode}\n{errors.decode()}\n{logs}"
