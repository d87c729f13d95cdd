"""What a benchmark found, the bar it is held to, and how both are printed and kept."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Bar:
    """A bound. A `firm` one fails every run that misses it, the others only a strict run."""

    limit: float
    side: Literal["at most", "at least"]
    firm: bool = False

    def met_by(self, value: float) -> bool:
        return value <= self.limit if self.side == "at most" else value >= self.limit

    def __str__(self) -> str:
        return f"{'<=' if self.side == 'at most' else '>='} {shown(self.limit)}{' !' if self.firm else ''}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    bench: str
    what: str
    value: float
    unit: str
    bar: Bar | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """ "met", "missed", or nothing where there is no bar."""
        return "" if self.bar is None else ("met" if self.bar.met_by(self.value) else "missed")


def at_most(limit: float, *, firm: bool = False) -> Bar:
    return Bar(limit, "at most", firm)


def at_least(limit: float, *, firm: bool = False) -> Bar:
    return Bar(limit, "at least", firm)


def shown(value: float) -> str:
    """A number with three significant digits, thousands separated."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(figures: Iterable[Figure]) -> str:
    """The figures in columns."""
    head = ("bench", "what", "value", "unit", "bar", "", "")
    rows = [
        (one.bench, one.what, shown(one.value), one.unit, str(one.bar or ""), one.verdict, one.note) for one in figures
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [
            cell.rjust(width) if at == 2 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def exit_status(figures: Iterable[Figure], *, strict: bool) -> int:
    """1 when a firm bar is missed, or any bar in a strict run."""
    return int(any(one.verdict == "missed" and one.bar is not None and (strict or one.bar.firm) for one in figures))


def keep(figures: Sequence[Figure], directory: Path, *, quick: bool, root: Path) -> Path:
    """Append the figures to the history, one line of JSON per run; the file."""
    directory.mkdir(parents=True, exist_ok=True)
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True, check=False
    )
    run = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "revision": found.stdout.strip(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "quick": quick,
        "figures": [asdict(one) for one in figures],
    }
    file = directory / "history.jsonl"
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(run, ensure_ascii=False) + "\n")
    return file


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def cpu_seconds(pid: int) -> float:
    """CPU seconds a process has used so far, all its threads, user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
