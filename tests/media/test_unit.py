from __future__ import annotations

from media.unit import CLOCK_HZ, AccessUnit


def test_a_unit_is_whole_unless_said_otherwise() -> None:
    unit = AccessUnit("H264", 3600, 0, True, b"\0\0\1\x65", "video")
    assert not unit.damaged
    assert not unit.discontinuity
    assert unit.repaired == ()
    assert CLOCK_HZ == 90000
