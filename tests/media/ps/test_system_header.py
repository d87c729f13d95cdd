from __future__ import annotations

from media.ps.system_header import build_system_header


def test_the_worked_example() -> None:
    assert build_system_header((0xE0, 0xC0)).hex() == "000001bb000c80ccf504217fe0e190c0c020"


def test_each_stream_is_listed() -> None:
    assert build_system_header((0xE0,)).hex() == "000001bb000980ccf500217fe0e190"
    assert build_system_header((0xC0,)).hex() == "000001bb000980ccf504207fc0c020"
