"""One node as a process of its own, and its HTTP API from outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import aiohttp

from interop.demo.leash import leashed
from interop.demo.ports import HOST, free_port, free_range

START_TIMEOUT_S = 60.0
CODE_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 15.0
CODE = re.compile(r"\b([A-Z2-9]{5}(?:-[A-Z2-9]{5}){3})\b")


class ApiFailure(Exception):
    """The API answered with an error; the message is the API's own."""

    def __init__(self, status: int, body: Any) -> None:
        message = body.get("message", body) if isinstance(body, dict) else body
        super().__init__(f"{status}: {message}")
        self.status = status
        self.body = body


@dataclass(slots=True)
class NodeProcess:
    """A node that runs `gbgateway run` below `directory`. Ports are chosen when it is made."""

    id: str
    name: str
    directory: Path
    taken: set[int]
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    sip_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    stream_port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    token: str = ""
    user: str = "admin"
    password: str = field(default_factory=lambda: f"Demo-{secrets.token_urlsafe(9)}", repr=False)
    setup_code: str = ""
    _session: aiohttp.ClientSession | None = None
    _reader: asyncio.Task[None] | None = None
    _media: tuple[int, int] | None = None
    _code_known: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def api(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    @property
    def config_file(self) -> Path:
        return self.directory / "gbgateway.toml"

    @property
    def log_file(self) -> Path:
        return self.directory / "gbgateway.log"

    def write_config(self) -> None:
        """Write the node's configuration file."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._media is None:
            self._media = free_range(200, self.taken)
        first, last = self._media
        sections: dict[str, dict[str, Any]] = {
            "node": {"id": self.id, "name": self.name, "data_dir": str(self.directory / "data")},
            "sip": {"host": HOST, "port": self.sip_port},
            "http": {"host": HOST, "port": self.http_port},
            "media": {
                "host": HOST,
                "port_min": first,
                "port_max": last,
                "http_host": HOST,
                "http_port": self.stream_port,
            },
            "uplink": {"retry_seconds": 1.0, "retry_jitter_seconds": 0.0},
        }
        for section, values in self.settings.items():
            sections.setdefault(section, {}).update(values)
        lines = []
        for section, values in sections.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
            lines.append("")
        self.config_file.write_text("\n".join(lines), "utf-8")

    async def start(self) -> None:
        """Start the process and wait until its API answers."""
        await asyncio.to_thread(self.write_config)
        self.setup_code = ""
        self._code_known.clear()
        with await asyncio.to_thread(open_log, self.log_file) as log:
            self.process = await asyncio.create_subprocess_exec(
                *leashed(sys.executable, "-m", "gateway", "run", "--config", str(self.config_file)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._read_output(self.process), name=f"output of {self.name}")
        await self._wait_until_ready()

    async def _read_output(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with await asyncio.to_thread(open_log, self.log_file) as log:
            while line := await process.stdout.readline():
                if (found := CODE.search(line.decode(errors="replace"))) is not None:
                    self.setup_code = found[1]
                    self._code_known.set()
                    line = line.replace(found[1].encode(), b"*****")  # as with a node: not to the log
                await asyncio.to_thread(log.write, line)

    async def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        if self._session is None:
            self._session = aiohttp.ClientSession()
        while time.monotonic() < deadline:
            if self.process.returncode is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}; see {self.log_file}")
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with self._session.get(f"{self.api}/healthz") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)
        raise RuntimeError(f"{self.name} did not become ready; see {self.log_file}")

    async def set_up(self) -> None:
        """First-run set-up with the one-time code the node printed, then log in. TimeoutError when it prints none."""
        await self.one_time_code()
        body = {"code": self.setup_code, "username": self.user, "password": self.password}
        await self.call("POST", "/api/v1/setup", body)
        await self.log_in()

    async def one_time_code(self) -> str:
        """The set-up code the node printed at this start. TimeoutError when it prints none."""
        await asyncio.wait_for(self._code_known.wait(), CODE_TIMEOUT_S)
        return self.setup_code

    async def another_code(self) -> str:
        """The next code the node prints: after ten wrong tries it replaces the one it had."""
        self._code_known.clear()
        await self._code_known.wait()
        return self.setup_code

    async def command(self, *words: str) -> None:
        """`gbgateway` with the node's configuration. RuntimeError with what it said when it fails."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", *words, "--config", str(self.config_file),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"{self.name}: {said.decode(errors='replace').strip()}")

    async def log_in(self) -> None:
        """Get a token for the calls that follow."""
        answer = await self.call("POST", "/api/v1/login", {"username": self.user, "password": self.password})
        self.token = answer["token"]

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One API call; the decoded JSON. Raises ApiFailure."""
        async with self._request(method, path, body) as response:
            if response.status == 204:
                return None
            answer = await response.json(content_type=None)
            if response.status >= 400:
                raise ApiFailure(response.status, answer)
            return answer

    async def fetch(self, path: str) -> bytes:
        """One GET that answers bytes (a picture). Raises ApiFailure."""
        async with self._request("GET", path, None) as response:
            if response.status >= 400:
                raise ApiFailure(response.status, await response.json(content_type=None))
            return await response.read()

    @contextlib.asynccontextmanager
    async def _request(self, method: str, path: str, body: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self._session.request(method, f"{self.api}{path}", json=body, headers=headers) as response:
            yield response

    async def download(self, url: str, seconds: float, target: Path) -> int:
        """Read a live stream for `seconds` of wall time into a file; its size. Raises ApiFailure."""
        assert self._session is not None
        size = 0
        timeout = aiohttp.ClientTimeout(total=None, sock_read=15)
        async with self._session.get(url, timeout=timeout) as response:
            if response.status >= 400:
                raise ApiFailure(response.status, await response.json(content_type=None))
            with await asyncio.to_thread(target.open, "wb") as file:
                ends: float | None = None
                async for chunk in response.content.iter_any():
                    ends = ends or time.monotonic() + seconds
                    size += await asyncio.to_thread(file.write, chunk)
                    if time.monotonic() >= ends:
                        break
        return size

    def workers(self) -> list[int]:
        """The process ids of the node's media workers: the processes whose output goes to files of its own."""
        files = f"{(self.directory / 'data').resolve()}{os.sep}"
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and os.readlink(entry / "fd" / "1").startswith(files):
                    found.append(int(entry.name))
        return found

    async def kill(self) -> None:
        """kill -9 the control process alone; its workers carry on for a while."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        if self._reader is not None:
            await self._reader

    async def stop(self) -> None:
        """End the node gracefully, and workers that an earlier kill left alone."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self._end_workers()
        if self._reader is not None:
            await self._reader
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _end_workers(self) -> None:
        """kill -9 the workers and wait until they are gone."""
        while workers := await asyncio.to_thread(self.workers):
            for worker in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            await asyncio.sleep(0.02)


def open_log(path: Path) -> FileIO:
    """A log file to append to, unbuffered; its directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileIO(path, "ab")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
