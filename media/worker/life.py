"""The life of a worker on an asyncio loop: it sweeps until it is stopped, shut down, drained, or too long alone."""

from __future__ import annotations

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Literal

from media.worker.control import AnyCommand, Drain, LegState, Shutdown
from media.worker.server import Answer, ControlServer, Refused

SWEEP_S = 0.1


class LoopWorker(ABC):
    """What the workers on an asyncio loop have in common. Raises LocalError when another worker owns ``path``.

    ``clock`` is monotonic seconds.
    """

    kind: ClassVar[Literal["stream", "source"]]

    def __init__(self, path: str, name: str, *, orphan_s: float, clock: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._reason = ""
        self._draining = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.server = ControlServer(
            path,
            kind=self.kind,
            name=name,
            reactor=self._loop,
            handle=self._handle,
            held=self._held,
            clock=clock,
            orphan_s=orphan_s,
        )

    def stop(self, reason: str = "stopped") -> None:
        """End `run`."""
        self._reason = self._reason or reason
        self._stop.set()

    def stop_on_signals(self) -> None:
        """End `run` at SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self.stop, number.name)

    async def run(self) -> str:
        """Serve until stopped, shut down, drained, or too long without control process; returns the reason."""
        try:
            while not self._stop.is_set():
                self._sweep()
                try:
                    async with asyncio.timeout(SWEEP_S):
                        await self._stop.wait()
                except TimeoutError:
                    pass
        finally:
            await self._close()
        return self._reason

    def _sweep(self) -> None:
        if self.server.orphaned():
            self.stop("no control process")
        if self._draining and self._idle():
            self.stop("drained")

    def _handle(self, command: AnyCommand, answer: Answer) -> None:
        """The commands every worker knows."""
        match command:
            case Drain():
                self._draining = True
                answer(None)
            case Shutdown():
                answer(None)
                self.stop("shutdown")
            case _:
                raise Refused("bad_request", f"{type(command).__name__} is for another kind of worker")

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that goes on beside the loop; `_close` sees to its end."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @abstractmethod
    def _held(self) -> list[LegState]:
        """What a new control process must know."""

    @abstractmethod
    def _idle(self) -> bool:
        """Whether a drained worker may end."""

    @abstractmethod
    async def _close(self) -> None:
        """Give everything back, the control socket included."""
