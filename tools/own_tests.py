"""Which test file belongs to which source file: `tests/a/b/test_c.py` alone must cover `a/b/c.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "sip", "media", "catalog", "interop")


def has_code(source: Path) -> bool:
    """Whether a file holds a function or method; declarations and re-exports need no test of their own."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) for node in ast.walk(tree))


def own_test(source: Path) -> Path:
    """The test file of a source file, relative to the root; `__init__.py` is tested as `test_init.py`."""
    return Path("tests") / source.parent / f"test_{source.stem.strip('_')}.py"


def sources() -> Iterator[Path]:
    """Every source file with code, relative to the root. Schema migrations are tested as a whole, not one by one."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts and has_code(path):
                yield path.relative_to(ROOT)


def function_lines(source: Path) -> set[int]:
    """Line numbers inside functions: what only a call can run. The rest runs when the file is imported."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first, last = node.body[0].lineno, node.end_lineno or node.lineno
            lines.update(range(first, last + 1))
    return lines
