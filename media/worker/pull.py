"""The source worker: fetches the streams of cameras that speak RTSP only and sends them to relay workers as PS in RTP.

One process, one asyncio loop for the control channel and the probes, one thread for each pull. Run with
``python -m media.worker.pull --socket PATH --name NAME``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence

import structlog
import uvloop

from media.errors import LocalError
from media.worker.control import (
    AnyCommand,
    ClosePull,
    LegState,
    OpenPull,
    ProbeSource,
    PullFailed,
    PullUp,
    SourceStats,
    Stats,
)
from media.worker.life import LoopWorker
from media.worker.log import log_to_stderr
from media.worker.pull_probe import probe
from media.worker.puller import Puller
from media.worker.server import ORPHAN_S, Answer, Refused

MOST_PULLS = 512
MOST_PROBES = 64
END_S = 3.0
"""How long the threads may take to end when the worker stops."""

log = structlog.get_logger("media.worker.source")


class PullWorker(LoopWorker):
    """The whole worker, inside a running asyncio loop. Raises LocalError when another worker owns ``path``."""

    kind = "source"

    def __init__(
        self,
        path: str,
        name: str,
        *,
        orphan_s: float = ORPHAN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pulls: dict[str, Puller] = {}
        self._ending: list[Puller] = []
        super().__init__(path, name, orphan_s=orphan_s, clock=clock)

    def _sweep(self) -> None:
        self._ending = [puller for puller in self._ending if not puller.ended]
        super()._sweep()

    def _idle(self) -> bool:
        return not self._pulls

    async def _close(self) -> None:
        for name in list(self._pulls):
            self._end(name)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.server.close()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        deadline = time.monotonic() + END_S
        for puller in self._ending:
            puller.join(max(0.0, deadline - time.monotonic()))

    # --- commands ---------------------------------------------------------------------------------------------------

    def _handle(self, command: AnyCommand, answer: Answer) -> None:
        match command:
            case OpenPull():
                self._open(command)
                answer(None)
            case ClosePull():
                puller = self._end(command.leg)
                answer(SourceStats(pulls=[puller.stats()]))
            case ProbeSource():
                self._probe(command, answer)
            case Stats():
                answer(SourceStats(pulls=[puller.stats() for puller in self._pulls.values()]))
            case _:
                super()._handle(command, answer)

    def _held(self) -> list[LegState]:
        return [puller.state() for puller in self._pulls.values()]

    def _open(self, command: OpenPull) -> None:
        known = self._pulls.get(command.leg)
        if known is not None:
            if _content(known.command) != _content(command):
                raise Refused("bad_request", f"pull {command.leg!r} is open with another content")
            return
        if self._draining or len(self._pulls) + len(self._ending) >= MOST_PULLS:
            raise Refused("limit", "the worker takes no more pulls")
        try:
            puller = Puller(command, self._told)
        except LocalError as error:
            raise Refused("bad_address", str(error)) from error
        self._pulls[command.leg] = puller
        puller.start()

    def _end(self, leg: str) -> Puller:
        puller = self._pulls.pop(leg, None)
        if puller is None:
            raise Refused("no_such_pull", f"no pull {leg!r}")
        puller.stop()
        self._ending.append(puller)
        return puller

    def _told(self, event: PullUp | PullFailed) -> None:
        """From the thread of a pull."""
        try:
            self._loop.call_soon_threadsafe(self._emit, event)
        except RuntimeError:  # the loop is closed: nobody is told any more
            pass

    def _emit(self, event: PullUp | PullFailed) -> None:
        puller = self._pulls.get(event.leg)
        if puller is None:
            return
        if isinstance(event, PullFailed) and event.retry_in_s is None:
            self._end(event.leg)
        self.server.emit(event)

    def _probe(self, command: ProbeSource, answer: Answer) -> None:
        if len(self._tasks) >= MOST_PROBES:
            raise Refused("limit", f"{MOST_PROBES} cameras are being asked")

        async def ask() -> None:
            try:
                answer(await probe(command))
            except LocalError as error:
                answer(Refused("bad_address", str(error)).error)

        self._start(ask())


def _content(command: OpenPull) -> tuple[object, ...]:
    """A command without the number it was sent under."""
    return tuple(getattr(command, name) for name in command.__struct_fields__ if name != "seq")


async def serve(options: argparse.Namespace) -> int:
    """Run one worker until it ends; the exit status."""
    try:
        worker = PullWorker(options.socket, options.name, orphan_s=options.orphan_seconds)
    except (LocalError, OSError) as error:
        log.error("cannot start", worker=options.name, error=str(error))
        return 1
    worker.stop_on_signals()
    reason = await worker.run()
    log.info("ended", worker=options.name, reason=reason)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the process; exit status 0 after a graceful end, 1 when the socket cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m media.worker.pull", description=__doc__)
    parser.add_argument("--socket", required=True, help="path of the control socket")
    parser.add_argument("--name", required=True, help="name of this worker in logs and metrics")
    parser.add_argument("--orphan-seconds", type=float, default=ORPHAN_S, help="life without a control process")
    options = parser.parse_args(arguments)
    log_to_stderr()
    return uvloop.run(serve(options))


if __name__ == "__main__":
    sys.exit(main())
