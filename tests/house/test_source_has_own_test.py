"""Every source file with code has its own test file, where the tree says it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.own_tests import ROOT, own_test, sources


@pytest.mark.parametrize("source", list(sources()), ids=str)
def test_source_has_own_test(source: Path) -> None:
    assert (ROOT / own_test(source)).is_file(), f"{own_test(source)} is missing"
