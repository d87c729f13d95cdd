from __future__ import annotations

import runpy
import sys

import pytest


def test_python_m_gateway_is_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gbgateway", "config-reference"])
    monkeypatch.delitem(sys.modules, "gateway.__main__", raising=False)
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("gateway", run_name="__main__")
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("# Configuration")
