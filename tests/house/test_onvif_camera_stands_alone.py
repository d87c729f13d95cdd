"""The simulated ONVIF camera is the counterpart of the gateway's client: it must share nothing with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.stand.imports import imported

ROOT = Path(__file__).resolve().parents[2]
CAMERA = sorted((ROOT / "interop" / "onvif").glob("*.py"))
ALLOWED = {"aiohttp", "lxml", "typer"} | set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", CAMERA, ids=lambda path: path.name)
def test_it_imports_only_itself_the_standard_library_aiohttp_and_lxml(path: Path) -> None:
    for name in imported(path):
        own = name == "interop.telling" or name == "interop.onvif" or name.startswith("interop.onvif.")
        assert own or name.split(".")[0] in ALLOWED, name
