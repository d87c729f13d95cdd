"""Bars, verdicts, the table, the history."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.bench.figure import Figure, at_least, at_most, cpu_seconds, exit_status, keep, percentile, shown, table

GOOD = Figure("ps", "demux", 900.0, "Mbit/s", at_least(800))
SLOW = Figure("relay", "ratio", 3.0, "x", at_most(1.5), "floor 2 us")
LATE = Figure("start", "cold", 2500.0, "ms", at_most(2000, firm=True))
FREE = Figure("sip", "read", 36.123, "us")


def test_verdicts() -> None:
    assert [one.verdict for one in (GOOD, SLOW, LATE, FREE)] == ["met", "missed", "missed", ""]
    assert Figure("a", "b", 1.5, "x", at_most(1.5)).verdict == "met"


def test_only_a_firm_bar_or_a_strict_run_fails() -> None:
    assert exit_status([GOOD, SLOW, FREE], strict=False) == 0
    assert exit_status([GOOD, SLOW, FREE], strict=True) == 1
    assert exit_status([GOOD, LATE], strict=False) == 1
    assert exit_status([GOOD, FREE], strict=True) == 0


def test_numbers_have_three_digits() -> None:
    assert [shown(value) for value in (1.234, 12.34, 123.4, 12345.6)] == ["1.23", "12.3", "123", "12,346"]


def test_the_table_has_a_line_for_each_figure() -> None:
    lines = table([GOOD, SLOW, LATE, FREE]).splitlines()
    assert len(lines) == 5
    assert lines[1].split() == ["ps", "demux", "900", "Mbit/s", ">=", "800", "met"]
    assert lines[2].endswith("missed  floor 2 us")
    assert "<= 2,000 !" in lines[3]


def test_each_run_adds_a_line_to_the_history(tmp_path: Path) -> None:
    for quick in (True, False):
        file = keep([GOOD, FREE], tmp_path / "h", quick=quick, root=tmp_path)
    runs = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [run["quick"] for run in runs] == [True, False]
    assert runs[0]["figures"][0]["bar"] == {"limit": 800, "side": "at least", "firm": False}


@pytest.mark.parametrize(("share", "expected"), [(0.5, 10), (0.95, 19), (1.0, 20), (0.0, 1)])
def test_percentiles_are_measured_values(share: float, expected: int) -> None:
    assert percentile(list(range(20, 0, -1)), share) == expected


def test_cpu_time_of_a_process_grows() -> None:
    before, ends = cpu_seconds(os.getpid()), time.process_time() + 0.05
    while time.process_time() < ends:
        pass
    assert cpu_seconds(os.getpid()) > before
