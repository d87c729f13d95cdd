"""The relay worker: one process, one thread, one selector over media sockets and the control socket.

A round is: wait; let packets of busy streams gather for ``tick_s``; drain every ready socket into one batch; rewrite;
send. Commands take effect between rounds. Run with ``python -m media.worker.relay --socket PATH --name NAME``.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import time
from collections.abc import Callable, Sequence

import structlog

from media.errors import LocalError
from media.worker.batch import Arrival, Departure, batch, catch_up
from media.worker.context import LegContext, ReceiveSlab
from media.worker.control import (
    Address,
    AnyCommand,
    Drain,
    Shutdown,
)
from media.worker.gop import DEFAULT_LIMIT, GopBudget
from media.worker.legs import LegTable
from media.worker.log import log_to_stderr
from media.worker.ports import PortPool
from media.worker.reactor import MediaLoop
from media.worker.server import ORPHAN_S, Answer, ControlServer
from media.worker.source import Packet, SourceStream

SWEEP_S = 0.25
PACE_S = 0.005
TICK_S = 0.002
BUSY_RATE = 500.0
"""Packets per second from which gathering for a tick costs less than it delays."""

log = structlog.get_logger("media.worker.relay")


class RelayWorker:
    """The whole worker. `run` returns after `stop`, Shutdown, a finished drain, or too long without control process.

    Raises LocalError when another worker owns ``path``.
    """

    def __init__(
        self,
        path: str,
        name: str,
        *,
        ports: tuple[int, int] = (30000, 39999),
        tick_s: float = TICK_S,
        orphan_s: float = ORPHAN_S,
        gop_limit: int = DEFAULT_LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._tick_s = tick_s
        self._loop = MediaLoop()
        self._arrivals: list[Arrival] = []
        self._slab = ReceiveSlab()
        self._stopping = ""
        self._rate_from = clock()
        self._rate_count = 0
        self._busy = False
        self._swept_at = clock()
        try:
            self.server = ControlServer(
                path,
                kind="relay",
                name=name,
                reactor=self._loop,
                handle=self._handle,
                held=lambda: self.legs.states(),
                clock=clock,
                orphan_s=orphan_s,
            )
        except BaseException:
            self._loop.close()
            raise
        context = LegContext(
            reactor=self._loop,
            ports=PortPool(*ports),
            emit=self.server.emit,
            clock=clock,
            unix_offset=time.time() - clock(),
            arrive=self._arrive,
            slab=self._slab,
            budget=GopBudget(),
            gop_limit=gop_limit,
        )
        self._behind = context.behind
        self.legs = LegTable(context)

    def stop(self, reason: str = "stopped") -> None:
        """End `run`; safe from other threads and from signal handlers."""
        self._stopping = self._stopping or reason
        self._loop.wake()

    def run(self) -> str:
        """Serve until stopped; returns the reason."""
        try:
            while not self._stopping:
                self._wait()
                self._loop.run_ready()
                self._round()
                self._pace()
                self._sweep()
        finally:
            self.legs.close_all("worker stopped")
            self.server.close()
            self._loop.close()
        return self._stopping

    # --- one round --------------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        ready = self._loop.wait(PACE_S if self._behind else SWEEP_S)
        if ready and self._busy and self._tick_s:
            time.sleep(self._tick_s)

    def _arrive(self, source: SourceStream, packet: Packet, remote: Address) -> None:
        self._arrivals.append((source, packet, remote))
        if self._slab.full:
            self._round()

    def _round(self) -> None:
        if not self._arrivals:
            return
        self._rate_count += len(self._arrivals)
        try:
            self._send(batch(self._arrivals, self._clock()))
        except Exception:
            # The boundary at which a fault of ours costs one round and not the worker.
            log.exception("round failed", packets=len(self._arrivals))
        finally:
            self._arrivals.clear()
            self._slab.reset()

    def _pace(self) -> None:
        now = self._clock()
        for stream in list(self._behind):
            self._send(catch_up(stream, now))
            if not stream.catching_up:
                self._behind.discard(stream)

    def _send(self, departures: list[Departure]) -> None:
        refused: dict[str, int] = {}
        touched: set[str] = set()
        for sink, packet in departures:
            leg = sink.leg
            if leg in refused:
                refused[leg] += 1
            elif not sink.outlet.put(packet):
                refused[leg] = 0
            touched.add(leg)
        for leg, skipped in refused.items():
            self.legs.sinks[leg].refused(skipped)
        for leg in touched:
            self.legs.sinks[leg].flush()

    def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept_at < SWEEP_S:
            return
        self._busy = self._rate_count > BUSY_RATE * (now - self._swept_at)
        self._rate_count = 0
        self._swept_at = now
        self.legs.check(now)
        if self.server.orphaned():
            self.stop("no control process")
        if self.legs.draining and not self.legs:
            self.stop("drained")

    # --- commands ---------------------------------------------------------------------------------------------------

    def _handle(self, command: AnyCommand, answer: Answer) -> None:
        # What has arrived belongs to the legs as they were.
        self._round()
        if isinstance(command, Shutdown | Drain):
            answer(None)
            self.legs.draining = True
            if isinstance(command, Shutdown):
                self.stop("shutdown")
        else:
            answer(self.legs.run(command))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the process; exit status 0 after a graceful end, 1 when the socket cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m media.worker.relay", description=__doc__)
    parser.add_argument("--socket", required=True, help="path of the control socket")
    parser.add_argument("--name", required=True, help="name of this worker in logs and metrics")
    parser.add_argument("--port-min", type=int, default=30000, help="first local media port")
    parser.add_argument("--port-max", type=int, default=39999, help="last local media port")
    parser.add_argument("--gop-bytes", type=int, default=DEFAULT_LIMIT, help="largest group of pictures kept")
    parser.add_argument("--orphan-seconds", type=float, default=ORPHAN_S, help="life without a control process")
    options = parser.parse_args(arguments)
    if not 0 < options.port_min < options.port_max <= 65535:
        parser.error("--port-min must be below --port-max, both within 1-65535")
    log_to_stderr()
    try:
        worker = RelayWorker(
            options.socket,
            options.name,
            ports=(options.port_min, options.port_max),
            orphan_s=options.orphan_seconds,
            gop_limit=options.gop_bytes,
        )
    except (LocalError, OSError) as error:
        log.error("cannot start", worker=options.name, error=str(error))
        return 1
    signal.signal(signal.SIGTERM, lambda *_: worker.stop("SIGTERM"))
    signal.signal(signal.SIGINT, lambda *_: worker.stop("SIGINT"))
    # Nothing the worker keeps forms cycles in the packet path; collections would only stall it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    reason = worker.run()
    log.info("ended", worker=options.name, reason=reason)
    return 0


if __name__ == "__main__":
    sys.exit(main())
