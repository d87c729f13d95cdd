from __future__ import annotations

from media.ps.crc import crc32_mpeg2


def test_the_check_value() -> None:
    assert crc32_mpeg2(b"123456789") == 0x0376E6E7


def test_a_map_with_its_crc_leaves_no_rest() -> None:
    psm = bytes.fromhex("000001bc0012e1ff000000081be0000090c00000b9287f16")
    assert crc32_mpeg2(psm) == 0
    assert crc32_mpeg2(psm[:-4]) == 0xB9287F16
