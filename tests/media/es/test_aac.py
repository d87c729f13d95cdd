from __future__ import annotations

import pytest

from media.es.aac import adts_frames, build_adts, is_adts, parse_adts


def test_a_header_of_8_khz_mono() -> None:
    data = build_adts(b"\x21" * 9, rate=8000)
    assert data[:7].hex() == "fff16c40021ffc"
    header = parse_adts(data)
    assert header is not None
    assert (header.object_type, header.rate, header.channels, header.header_size, header.size) == (2, 8000, 1, 7, 16)


def test_a_header_with_crc() -> None:
    header = parse_adts(bytes.fromhex("fff04c80021ffc") + bytes(9))
    assert header is not None
    assert (header.header_size, header.rate, header.channels) == (9, 48000, 2)


def test_frames_chain() -> None:
    one, two = build_adts(b"\1" * 5, rate=16000), build_adts(b"\2" * 6, rate=16000)
    assert adts_frames(one + two) == [one, two]
    assert is_adts(one + two)
    assert not is_adts(one + two[:-1])
    assert adts_frames(one + two[:-1]) == [one]
    assert not is_adts(b"")
    assert not is_adts(b"\xd5" * 160)


@pytest.mark.parametrize("data", ["", "fff16c", "fff57c40021ffc", "fff17c40021ffc", "fff16c40005ffc", "00016c40021ffc"])
def test_what_is_no_header(data: str) -> None:
    assert parse_adts(bytes.fromhex(data)) is None
