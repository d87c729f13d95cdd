"""The stream worker: brings streams to people's browsers. One process, one asyncio loop, a few threads for codecs.

Run with ``python -m media.worker.stream --socket PATH --http HOST:PORT --name NAME``.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
import uvloop
from aiohttp import web

from media.errors import LocalError
from media.worker.control import (
    AnyCommand,
    CloseInput,
    CloseView,
    InputClosed,
    LegState,
    OpenInput,
    OpenView,
    Snapshot,
    Stats,
    StreamStats,
)
from media.worker.life import LoopWorker
from media.worker.log import log_to_stderr
from media.worker.server import ORPHAN_S, Answer, Refused
from media.worker.stream_input import StreamInput
from media.worker.viewer_network import ViewerNetwork
from media.worker.viewing import Changes, Viewing
from media.worker.views import ViewTable
from media.worker.whep import Whep, WhepSettings

MOST_INPUTS = 2048
CODEC_THREADS = 3

log = structlog.get_logger("media.worker.stream")


class StreamWorker(LoopWorker):
    """The whole worker, inside a running asyncio loop. Raises LocalError when another worker owns ``path``."""

    kind = "stream"

    def __init__(
        self,
        path: str,
        name: str,
        *,
        orphan_s: float = ORPHAN_S,
        clock: Callable[[], float] = time.monotonic,
        whep: WhepSettings | None = None,
        **viewing: Any,
    ) -> None:
        self.http_port = 0
        self._clock = clock
        self._unix_offset = time.time() - clock()
        self._inputs: dict[str, StreamInput] = {}
        self._views = ViewTable()
        self._changes = Changes()
        self._executor = ThreadPoolExecutor(CODEC_THREADS, thread_name_prefix="codec")
        super().__init__(path, name, orphan_s=orphan_s, clock=clock)
        self._viewing = Viewing(self._views, self._inputs.get, self._changes, self.server.emit, **viewing)
        self._whep_settings = whep or WhepSettings()
        self._whep = Whep(self._viewing, self._whep_settings)
        application = self._viewing.application()
        self._whep.add_routes(application)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)

    async def listen(self, host: str, port: int) -> int:
        """Open the HTTP port (0: any) and return it. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        # Bound before anything is awaited: whoever says Hello is told the port.
        self.http_port = self.server.http_port = int(listener.getsockname()[1])
        try:
            await self._runner.setup()
            await web.SockSite(self._runner, listener).start()
        except BaseException:
            listener.close()
            raise
        return self.http_port

    def _sweep(self) -> None:
        now = self._clock()
        for entry in list(self._inputs.values()):
            entry.check(now)
        self._views.expire(now + self._unix_offset)
        super()._sweep()

    def _idle(self) -> bool:
        return not self._inputs and not self._views

    async def _close(self) -> None:
        self._views.end_all("the worker stops")
        for name in list(self._inputs):
            self._close_input(name, "worker stopped")
        await self._whep.close()
        await self._runner.cleanup()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        self.server.close()
        await asyncio.to_thread(self._executor.shutdown)

    # --- commands ---------------------------------------------------------------------------------------------------

    def _handle(self, command: AnyCommand, answer: Answer) -> None:
        match command:
            case OpenInput():
                answer(self._open_input(command).opened)
            case CloseInput():
                self._input(command.input)
                self._close_input(command.input, "closed")
                answer(None)
            case OpenView():
                if self._views.open(command) is None:
                    raise Refused("limit", "too many views are open")
                self._changes.tell()
                answer(None)
            case CloseView():
                final = self._views.close(command)
                if final is None:
                    raise Refused("no_such_view", f"no view {command.view!r}")
                self._changes.tell()
                answer(StreamStats(inputs=[], views=[final]))
            case Snapshot():
                self._start(self._snapshot(self._input(command.input), command.timeout_s, answer))
            case Stats():
                answer(StreamStats(inputs=[i.stats() for i in self._inputs.values()], views=self._views.stats()))
            case _:
                super()._handle(command, answer)

    def _held(self) -> list[LegState]:
        return [*(entry.state() for entry in self._inputs.values()), *self._views.states()]

    def _input(self, name: str) -> StreamInput:
        entry = self._inputs.get(name)
        if entry is None:
            raise Refused("no_such_input", f"no input {name!r}")
        return entry

    def _open_input(self, command: OpenInput) -> StreamInput:
        known = self._inputs.get(command.input)
        if known is not None:
            if known.bind != command.bind:
                raise Refused("bad_request", f"input {command.input!r} is open at {known.bind}")
            known.expect(command.ssrc)
            return known
        if self._draining or len(self._inputs) >= MOST_INPUTS:
            raise Refused("limit", "the worker takes no more inputs")
        try:
            opened = StreamInput(
                command.input,
                command.bind,
                command.ssrc,
                reactor=self._loop,
                executor=self._executor,
                changes=self._changes,
                emit=self.server.emit,
                clock=self._clock,
                unix_offset=self._unix_offset,
                webrtc=self._whep_settings.most > 0,
            )
        except OSError as error:
            raise Refused("bad_address", f"{command.bind}: {error}") from error
        self._inputs[command.input] = opened
        return opened

    def _close_input(self, name: str, reason: str) -> None:
        self._inputs.pop(name).close(f"input {reason}")
        self.server.emit(InputClosed(input=name, reason=reason))

    async def _snapshot(self, entry: StreamInput, timeout_s: float, answer: Answer) -> None:
        try:
            answer(await entry.snapshot(timeout_s))
        except Refused as refusal:
            answer(refusal.error)


async def serve(options: argparse.Namespace) -> int:
    """Run one worker until it ends; the exit status."""
    host, _, port = options.http.rpartition(":")
    ports = (options.webrtc_port_min, options.webrtc_port_max)
    usual = ViewerNetwork(bind=options.media_host, hosts=tuple(options.webrtc_host), ports=ports)
    whep = WhepSettings(usual, tuple(options.webrtc_network), most=options.webrtc_viewers)
    try:
        worker = StreamWorker(
            options.socket, options.name, orphan_s=options.orphan_seconds, cors_origin=options.cors_origin, whep=whep
        )
    except (LocalError, OSError) as error:
        log.error("cannot start", worker=options.name, error=str(error))
        return 1
    worker.stop_on_signals()
    try:
        await worker.listen(host.strip("[]"), int(port))
    except OSError as error:
        log.error("cannot open the HTTP port", worker=options.name, http=options.http, error=str(error))
        worker.stop("no HTTP port")
        await worker.run()
        return 1
    reason = await worker.run()
    log.info("ended", worker=options.name, reason=reason)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the process; exit status 0 after a graceful end, 1 when socket or port cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m media.worker.stream", description=__doc__)
    parser.add_argument("--socket", required=True, help="path of the control socket")
    parser.add_argument("--http", required=True, metavar="HOST:PORT", help="address viewers connect to")
    parser.add_argument("--name", required=True, help="name of this worker in logs and metrics")
    parser.add_argument("--cors-origin", default="*", help="value of Access-Control-Allow-Origin")
    parser.add_argument("--orphan-seconds", type=float, default=ORPHAN_S, help="life without a control process")
    parser.add_argument("--media-host", default="0.0.0.0", help="address media sockets bind to")
    parser.add_argument("--webrtc-host", action="append", default=[], help="address told to WebRTC viewers; repeatable")
    parser.add_argument("--webrtc-port-min", type=int, default=0, help="first UDP port of WebRTC; 0: any")
    parser.add_argument("--webrtc-port-max", type=int, default=0, help="last UDP port of WebRTC")
    parser.add_argument("--webrtc-viewers", type=int, default=WhepSettings().most, help="most WebRTC viewers; 0: none")
    parser.add_argument(
        "--webrtc-network", action="append", default=[], type=ViewerNetwork.parse, metavar="JSON",
        help="viewers of another network: their networks, and the address and ports for them; repeatable",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if not options.http.rpartition(":")[2].isdigit():
        parser.error("--http wants HOST:PORT")
    log_to_stderr()
    return uvloop.run(serve(options))


if __name__ == "__main__":
    sys.exit(main())
