"""What the demonstration shows: one line per fact with the time, a moving sign of life in between on a terminal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape


class Screen:
    """Lines of at most 80 columns, never broken by us: what is longer (a path of the user's) breaks in the terminal."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(highlight=False)
        self._clock = clock
        self._began = clock()

    def say(self, text: str) -> None:
        """One fact."""
        self._line(f"[dim]{self._clock() - self._began:6.1f} s[/dim]  {escape(text)}")

    @contextlib.contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Something that takes time: a line, and on a terminal a spinner until it is over."""
        if not self._console.is_terminal:
            self.say(f"{text} ...")
            yield
            return
        with self._console.status(f"{escape(text)} ...", spinner="dots"):
            yield

    def worked(self, text: str) -> None:
        """The good end."""
        self._line(f"[green]{escape(text)}[/green]")

    def failed(self, text: str, logs: list[Path]) -> None:
        """The bad end, and the logs to read."""
        self._line(f"[red]{escape(text)}[/red]")
        for log in logs:
            self._line(f"  log: {escape(str(log))}")

    def plain(self, text: str) -> None:
        """A line without a time."""
        self._line(escape(text))

    def _line(self, markup: str) -> None:
        self._console.print(markup, soft_wrap=True)
