"""Lines of the demonstration on terminals and in files."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from interop.demo.screen import Screen


class Clock:
    """Seconds, moved by hand."""

    now = 50.0

    def __call__(self) -> float:
        return self.now


def _screen(*, terminal: bool = False) -> tuple[Screen, io.StringIO, Clock]:
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, width=80, highlight=False, force_terminal=terminal, legacy_windows=False)
    return Screen(console, clock), out, clock


def test_each_fact_has_its_time() -> None:
    screen, out, clock = _screen()
    screen.say("first")
    clock.now += 12.34
    screen.say("second")
    assert out.getvalue() == "   0.0 s  first\n  12.3 s  second\n"


def test_a_long_line_is_not_broken_and_brackets_are_text() -> None:
    screen, out, _ = _screen()
    long = "x [red] y" * 20
    screen.say(long)
    screen.plain("[dim]")
    assert out.getvalue() == f"   0.0 s  {long}\n[dim]\n"


def test_good_and_bad_ends() -> None:
    screen, out, _ = _screen()
    screen.worked("Everything worked.")
    screen.failed("Failed: [Errno 2]", [Path("a/one.log"), Path("a/two.log")])
    assert out.getvalue() == "Everything worked.\nFailed: [Errno 2]\n  log: a/one.log\n  log: a/two.log\n"


def test_what_takes_time_is_a_line_in_a_file_and_a_spinner_on_a_terminal() -> None:
    screen, out, _ = _screen()
    with screen.busy("starting"):
        screen.say("up")
    assert out.getvalue() == "   0.0 s  starting ...\n   0.0 s  up\n"
    screen, out, _ = _screen(terminal=True)
    with screen.busy("starting"):
        screen.say("up")
    shown = out.getvalue()
    assert "starting ..." in shown
    assert "\x1b[?25l" in shown  # the cursor is hidden while the spinner turns, and shown again
    assert shown.rstrip().endswith("\x1b[2K") or "\x1b[?25h" in shown
