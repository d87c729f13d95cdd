"""Clock fields against the vectors of the standard's layout."""

from __future__ import annotations

import pytest

from media.ps.bits import DTS_OF_BOTH, PTS_OF_BOTH, PTS_ONLY, read_scr, read_timestamp, write_scr, write_timestamp


@pytest.mark.parametrize(
    ("ticks", "written"),
    [
        (0, "2100010001"),
        (90000, "210005bf21"),
        (2**32 - 1, "27ffffffff"),
        (2**33 - 1, "2fffffffff"),
        (0x123456789, "298d15cf13"),
    ],
)
def test_presentation_time(ticks: int, written: str) -> None:
    assert write_timestamp(PTS_ONLY, ticks).hex() == written
    assert read_timestamp(b"\0" + bytes.fromhex(written), 1) == ticks


def test_both_times() -> None:
    written = write_timestamp(PTS_OF_BOTH, 0x123456789) + write_timestamp(DTS_OF_BOTH, 0x123456789 - 3600)
    assert written.hex() == "398d15cf13198d15b2f3"


@pytest.mark.parametrize(
    ("base", "extension", "written"),
    [
        (90000, 0, "440016fc8401"),
        (0x123456789, 299, "6634573c4e57"),
        (0x123455979, 0, "663456cbcc01"),
        (0, 0, "440004000401"),
    ],
)
def test_system_clock(base: int, extension: int, written: str) -> None:
    assert write_scr(base, extension).hex() == written
    assert read_scr(bytes.fromhex(written), 0) == (base, extension)
