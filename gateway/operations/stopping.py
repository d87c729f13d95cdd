"""How a node is told to stop, and what bounds the time it takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType

import structlog

from gateway.errors import GatewayError

log = structlog.get_logger("gateway")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
ONE_SIGNAL_S = 0.5
"""Signals that close together are one: what stops a group of processes often reaches its members twice."""
STOP_WITHIN_S = 30.0
"""A stop in order: BYE to both sides of every call, unregistering, the last writes."""
WORKERS_WITHIN_S = 10.0
"""Ending the workers when the rest has not come to its end."""


class NotStopped(GatewayError):
    """The node did not come to its end in time."""


@contextlib.contextmanager
def told_to_stop() -> Iterator[asyncio.Event]:
    """An event set by the first SIGTERM or SIGINT; a later one of either kind ends the process at once.

    A terminal that hangs up stops the node too. Without a terminal SIGHUP is ignored: nothing has to be reloaded.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGHUP)}

    def stopping(number: signal.Signals) -> None:
        log.info("told to stop", signal=number.name)
        stop.set()
        once = time.monotonic()

        # Not a handler of the event loop: it has to work when the loop is what hangs.
        def again(later: int, _frame: FrameType | None) -> None:
            if time.monotonic() - once >= ONE_SIGNAL_S:
                signal.signal(later, signal.SIG_DFL)
                os.kill(os.getpid(), later)

        for one in STOP_SIGNALS:
            loop.remove_signal_handler(one)
            signal.signal(one, again)

    def hung_up() -> None:
        if sys.stdin is not None and sys.stdin.isatty():
            stop.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping, number)
    loop.add_signal_handler(signal.SIGHUP, hung_up)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def stop_in_time(
    stop: Callable[[], Awaitable[None]],
    end_workers: Callable[[], Awaitable[None]],
    *,
    within_s: float = STOP_WITHIN_S,
    workers_within_s: float = WORKERS_WITHIN_S,
) -> None:
    """Run ``stop``; when it takes longer than ``within_s``, end the workers at least, and raise NotStopped."""
    try:
        async with asyncio.timeout(within_s):
            await stop()
    except TimeoutError:
        log.error("the node does not come to its end", after_seconds=within_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(workers_within_s):
                await end_workers()
        raise NotStopped(f"the node did not stop within {within_s:g} s") from None
