"""Program stream maps as the standard and as the field write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.ps.psm import build_psm, has_valid_crc, parse_psm

GOLDEN = bytes.fromhex("000001bc0012e1ff000000081be0000090c00000b9287f16")
H265_AAC = bytes.fromhex("000001bc0012e0ff0000000824e000000fc00000eac5e41d")


def test_the_worked_examples() -> None:
    assert build_psm(((0x1B, 0xE0), (0x90, 0xC0))) == GOLDEN
    assert build_psm(((0x24, 0xE0), (0x0F, 0xC0)), version=0) == H265_AAC
    assert has_valid_crc(GOLDEN)
    assert has_valid_crc(H265_AAC)


def test_reading() -> None:
    found = parse_psm(GOLDEN)
    assert found is not None
    assert (found.version, found.entries) == (1, ((0x1B, 0xE0), (0x90, 0xC0)))
    assert found.type_of(0xC0) == 0x90
    assert found.type_of(0xE1) is None


@pytest.mark.parametrize(
    ("section", "entries"),
    [
        ("000001bc0012e1ff000000081be0000090c0000000000000", ((0x1B, 0xE0), (0x90, 0xC0))),
        ("000001bc0012e1ff0000ffff1be0000090c0000000000000", ((0x1B, 0xE0), (0x90, 0xC0))),
        ("000001bc0012e1ff000000001be0000090c0000000000000", ((0x1B, 0xE0), (0x90, 0xC0))),
        ("000001bc0012e1fffff000081be0000090c0000000000000", ((0x1B, 0xE0), (0x90, 0xC0))),
        ("000001bc0016e1ff0000000c1be0ffff42020a0b90c0000000000000", ((0x1B, 0xE0),)),
        ("000001bc001ce1ff0006 400448 4b0100 000c 1be00004 42020a0b 90c00000 00000000", ((0x1B, 0xE0), (0x90, 0xC0))),
        ("000001bc0016e1ff0000000c00be00001be00000bde1000000000000", ((0x1B, 0xE0),)),
    ],
    ids=[
        "CRC zero",
        "entry map length too large",
        "entry map length zero",
        "descriptors beyond the map",
        "entry descriptors beyond the map",
        "vendor descriptors",
        "padding and private entries",
    ],
)
def test_field_deviations_are_read(section: str, entries: tuple[tuple[int, int], ...]) -> None:
    data = bytes.fromhex(section.replace(" ", ""))
    assert not has_valid_crc(data)
    found = parse_psm(data)
    assert found is not None
    assert found.entries == entries


@pytest.mark.parametrize("section", ["000001bc0000", "000001bc000ae1ff0000000000000000"])
def test_a_map_without_entries_is_nothing(section: str) -> None:
    assert parse_psm(bytes.fromhex(section)) is None


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    parse_psm(b"\x00\x00\x01\xbc" + data)
