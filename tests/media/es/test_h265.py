"""H.265 syntax against an independent encoder and hand-written bytes."""

from __future__ import annotations

import pytest

from media.es import h265
from media.es.annexb import nal_units


def bits(text: str) -> bytes:
    text = text.replace(" ", "") + "1"
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def test_types_and_their_roles() -> None:
    assert [h265.nal_type(b) for b in (0x40, 0x42, 0x44, 0x26, 0x02, 0x4E, 0x46)] == [32, 33, 34, 19, 1, 39, 35]
    assert [k for k in range(64) if h265.is_irap(k)] == [16, 17, 18, 19, 20, 21]
    assert [k for k in range(64) if h265.is_vcl(k)] == list(range(32))
    assert [k for k in range(64) if h265.starts_access_unit(k)] == [32, 33, 34, 35, 39, 41, 42, 43, 44, *range(48, 56)]
    assert h265.is_parameter_set(0x40, 1)
    assert not h265.is_parameter_set(0x41, 0x9A)
    assert not h265.is_parameter_set(0x40, 0x9A)
    assert h265.is_first_slice(0xAF)


@pytest.mark.parametrize(("width", "height"), [(128, 96), (130, 98), (1280, 720)])
def test_sizes_of_an_independent_encoder(encode, width: int, height: int) -> None:
    unit = encode("H265", frames=1, width=width, height=height)[0]
    nals = {h265.nal_type(nal[0]): nal for nal in nal_units(unit.data)}
    size = h265.picture_size(nals[33])
    assert size is not None
    assert (size.width, size.height) == (width, height)
    assert (size.chroma_format, size.luma_bits, size.chroma_bits) == (1, 8, 8)
    assert size.codecs.startswith("hvc1.1.6.L")
    assert [h265.parameter_set_id(nals[k]) for k in (32, 33, 34)] == [0, 0, 0]


def test_sub_layers_main_10_and_four_four_four() -> None:
    general = "00 1 00010" + "001" + "0" * 29 + "1" + "0" * 46 + "1" + "01011101"
    layers = "1 1" + "00" * 7 + "0" * 88 + "0" * 8
    body = "0000 001 1" + general + layers + "00100" + "00100 0" + "0001010" + "0001010" + "1 010 010 1 1" + "011 011"
    sps = b"\x42\x01" + bits(body)
    size = h265.picture_size(sps)
    assert size is not None
    assert (size.width, size.height) == (9 - 2, 9)
    assert (size.chroma_format, size.luma_bits, size.chroma_bits) == (3, 10, 10)
    assert size.codecs == "hvc1.2.4.H93.80.0.0.0.0.1"
    assert h265.parameter_set_id(sps) == 3


def test_broken_parameter_sets() -> None:
    assert h265.picture_size(b"\x42\x01\x01\x01\x60") is None
    assert h265.parameter_set_id(b"\x42\x01\x01\x01\x60") == 0
    assert h265.parameter_set_id(b"\x44\x01" + bits("00111")) == 6
    assert h265.parameter_set_id(b"\x40\x01\x5c") == 5
