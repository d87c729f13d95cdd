"""H.264 syntax against hand-written bytes and against an independent encoder."""

from __future__ import annotations

import pytest

from media.es import h264
from media.es.annexb import nal_units

BASELINE_64 = bytes.fromhex("6742c00ada109b011000000300100000030320f1226a")


def bits(text: str) -> bytes:
    text = text.replace(" ", "") + "1"
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def test_types_and_their_roles() -> None:
    assert [h264.nal_type(b) for b in (0x67, 0x68, 0x65, 0x41, 0x06, 0x09)] == [7, 8, 5, 1, 6, 9]
    assert [k for k in range(32) if h264.is_vcl(k)] == [1, 2, 3, 4, 5]
    assert [k for k in range(32) if h264.starts_access_unit(k)] == [6, 7, 8, 9, 14, 15, 16, 17, 18]
    assert [b for b in range(256) if h264.is_sps(b)] == [0x27, 0x47, 0x67]
    assert h264.is_first_slice(0x88)
    assert not h264.is_first_slice(0x2A)


def test_slice_kinds() -> None:
    assert h264.is_intra_slice(bytes.fromhex("658884"))
    assert h264.is_intra_slice(b"\x41" + bits("1 011 1"))
    assert not h264.is_intra_slice(bytes.fromhex("419a20"))
    assert not h264.is_intra_slice(b"\x41\0\0\0")


def test_recovery_point() -> None:
    assert h264.has_recovery_point(bytes.fromhex("060601c480"))
    assert h264.has_recovery_point(bytes.fromhex("06" + "05021122" + "0601c480"))
    assert h264.has_recovery_point(bytes.fromhex("06" + "05ff03" + "11" * 258 + "0601c480"))
    assert not h264.has_recovery_point(bytes.fromhex("0606014080"))
    assert not h264.has_recovery_point(bytes.fromhex("0605021122" + "80"))
    assert not h264.has_recovery_point(b"\x06")
    assert not h264.has_recovery_point(b"\x06\x06")


def test_the_size_in_the_worked_example() -> None:
    size = h264.picture_size(BASELINE_64)
    assert size is not None
    assert (size.width, size.height, size.codecs, size.interlaced) == (64, 64, "avc1.42C00A", False)


def test_1080_lines_are_cropped_from_1088() -> None:
    sps = b"\x67\x64\x00\x28" + bits(
        "1 010 1 1 0 0" "1 1 1 010 0" "000000 1111000" "000000 1000100" "1 1" "1 1 1 1 00101" "0"
    )  # fmt: skip
    size = h264.picture_size(sps)
    assert size is not None
    assert (size.width, size.height, size.codecs) == (1920, 1080, "avc1.640028")
    assert (size.chroma_format, size.luma_bits, size.chroma_bits) == (1, 8, 8)


def test_fields_double_the_height_and_high_profiles_carry_scaling_lists() -> None:
    lists = "1" + "1" + "0" * 0 + "1" * 16 + "0" * 7
    sps = b"\x67\x6e\x00\x1e" + bits(
        "1 010 010 010 0" + lists + "1 010 0 011 010 010 011" + "010 0" + "00000101101" + "000010010" + "0 0 1" + "0 0"
    )  # fmt: skip
    size = h264.picture_size(sps)
    assert size is not None
    assert size.interlaced
    assert (size.width, size.height) == (16 * 45, 16 * 18 * 2)
    assert (size.luma_bits, size.chroma_bits) == (9, 9)


def test_four_four_four() -> None:
    sps = b"\x67\xf4\x00\x1e" + bits(
        "1 00100 0 1 1 0 0" + "1 011 010 0" + "0001010" + "0001010" + "1 1" + "1 010 1 1 1" + "0"
    )
    size = h264.picture_size(sps)
    assert size is not None
    assert (size.width, size.height, size.chroma_format) == (16 * 10 - 1, 160, 3)


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_broken_parameter_set_has_no_size(cut: int) -> None:
    assert h264.picture_size(BASELINE_64[:cut]) is None


def test_parameter_set_ids() -> None:
    assert h264.parameter_set_id(BASELINE_64) == 0
    assert h264.parameter_set_id(b"\x67\x42\x00\x0a" + bits("00101")) == 4
    assert h264.parameter_set_id(b"\x68" + bits("011")) == 2
    assert h264.parameter_set_id(b"\x68") == 0


@pytest.mark.parametrize(("width", "height"), [(128, 96), (176, 144), (130, 98), (1280, 720)])
def test_sizes_of_an_independent_encoder(encode, width: int, height: int) -> None:
    unit = encode("H264", frames=1, width=width, height=height)[0]
    sps = next(nal for nal in nal_units(unit.data) if nal[0] & 31 == 7)
    size = h264.picture_size(sps)
    assert size is not None
    assert (size.width, size.height) == (width, height)
