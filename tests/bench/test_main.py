"""The command of the bench."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import __main__ as command
from tests.bench.figure import Figure, at_most


def test_it_prints_keeps_and_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def slow(*, quick: bool) -> list[Figure]:
        return [Figure("slow", "quick" if quick else "whole", 3.0, "x", at_most(1.0))]

    monkeypatch.setattr(command, "BENCHES", {"slow": slow})
    history = ["--history", str(tmp_path)]
    assert command.main([*history, "--quick"]) == 0
    assert command.main([*history, "slow", "--strict"]) == 1
    said = capsys.readouterr().out
    assert "quick" in said
    assert "missed" in said
    assert len((tmp_path / "history.jsonl").read_text("utf-8").splitlines()) == 2
    with pytest.raises(SystemExit):
        command.main([*history, "other"])
    assert "no such bench: other" in capsys.readouterr().err
