"""A copy of the packages in which one mistake at a time is planted and a test file run against it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.table import ORACLES, Mutant

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("gateway", "sip", "media", "catalog", "pyproject.toml")
LINKED = ("interop", "tests", "tools")


class Workshop:
    """`run(oracle)` on the packages as they are; `planted(mutant)` around it for one mistake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)

    @contextmanager
    def planted(self, mutant: Mutant) -> Iterator[None]:
        """The packages with the mistake in them."""
        path = self.folder / mutant.path
        right = path.read_text(encoding="utf-8")
        assert right.count(mutant.old) == 1, f"{mutant.name}: {mutant.old!r} occurs {right.count(mutant.old)} times"
        for stale in path.parent.glob(f"__pycache__/{path.stem}.*"):
            stale.unlink()
        path.write_text(right.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(right, encoding="utf-8")

    def run(self, oracle: str, *, keep_bytecode: bool = False) -> subprocess.CompletedProcess[str]:
        """Run an oracle's test file; exit code 0 when it found nothing, 1 when it did."""
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        if not keep_bytecode:
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--timeout=60", "--tb=line"]
        return subprocess.run(
            [*command, ORACLES[oracle]], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
