"""How much of each source file its own test file covers.

`python tools/own_coverage.py [--fail-under 90] [path …]` runs every test but the end-to-end ones, once, with coverage
contexts, and prints, worst first, the files below the bar; exit 1 when there is one or a test failed. What runs while
a file is imported counts as run. Paths limit the run to source files under them and their own tests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from coverage import Coverage, CoverageData

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.own_tests import PACKAGES, ROOT, function_lines, own_test, sources

_SETTINGS = """[run]
branch = false
relative_files = true
source = {packages}
data_file = {data}
disable_warnings = no-data-collected,module-not-imported,module-not-measured

[report]
exclude_also =
    if TYPE_CHECKING:
    raise NotImplementedError
    ^ *\\.\\.\\.$
"""


def _measure(tests: list[Path], folder: Path) -> tuple[Path, int]:
    data, settings = folder / "coverage", folder / "coveragerc"
    settings.write_text(_SETTINGS.format(packages=",".join(PACKAGES), data=data))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not e2e", "--no-header"]
    command += ["--cov", f"--cov-config={settings}", "--cov-context=test", "--cov-report=", *map(str, tests)]
    return data, subprocess.run(command, cwd=ROOT, check=False).returncode


def _share(source: Path, data: CoverageData, measured: Coverage) -> tuple[float, list[int]]:
    """Per cent of a file's lines run by its own test, and the lines that were not."""
    _, statements, _, _, _ = measured.analysis2(str(ROOT / source))
    own, called = own_test(source).as_posix(), function_lines(ROOT / source)
    by_line = data.contexts_by_lineno(source.as_posix())
    missed = []
    for line in statements:
        contexts = by_line.get(line, [])
        ran = any(one == "" or one.startswith(own) for one in contexts) if line in called else bool(contexts)
        if not ran:
            missed.append(line)
    return (100.0 * (len(statements) - len(missed)) / len(statements) if statements else 100.0), missed


def _ranges(lines: list[int]) -> str:
    out: list[list[int]] = []
    for line in lines:
        if out and line <= out[-1][1] + 1:
            out[-1][1] = line
        else:
            out.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fail-under", type=float, default=90.0, metavar="PERCENT")
    parser.add_argument("paths", nargs="*", type=Path)
    given = parser.parse_args()
    wanted = [one for one in sources() if not given.paths or any(one.is_relative_to(path) for path in given.paths)]
    tested = [one for one in wanted if (ROOT / own_test(one)).exists()]
    below = [(0.0, one, "no test file") for one in wanted if one not in tested]
    with tempfile.TemporaryDirectory() as folder:
        path, status = _measure([own_test(one) for one in tested] if given.paths else [Path("tests")], Path(folder))
        measured = Coverage(data_file=str(path), config_file=str(Path(folder) / "coveragerc"))
        measured.load()
        data = measured.get_data()
        for source in tested:
            share, missed = _share(source, data, measured)
            if share < given.fail_under:
                below.append((share, source, _ranges(missed)))
    for share, source, missed_lines in sorted(below):
        sys.stdout.write(f"{share:5.1f} %  {source}  {missed_lines}\n")
    good = len(wanted) - len(below)
    sys.stdout.write(f"{good} of {len(wanted)} source files reach {given.fail_under:g} % by their own test file\n")
    return 1 if below or status not in (0, 5) else 0


if __name__ == "__main__":
    sys.exit(main())
