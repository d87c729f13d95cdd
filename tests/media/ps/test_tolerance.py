from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from media.ps.tolerance import LENIENT, STRICT, PsTolerance


def test_everything_is_on_by_default_and_off_in_strict() -> None:
    names = [f.name for f in fields(PsTolerance)]
    assert all(getattr(LENIENT, name) for name in names)
    assert not any(getattr(STRICT, name) for name in names)


def test_switches_do_not_change_at_run_time() -> None:
    with pytest.raises(FrozenInstanceError):
        LENIENT.stray_bytes = False  # type: ignore[misc]
