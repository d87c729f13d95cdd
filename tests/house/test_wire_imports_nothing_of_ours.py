"""The byte kit judges the project, so it must not lean on it: the standard library and PyAV only."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KIT = sorted((ROOT / "interop" / "wire").glob("*.py"))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path.name}"
            yield node.module or ""


@pytest.mark.parametrize("path", KIT, ids=lambda path: path.name)
def test_the_kit_imports_only_itself_the_standard_library_and_pyav(path: Path) -> None:
    for name in _imported(path):
        allowed = name.split(".")[0] in sys.stdlib_module_names or name == "av"
        assert allowed or name == "interop.wire" or name.startswith("interop.wire."), name


def test_importing_the_package_around_the_kit_brings_nothing_of_ours() -> None:
    assert list(_imported(ROOT / "interop" / "__init__.py")) in ([], ["__future__"])


def test_the_kit_stays_small() -> None:
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in KIT}
    assert max(sizes.values()) < 450, sizes
