"""The clock of a camera."""

from __future__ import annotations

from interop.onvif.clock import CameraClock


def test_a_camera_may_be_years_off_until_it_is_set() -> None:
    clock = CameraClock(lambda: 5.0, lambda: 1_000_000.0, offset_s=-500.0)
    assert (clock.now(), clock.utc(), clock.source) == (5.0, 999_500.0, "Manual")
    clock.set_by_hand(1_000_060.0)
    assert (clock.utc(), clock.source) == (1_000_060.0, "Manual")
    clock.follow_ntp()
    assert (clock.utc(), clock.source) == (1_000_000.0, "NTP")
