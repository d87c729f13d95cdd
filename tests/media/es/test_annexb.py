from __future__ import annotations

from media.es.annexb import join, nal_headers, nal_units


def test_units_behind_long_and_short_start_codes_without_trailing_zeros() -> None:
    data = b"\0\0\0\1\x67\x42\0\0\0\0\1\x68\xce\0\0\1\x65\x88\0\0\0"
    assert list(nal_units(data)) == [b"\x67\x42", b"\x68\xce", b"\x65\x88"]
    assert list(nal_headers(data)) == [4, 11, 16]


def test_no_start_code_and_a_start_code_at_the_end() -> None:
    assert list(nal_units(b"\x67\x42")) == []
    assert list(nal_headers(b"\x01\0\0\1")) == []
    assert list(nal_units(b"\0\0\1\x41\0\0\1")) == [b"\x41\0\0\1"]


def test_joining() -> None:
    assert join([b"\x67", b"\x68"]) == b"\0\0\0\1\x67\0\0\0\1\x68"
