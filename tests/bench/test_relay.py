"""The partners of the relay bench, in either language, and the bench itself on a small scale."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.bench import relay
from tests.bench.relay import HERE, PACKETS_PER_FRAME, partner, through_floor, through_worker


@pytest.mark.parametrize("language", ["C", "Python"])
async def test_what_is_loaded_arrives_through_worker_and_floor(tmp_path: Path, language: str) -> None:
    command, found = partner(tmp_path)
    if language == "Python":
        command = [sys.executable, str(HERE / "floor.py")]
    elif found != "C":
        pytest.skip("no C compiler")
    for measured in (await through_floor(command, 2, 0.4), await through_worker(command, tmp_path, 2, 0.4)):
        assert measured.sent == 2 * 10 * PACKETS_PER_FRAME
        assert measured.lost_share < 0.5


def test_without_a_compiler_the_partner_is_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay.shutil, "which", lambda name: None)
    assert partner(tmp_path) == ([sys.executable, str(HERE / "floor.py")], "Python")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_with_a_compiler_it_is_c(tmp_path: Path) -> None:
    assert partner(tmp_path) == ([str(tmp_path / "floor")], "C")
