"""The console's pages in the package are those its sources make, and its sources pass their own checks."""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
from pathlib import Path

import pytest

from tools.own_tests import ROOT

CONSOLE, BUILT = ROOT / "console", ROOT / "gateway" / "web" / "console"
pytestmark = [pytest.mark.node, pytest.mark.timeout(300)]


def npm(*arguments: str, **environment: str) -> None:
    """Run a script of the console's package."""
    done = subprocess.run(
        ["npm", "run", "--silent", *arguments],
        cwd=CONSOLE, env=os.environ | {"NO_COLOR": "1"} | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_built_pages_are_what_the_sources_make(tmp_path: Path) -> None:
    npm("build", CONSOLE_OUT=str(tmp_path))
    assert files(tmp_path) == files(BUILT), "run make console"
    _, different, unreadable = filecmp.cmpfiles(tmp_path, BUILT, sorted(files(BUILT)), shallow=False)
    assert (different, unreadable) == ([], []), "run make console"


@pytest.mark.parametrize("script", ["lint", "types", "test"])
def test_the_sources_pass(script: str) -> None:
    npm(script)


def test_versions_are_exact_and_no_registry_is_named() -> None:
    package = json.loads((CONSOLE / "package.json").read_text("utf-8"))
    for versions in (package["dependencies"], package["devDependencies"]):
        assert all(version[0].isdigit() for version in versions.values()), versions
    lock = json.loads((CONSOLE / "package-lock.json").read_text("utf-8"))
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert [name for name, entry in lock["packages"].items() if name and "integrity" not in entry] == []


def test_the_page_names_no_other_host() -> None:
    page = (BUILT / "index.html").read_text("utf-8")
    assert "//" not in page.replace("<!doctype html>", "")
    assert "<script>" not in page and "style=" not in page
