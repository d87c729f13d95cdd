"""`python -m interop` is `gbsim`."""

from __future__ import annotations

import runpy
import sys

import pytest


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["gbsim", "device", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("interop", run_name="__main__")
    assert ended.value.code == 0
    assert "--server-id" in capsys.readouterr().out
