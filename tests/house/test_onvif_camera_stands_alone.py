"""The simulated ONVIF camera is the counterpart of the gateway's client: it must share nothing with it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CAMERA = sorted((ROOT / "interop" / "onvif").glob("*.py"))
ALLOWED = {"aiohttp", "lxml", "typer"} | set(sys.stdlib_module_names)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path.name}"
            yield node.module or ""


@pytest.mark.parametrize("path", CAMERA, ids=lambda path: path.name)
def test_it_imports_only_itself_the_standard_library_aiohttp_and_lxml(path: Path) -> None:
    for name in _imported(path):
        own = name == "interop.telling" or name == "interop.onvif" or name.startswith("interop.onvif.")
        assert own or name.split(".")[0] in ALLOWED, name
