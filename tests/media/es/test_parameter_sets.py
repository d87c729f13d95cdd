from __future__ import annotations

import pytest

from media.es.parameter_sets import ParameterSets

SPS = bytes.fromhex("6742c00ada109b011000000300100000030320f1226a")
PPS = bytes.fromhex("68ce0fc8")
IDR = b"\0\0\1\x65\x88\x84\x21"
AUD = b"\0\0\0\1\x09\x10"


def annexb(*nals: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + nal for nal in nals)


@pytest.fixture
def sets() -> ParameterSets:
    sets = ParameterSets("H264")
    sets.absorb_stream(annexb(SPS, PPS) + IDR)
    return sets


def test_sets_in_front_of_the_slice_are_remembered(sets: ParameterSets) -> None:
    assert sets.complete
    assert sets.annexb() == annexb(SPS, PPS)
    assert sets.configuration == 1
    size = sets.picture_size()
    assert size is not None
    assert (size.width, size.height) == (64, 64)


def test_what_a_key_frame_lacks_is_put_in_front(sets: ParameterSets) -> None:
    assert sets.completed(IDR) == annexb(SPS, PPS) + IDR
    assert sets.completed(annexb(PPS) + IDR) == annexb(SPS, PPS) + IDR
    assert sets.completed(AUD + IDR) == AUD + annexb(SPS, PPS) + IDR
    assert sets.completed(b"\0\0\1\x09\x10" + b"\0\0\0\1" + IDR[3:]) == b"\0\0\1\x09\x10" + annexb(SPS, PPS, IDR[3:])
    assert sets.completed(AUD) == AUD + annexb(SPS, PPS)


def test_a_complete_key_frame_is_returned_as_it_is(sets: ParameterSets) -> None:
    whole = annexb(SPS, PPS) + IDR
    assert sets.completed(whole) is whole
    assert ParameterSets("H264").completed(IDR) is IDR


def test_a_changed_sequence_parameter_set_is_a_new_configuration(sets: ParameterSets) -> None:
    sets.absorb(SPS)
    assert sets.configuration == 1
    sets.absorb(SPS[:3] + b"\x0b" + SPS[4:])
    assert sets.configuration == 2
    sets.absorb(b"\x68\xce\x0f\xc9")
    assert sets.configuration == 2
    assert sets.annexb().endswith(b"\x68\xce\x0f\xc9")


def test_sets_with_other_ids_stand_beside(sets: ParameterSets) -> None:
    sets.absorb(b"\x68\x58\x0f")
    assert sets.annexb() == annexb(SPS, PPS, b"\x68\x58\x0f")


def test_rubbish_is_not_remembered() -> None:
    sets = ParameterSets("H264")
    for nal in (b"", b"\x67", b"\x65\x88", b"\x67" + bytes(5000)):
        sets.absorb(nal)
    assert not sets.complete
    assert sets.annexb() == b""
    assert sets.picture_size() is None
    for number in range(300):
        sets.absorb(b"\x68" + ((1 << 16) + number + 1 << 7).to_bytes(5, "big")[1:] + b"\x80")
    assert len(sets.annexb()) < 64 * 20


def test_h265_sets_are_written_in_their_order(encode) -> None:
    unit = encode("H265", frames=1)[0]
    sets = ParameterSets("H265")
    sets.absorb_stream(unit.data)
    first = sets.annexb()
    assert [first[i + 4] for i in range(len(first) - 4) if first[i : i + 4] == b"\0\0\0\1"] == [0x40, 0x42, 0x44]
    assert sets.complete
