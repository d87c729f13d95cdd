"""The dependency contracts of pyproject.toml hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def test_dependencies_point_down() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _LINT, "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
