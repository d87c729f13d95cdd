from __future__ import annotations

import pytest

from media.ps.pes import AUDIO_ID, VIDEO_ID, build_pes, is_pes_header, read_pes_header


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


def test_reading_times() -> None:
    both = bytearray.fromhex("000001e0000e80c00a398d15cf13198d15b2f378")
    assert read_pes_header(both, 0) == (19, 0x123456789, 0x123456789 - 3600, False)
    assert read_pes_header(both[:16], 0) == (19, 0x123456789, None, False)
    assert read_pes_header(both[:10], 0) == (19, None, None, False)
    assert read_pes_header(bytearray.fromhex("ff000001e0000e8000023a3a78"), 1) == (12, None, None, False)


def test_a_header_length_at_offset_seven_is_taken_when_it_leads_to_a_start_code() -> None:
    shifted = bytearray.fromhex("000001e0001080052100010001000000014165")
    assert read_pes_header(shifted, 0, shifted=True) == (13, 0, None, True)
    assert read_pes_header(shifted, 0) == (42, None, None, False)
    regular = bytearray.fromhex("000001e0001080100300000100000165")
    assert read_pes_header(regular, 0, shifted=True).shifted is False


@pytest.mark.parametrize(
    ("header", "sound"),
    [
        ("000001e00012808005", True),
        ("000001c00000800000", True),
        ("000001e00003808005", False),
        ("000001bd0012808005", False),
        ("000001e00012018005", False),
    ],
)
def test_a_header_is_believed_when_its_fields_agree(header: str, sound: bool) -> None:
    assert is_pes_header(bytearray.fromhex(header), 0) is sound
