from __future__ import annotations

from media.ps.pes import AUDIO_ID, VIDEO_ID, build_pes


def test_the_worked_example() -> None:
    written = b"".join(build_pes(AUDIO_ID, b"\xd5" * 8, 0x123456789))
    assert written.hex() == "000001c0" + "0010" + "808005" + "298d15cf13" + "d5" * 8


def test_the_aligned_flag_stands_on_the_first_packet_only() -> None:
    written = b"".join(build_pes(VIDEO_ID, bytes(20), 0, aligned=True, max_length=18))
    assert written.hex() == ("000001e0" + "0012" + "848005" + "2100010001" + "00" * 10) + (
        "000001e0" + "000d" + "800000" + "00" * 10
    )


def test_equal_times_are_written_once() -> None:
    written = b"".join(build_pes(VIDEO_ID, b"x", 90000, 90000))
    assert written.hex() == "000001e0" + "0009" + "808005" + "210005bf21" + "78"


def test_both_times() -> None:
    written = b"".join(build_pes(VIDEO_ID, b"x", 0x123456789, 0x123456789 - 3600))
    assert written.hex() == "000001e0" + "000e" + "80c00a" + "398d15cf13198d15b2f3" + "78"
