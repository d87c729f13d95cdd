"""Runs every oracle against every planted mistake and prints who notices what: `python -m tests.mutants.survey`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.mutants.table import MUTANTS, ORACLES
from tests.mutants.workshop import Workshop


def main() -> int:
    """Print the table; exit 1 when it differs from what `tests/mutants/table.py` records."""
    differs = False
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        for oracle in ORACLES:
            clean = workshop.run(oracle, keep_bytecode=True)
            print(f"{oracle}: unspoilt packages exit {clean.returncode}", flush=True)
        for mutant in MUTANTS:
            with workshop.planted(mutant):
                found = tuple(oracle for oracle in ORACLES if workshop.run(oracle).returncode == 1)
            mark = "" if set(found) == set(mutant.killed_by) else f"   (recorded: {', '.join(mutant.killed_by)})"
            differs |= bool(mark)
            print(f"{mutant.name}: {', '.join(found) or 'SURVIVED'}{mark}", flush=True)
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
