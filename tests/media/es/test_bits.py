from __future__ import annotations

import pytest

from media.es.bits import BitReader, unescape


def test_emulation_prevention_is_removed() -> None:
    assert unescape(b"\0\0\3\1\0\0\3\0\0\3") == b"\0\0\1\0\0\0\0"


def test_fields_and_exponential_golomb_codes() -> None:
    # 101 1 010 011 00100 00101 0001000 -> 5, ue 0 1 2 3 4 7
    reader = BitReader(int("1011010011001000010100010000", 2).to_bytes(4, "big"))
    reader.skip(4)
    assert reader.bits(3) == 5
    assert [reader.ue() for _ in range(6)] == [0, 1, 2, 3, 4, 7]


def test_signed_codes() -> None:
    reader = BitReader(int("1010011001000010100110000000", 2).to_bytes(4, "big"))
    reader.skip(4)
    assert [reader.se() for _ in range(5)] == [0, 1, -1, 2, -2]


def test_the_end_of_the_data() -> None:
    with pytest.raises(EOFError):
        BitReader(b"\x80").bits(9)
    with pytest.raises(EOFError):
        BitReader(bytes(8)).ue()
