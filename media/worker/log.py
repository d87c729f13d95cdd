"""Where a worker's log goes: standard error, and never at the price of the worker.

A worker outlives the process that started it, so the pipe behind its standard error may be closed or no longer read.
What cannot be written is let go.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import TextIO

import structlog


class LossyStream:
    """A text stream whose writes may fail without anybody noticing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            pass


def log_to_stderr() -> None:
    """Send the log of this process to standard error; a pipe there is made non-blocking."""
    descriptor = sys.__stderr__.fileno() if sys.__stderr__ is not None else -1
    if descriptor >= 0 and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.set_blocking(descriptor, False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=structlog.PrintLoggerFactory(LossyStream(sys.stderr)),  # type: ignore[arg-type]
    )
