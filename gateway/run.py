"""The node as a process: logging, event loop, signals, the service manager."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
import uvloop

from gateway.app import Node
from gateway.config import Config, LogConfig
from gateway.open_files import raise_open_files
from gateway.operations.occupancy import occupied
from gateway.operations.service_manager import ServiceManager
from gateway.operations.stopping import NotStopped, stop_in_time, told_to_stop
from gateway.telemetry import log
from gateway.telemetry.sip_trace import SipTrace

_log = structlog.get_logger("gateway")


def announce_setup_code(code: str) -> None:
    """Show the one-time set-up code to whoever reads the terminal or the service's output. It is not logged."""
    sys.stdout.write(f"\nNo account exists yet. Set-up code (初始化代码): {code}\n\n")
    sys.stdout.flush()


async def serve(config: Config, *, announce: Callable[[str], None] = announce_setup_code) -> None:
    """Run a node until SIGTERM or SIGINT, then stop it in order. A second signal ends the process at once.

    Raises Occupied when another process works on the data directory, NotStopped when the node does not come to its end.
    """
    manager = ServiceManager.of_environment()
    with told_to_stop() as stop, occupied(config.node.data_dir), opened_trace(config.log) as trace:
        node = await Node.open(config, announce=announce)
        if trace is not None:
            node.on_wire(trace.write)
        alive: asyncio.Task[None] | None = None
        try:
            await node.start()
            manager.ready(f"Node {config.node.id}, SIP port {node.sip_port}, API port {node.http_port}")
            alive = asyncio.create_task(manager.keep_alive(), name="watchdog")
            await stop.wait()
        finally:
            manager.stopping()
            await stop_in_time(node.stop, node.pool.stop)
            if alive is not None:
                alive.cancel()
                await asyncio.wait([alive])


@contextlib.contextmanager
def opened_trace(config: LogConfig) -> Iterator[SipTrace | None]:
    """The configured file of SIP messages, if there is one, while the block lasts. Raises OSError."""
    if not config.sip_trace:
        yield None
        return
    with contextlib.closing(SipTrace(Path(config.sip_trace), config.sip_trace_bytes)) as trace:
        yield trace


async def _serve_or_end(config: Config) -> None:
    try:
        await serve(config)
    except NotStopped as error:
        _log.error("ended without having stopped in order", problem=str(error))
        sys.stdout.flush()
        os._exit(1)  # what hangs would hold up the end of the interpreter too


def run(config: Config) -> None:
    """Run a node in this process until it is told to stop."""
    log.configure(config.log)
    raise_open_files(config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve_or_end(config))
