"""The node as a process: logging, event loop, signals."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

import structlog
import uvloop

from gateway.app import Node
from gateway.config import Config
from gateway.telemetry import log

_log = structlog.get_logger("gateway")
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def announce_setup_code(code: str) -> None:
    """Show the one-time set-up code to whoever reads the terminal or the service's output. It is not logged."""
    sys.stdout.write(f"\nFirst start: no account exists yet. Set-up code (初始化代码): {code}\n\n")
    sys.stdout.flush()


async def serve(config: Config, *, announce: Callable[[str], None] = announce_setup_code) -> None:
    """Run a node until SIGTERM or SIGINT, then stop it in order. A second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stopping(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping, number)
    node = await Node.open(config, announce=announce)
    try:
        await node.start()
        await stop.wait()
    finally:
        await node.stop()


def run(config: Config) -> None:
    """Run a node in this process until it is told to stop."""
    log.configure(config.log)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config))
