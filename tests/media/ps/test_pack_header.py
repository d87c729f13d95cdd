from __future__ import annotations

import pytest

from media.ps.pack_header import build_pack_header, pack_header_size


def test_the_worked_example() -> None:
    assert build_pack_header(0x123455979).hex() == "000001ba663456cbcc01005f6bf8"


def test_clock_extension_and_rate() -> None:
    assert build_pack_header(0x123456789, scr_extension=299, mux_rate=0x3FFFFF).hex() == "000001ba6634573c4e57fffffff8"


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("000001ba663456cbcc01005f6bf8", 14),
        ("000001ba663456cbcc01005f6bfe" + "ffff00000001", 20),
        ("000001ba663456cbcc01005f6bff" + "ff" * 7, 21),
        ("000001ba2100010001800001" + "0000", 12),
        ("000001ba" + "000001e0" + "00" * 6, 4),
    ],
    ids=["plain", "hikvision counter", "full stuffing", "MPEG-1", "bare start code"],
)
def test_header_sizes(header: str, size: int) -> None:
    assert pack_header_size(b"x" + bytes.fromhex(header), 1) == size
