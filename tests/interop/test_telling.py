"""What a simulator tells."""

from __future__ import annotations

import pytest

from interop.telling import tell


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    tell("moved", {"name": "东门", "pan": 0.5})
    assert capsys.readouterr().out == '{"event": "moved", "name": "东门", "pan": 0.5}\n'
