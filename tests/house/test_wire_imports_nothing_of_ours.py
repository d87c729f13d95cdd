"""The byte kit judges the project, so it must not lean on it: the standard library and PyAV only."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.stand.imports import imported

ROOT = Path(__file__).resolve().parents[2]
KIT = sorted((ROOT / "interop" / "wire").glob("*.py"))


@pytest.mark.parametrize("path", KIT, ids=lambda path: path.name)
def test_the_kit_imports_only_itself_the_standard_library_and_pyav(path: Path) -> None:
    for name in imported(path):
        allowed = name.split(".")[0] in sys.stdlib_module_names or name == "av"
        assert allowed or name == "interop.wire" or name.startswith("interop.wire."), name


def test_importing_the_package_around_the_kit_brings_nothing_of_ours() -> None:
    assert list(imported(ROOT / "interop" / "__init__.py")) in ([], ["__future__"])


def test_the_kit_stays_small() -> None:
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in KIT}
    assert max(sizes.values()) < 450, sizes
