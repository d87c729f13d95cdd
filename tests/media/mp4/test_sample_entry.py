"""Sample entries against bytes written by hand from ISO/IEC 14496-14 and -15."""

from __future__ import annotations

import pytest

from media.errors import LocalError
from media.es.annexb import join, nal_units
from media.mp4.sample_entry import audio_entry, length_prefixed, video_entry

SPS = bytes.fromhex("6742c00ada109b011000000300100000030320f1226a")
PPS = bytes.fromhex("68ce0fc8")


def test_avc1() -> None:
    entry, size = video_entry("H264", join([SPS, PPS, b"\x65\x88\x84"]))
    assert (size.width, size.height) == (64, 64)
    assert entry[:8].hex() == f"{len(entry):08x}" + "61766331"
    assert entry[8:86].hex() == (
        "000000000000" + "0001" + "00" * 16 + "00400040" + "0048000000480000" + "00000000" + "0001" + "00" * 32
        + "0018" + "ffff"
    )  # fmt: skip
    configuration = "01" + "42c00a" + "ff" + "e1" + "0016" + SPS.hex() + "01" + "0004" + PPS.hex()
    assert entry[86:].hex() == f"{8 + len(configuration) // 2:08x}" + "61766343" + configuration


def test_high_profile_adds_its_sample_format(encode) -> None:
    high = bytes.fromhex("67640028acd940780227e5c044000003000400000300c83c60c658")
    entry, size = video_entry("H264", join([high, PPS]))
    assert (size.width, size.height) == (1920, 1080)
    assert entry.endswith(PPS + bytes.fromhex("fdf8f800"))


def test_hvc1(encode) -> None:
    data = encode("H265", frames=1)[0].data
    vps, sps, pps = list(nal_units(data))[:3]
    entry, size = video_entry("H265", data)
    assert (size.width, size.height) == (128, 96)
    at = entry.index(b"hvcC") + 4
    head = entry[at : at + 23]
    assert head[:2].hex() == "0101"
    assert head[2:6].hex() == "60000000"
    assert head[13:21].hex() == "f000fcfdf8f80000"
    assert head[21] & 3 == 3
    assert head[22] == 3
    arrays = b"".join(
        bytes((0x80 | kind, 0, 1)) + len(nal).to_bytes(2, "big") + nal
        for kind, nal in ((32, vps), (33, sps), (34, pps))
    )
    assert entry[at + 23 :] == arrays


def test_missing_or_broken_sets_are_our_fault() -> None:
    for data in (b"", join([SPS]), join([PPS]), join([SPS[:4], PPS])):
        with pytest.raises(LocalError):
            video_entry("H264", data)


def test_mp4a() -> None:
    assert audio_entry(8000, 1).hex() == (
        "0000004b" + "6d703461" + "000000000000" + "0001" + "00" * 8 + "0001" + "0010" + "00000000" + "1f400000"
        + "00000027" + "65736473" + "00000000"
        + "0319" + "000000" + "0411" + "4015000000" + "00" * 8 + "0502" + "1588" + "060102"
    )  # fmt: skip
    with pytest.raises(LocalError):
        audio_entry(8001, 1)


def test_samples_have_lengths_instead_of_start_codes() -> None:
    data = b"\0\0\0\1\x09\x10\0\0\0\1\x67\x42\0\0\1\x65\x88\x84\0\0\1\x65\x28"
    assert length_prefixed("H264", data, (7, 9)).hex() == "00000003658884" + "000000026528"
