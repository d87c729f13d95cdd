"""Every tolerance is a switch."""

from __future__ import annotations

from dataclasses import fields

from sip.tolerance import LENIENT, STRICT, Tolerance


def test_strict_forgives_nothing_and_lenient_everything() -> None:
    names = [field.name for field in fields(Tolerance)]
    assert not any(getattr(STRICT, name) for name in names)
    assert all(getattr(LENIENT, name) for name in names)
    assert len(names) == 15
