from __future__ import annotations

import time
from pathlib import Path

import pytest

from gateway.operations.checks import clock
from gateway.operations.checks.clock import STA_UNSYNC, TIME_ERROR, check_clock, kernel_clock
from gateway.operations.checks.finding import Level


@pytest.mark.parametrize(
    ("said", "level", "words"),
    [
        ((0, 0), Level.OK, "held to a time server"),
        ((TIME_ERROR, 0), Level.WARNING, "not held"),
        ((0, STA_UNSYNC), Level.WARNING, "not held"),
        (None, Level.WARNING, "unknown"),
    ],
)
def test_the_kernel_says_whether_the_clock_is_held(
    said: tuple[int, int] | None, level: Level, words: str, tmp_path: Path
) -> None:
    found = check_clock(lambda: said, tmp_path / "none")[0]
    assert found.level is level and words in found.text and bool(found.change) == (level is not Level.OK)


def test_timesyncd_says_so_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "synchronized").touch()
    assert "timesyncd" in check_clock(lambda: None, tmp_path / "synchronized")[0].text


def test_the_kernel_is_asked_and_nothing_changed() -> None:
    before = time.time()
    state = kernel_clock()
    assert state is None or (0 <= state[0] <= 5)
    assert time.time() - before < 60


def test_a_kernel_that_refuses_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def adjtimex(self, _timex: object) -> int:
            return -1

    monkeypatch.setattr(clock.ctypes, "CDLL", lambda *_, **__: Refusing())
    assert kernel_clock() is None


@pytest.mark.parametrize(("zone", "words"), [("CST-8", "CST (UTC+8)"), ("UTC0", "Beijing time")])
def test_the_time_zone_is_named(zone: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert words in check_clock()[1].text
    finally:
        monkeypatch.undo()
        time.tzset()
