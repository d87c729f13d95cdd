"""The worker processes of this node: started, adopted after a restart, watched, restarted (design: workers outlive us).

A worker listens on a named socket. At start each socket that answers is adopted with the legs it still holds; each that
does not gets a fresh process. A worker that goes away is replaced, and its owner is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import structlog

from gateway.relay.adopted import AdoptedProcess
from media.worker.client import CommandRefused, WorkerClient, WorkerGone
from media.worker.control import AnyEvent, CloseLeg, ClosePull, LegState, Shutdown

log = structlog.get_logger("workers")

START_TIMEOUT_S = 15.0
HELLO_TIMEOUT_S = 5.0
SHUTDOWN_TIMEOUT_S = 3.0
END_TIMEOUT_S = 5.0
NOT_THERE = (OSError, TimeoutError, WorkerGone)
"""What connecting raises when no worker serves the socket, or it dies meanwhile."""


class WorkerUnavailable(Exception):
    """No worker of the wanted kind is there right now."""


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """How one worker is started: `arguments` follow `python -m module --socket ... --name ...`.

    number  which of its kind it is, from 0
    """

    kind: Literal["relay", "stream", "source"]
    name: str
    module: str
    arguments: tuple[str, ...] = ()
    number: int = 0


@dataclass(slots=True)
class Worker:
    """One worker as the control process sees it."""

    spec: WorkerSpec
    socket_path: Path
    client: WorkerClient | None = None
    adopted: bool = False
    legs_at_hello: list[LegState] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)
    process: asyncio.subprocess.Process | None = None
    adopted_process: AdoptedProcess | None = None
    """What there is instead of `process` when it was started before us."""

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def load(self) -> int:
        """How many streams it carries."""
        return len(self.calls)

    @property
    def connected(self) -> bool:
        """Whether commands can be sent."""
        return self.client is not None and self.client.connected

    @property
    def link(self) -> WorkerClient:
        """The live control connection. Raises WorkerUnavailable."""
        if self.client is None or not self.client.connected:
            raise WorkerUnavailable(f"worker {self.name} is not connected")
        return self.client

    def take_hold(self, pid: int | None) -> None:
        """Get hold of the process that serves the socket, if it is a worker; of that very `pid`, if it said one."""
        self.let_go()
        found = AdoptedProcess.at(self.socket_path, self.spec.module)
        if found is not None and pid not in (None, found.pid):
            found.close()
        else:
            self.adopted_process = found

    def let_go(self) -> None:
        """The adopted process is none of our business any more."""
        if self.adopted_process is not None:
            self.adopted_process.close()
            self.adopted_process = None


class WorkerPool:
    """All workers of a node: their sockets are in `directory`, what they print in `logs`.

    `on_event(worker, event)` gets every event in order; `on_lost(worker)` is awaited as soon as a worker is gone, so
    that whoever had a stream through it is told at once, and `on_back(worker)` when its replacement is up.
    """

    def __init__(
        self,
        specs: Sequence[WorkerSpec],
        *,
        directory: Path,
        logs: Path | None = None,
        node: str,
        epoch: int,
        on_event: Callable[[Worker, AnyEvent], Awaitable[None]],
        on_lost: Callable[[Worker], Awaitable[None]],
        on_back: Callable[[Worker], Awaitable[None]],
    ) -> None:
        self._directory = directory
        self._logs = logs or directory
        self._node = node
        self._epoch = epoch
        self._on_event = on_event
        self._on_lost = on_lost
        self._on_back = on_back
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.workers = [Worker(spec, directory / f"{spec.name}.sock") for spec in specs]

    async def start(self) -> None:
        """Adopt or start every worker; returns when all are connected.

        Raises WorkerUnavailable when one cannot be started, CommandRefused when a newer control process has it.
        """
        for folder in (self._directory, self._logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        outcomes = await asyncio.gather(*(self._bring_up(worker) for worker in self.workers), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        self._tasks = [asyncio.create_task(self._watch(w), name=f"watch {w.name}") for w in self.workers]

    async def stop(self) -> None:
        """End the workers and close the control connections."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._end(worker) for worker in self.workers))

    async def _end(self, worker: Worker) -> None:
        was_ours = worker.connected
        if worker.client is not None:
            with contextlib.suppress(WorkerGone, CommandRefused, TimeoutError):
                await worker.client.call(Shutdown(), timeout_s=SHUTDOWN_TIMEOUT_S)
            await worker.client.close()
        if worker.process is not None:
            await _ended(worker.process, END_TIMEOUT_S)
        if not was_ours:
            worker.let_go()  # perhaps a newer control process has taken it over
        await _adopted_ended(worker, END_TIMEOUT_S)

    def kill(self, worker: Worker) -> None:
        """End a worker that does not answer; it is replaced like every lost one."""
        log.error("worker does not answer: killed", worker=worker.name)
        if worker.adopted_process is not None:
            worker.adopted_process.kill()
        elif worker.process is not None:
            with contextlib.suppress(ProcessLookupError):
                worker.process.kill()

    def of_kind(self, kind: Literal["relay", "stream", "source"]) -> Worker:
        """The connected worker of `kind` with the fewest streams. Raises WorkerUnavailable."""
        candidates = [worker for worker in self.workers if worker.spec.kind == kind and worker.connected]
        if not candidates:
            raise WorkerUnavailable(f"no {kind} worker is running")
        return min(candidates, key=lambda worker: worker.load)

    def named(self, name: str) -> Worker | None:
        return next((worker for worker in self.workers if worker.name == name), None)

    async def _bring_up(self, worker: Worker) -> None:
        try:
            worker.client = await self._connect(worker)
            worker.adopted = True
            if worker.process is None:
                worker.take_hold(worker.client.hello.pid)
            log.info(
                "worker adopted", worker=worker.name, pid=worker.client.hello.pid, legs=len(worker.client.hello.legs)
            )
        except NOT_THERE as error:  # a dying worker may still take the connection
            if worker.adopted_process is None and isinstance(error, TimeoutError):
                worker.take_hold(None)  # it takes connections and does not answer: nobody else will end it
            await _adopted_ended(worker, 0)
            await self._spawn(worker)
            worker.adopted = False
        worker.legs_at_hello = list(worker.client.hello.legs) if worker.client is not None else []

    async def _connect(self, worker: Worker) -> WorkerClient:
        return await WorkerClient.connect(
            str(worker.socket_path), epoch=self._epoch, name=self._node, timeout_s=HELLO_TIMEOUT_S
        )

    async def _spawn(self, worker: Worker) -> None:
        if worker.process is not None:
            await _ended(worker.process, 0)  # it does not serve its socket any more
        command = [sys.executable, "-m", worker.spec.module, "--socket", str(worker.socket_path), "--name", worker.name]
        output = self._log_of(worker).open("ab")
        try:
            # Its own session: a signal to the control process's group must not take the pictures away.
            process = worker.process = await asyncio.create_subprocess_exec(
                *command,
                *worker.spec.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            output.close()
        try:
            worker.client = await self._first_contact(worker, process)
        except BaseException:
            await _ended(process, 0)
            raise
        log.info("worker started", worker=worker.name, pid=process.pid)

    def _log_of(self, worker: Worker) -> Path:
        return self._logs / f"{worker.name}.log"

    async def _first_contact(self, worker: Worker, process: asyncio.subprocess.Process) -> WorkerClient:
        """The control connection to a worker just started. Raises WorkerUnavailable."""
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT_S
        while True:
            try:
                return await self._connect(worker)
            except NOT_THERE as error:
                if process.returncode is not None:
                    raise WorkerUnavailable(
                        f"worker {worker.name} ended with {process.returncode}; see {self._log_of(worker)}"
                    ) from error
                if asyncio.get_running_loop().time() > deadline:
                    raise WorkerUnavailable(f"worker {worker.name} did not open {worker.socket_path}") from error
                await asyncio.sleep(0.05)

    async def _watch(self, worker: Worker) -> None:
        """Hand on the events of one worker for ever; replace it when its connection ends."""
        while not self._stopping:
            # Perhaps it is gone again since its owner was told it is back; the last entry of its queue says so then.
            client = worker.client
            assert client is not None
            while (event := await client.events.get()) is not None:
                try:
                    await self._on_event(worker, event)
                except Exception:  # task boundary: one bad event must not end the watch
                    log.exception("worker event failed", worker=worker.name, event=type(event).__name__)
            if not self._stopping:
                await self._replace(worker)

    async def _replace(self, worker: Worker) -> None:
        log.warning("worker lost", worker=worker.name)
        await self._tell(self._on_lost, worker)
        worker.calls.clear()
        wait = 0.2
        while not self._stopping:
            try:
                await self._bring_up(worker)
                break
            except (WorkerUnavailable, CommandRefused, OSError) as error:
                log.error("worker does not come back", worker=worker.name, problem=str(error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, 10)
        if not self._stopping:
            await self._tell(self._on_back, worker)

    async def _tell(self, callback: Callable[[Worker], Awaitable[None]], worker: Worker) -> None:
        try:
            await callback(worker)
        except Exception:  # task boundary: the watch over the worker goes on
            log.exception("telling of a worker failed", worker=worker.name)


def close_leg(worker: Worker, leg: str) -> CloseLeg | ClosePull:
    """The command that closes a leg of a relay worker, or a pull of a source worker."""
    return ClosePull(leg=leg) if worker.spec.kind == "source" else CloseLeg(leg=leg)


async def _ended(process: asyncio.subprocess.Process, within_s: float) -> None:
    """Wait for a process of ours to end, kill it when it takes longer; either way it is reaped."""
    try:
        await asyncio.wait_for(process.wait(), within_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _adopted_ended(worker: Worker, within_s: float) -> None:
    """The same for the process that was adopted, if there is one."""
    process = worker.adopted_process
    if process is None:
        return
    try:
        await asyncio.wait_for(process.wait(), within_s)
    except TimeoutError:
        process.kill()
        await process.wait()
    finally:
        worker.let_go()
