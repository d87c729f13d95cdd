"""The node as a process: logging, event loop, signals."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
import uvloop

from gateway.app import Node
from gateway.config import Config, LogConfig
from gateway.open_files import raise_open_files
from gateway.telemetry import log
from gateway.telemetry.sip_trace import SipTrace

_log = structlog.get_logger("gateway")
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
ONE_SIGNAL_S = 0.5
"""Signals that close together are one: what stops a group of processes often reaches its members twice."""


def announce_setup_code(code: str) -> None:
    """Show the one-time set-up code to whoever reads the terminal or the service's output. It is not logged."""
    sys.stdout.write(f"\nFirst start: no account exists yet. Set-up code (初始化代码): {code}\n\n")
    sys.stdout.flush()


async def serve(config: Config, *, announce: Callable[[str], None] = announce_setup_code) -> None:
    """Run a node until SIGTERM or SIGINT, then stop it in order. A later signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stopping(number: signal.Signals) -> None:
        if not stop.is_set():
            stop.set()
            loop.call_later(ONE_SIGNAL_S, loop.remove_signal_handler, number)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping, number)
    with opened_trace(config.log) as trace:
        node = await Node.open(config, announce=announce)
        if trace is not None:
            node.on_wire(trace.write)
        try:
            await node.start()
            await stop.wait()
        finally:
            await node.stop()


@contextlib.contextmanager
def opened_trace(config: LogConfig) -> Iterator[SipTrace | None]:
    """The configured file of SIP messages, if there is one, while the block lasts. Raises OSError."""
    if not config.sip_trace:
        yield None
        return
    with contextlib.closing(SipTrace(Path(config.sip_trace), config.sip_trace_bytes)) as trace:
        yield trace


def run(config: Config) -> None:
    """Run a node in this process until it is told to stop."""
    log.configure(config.log)
    raise_open_files(config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config))
