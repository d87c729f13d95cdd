"""ES mode payloads, written by hand from RFC 6184, RFC 7798 and RFC 3551."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import LocalError
from media.es.annexb import join, nal_units
from media.es.depacketize import EsDepacketizer

SPS, PPS = bytes.fromhex("6742c00ada109b011000000300100000030320f1226a"), bytes.fromhex("68ce0fc8")
IDR, P = b"\x65\x88\x84" + b"\x3a" * 60, b"\x41\x9a\x20" + b"\x3a" * 40


def fragments_h264(nal: bytes, size: int) -> list[bytes]:
    parts = [nal[1 + i : 1 + i + size] for i in range(0, len(nal) - 1, size)]
    head = bytes((nal[0] & 0xE0 | 28,))
    return [
        head + bytes((nal[0] & 31 | (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0),)) + part
        for i, part in enumerate(parts)
    ]


def fragments_h265(nal: bytes, size: int) -> list[bytes]:
    parts = [nal[2 + i : 2 + i + size] for i in range(0, len(nal) - 2, size)]
    head = bytes((nal[0] & 0x81 | 49 << 1, nal[1]))
    return [
        head + bytes((nal[0] >> 1 & 63 | (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0),)) + part
        for i, part in enumerate(parts)
    ]


def aggregate(head: bytes, *nals: bytes) -> bytes:
    return head + b"".join(len(n).to_bytes(2, "big") + n for n in nals)


def feed(depacketizer: EsDepacketizer, payloads: list[bytes], timestamp: int, *, marker: bool = True) -> list:
    units = []
    for index, payload in enumerate(payloads):
        last = marker and index == len(payloads) - 1
        units += depacketizer.feed(payload, timestamp=timestamp, marker=last)
    return units


def test_single_aggregated_and_fragmented_h264() -> None:
    depacketizer = EsDepacketizer("H264")
    units = feed(depacketizer, [aggregate(b"\x78", SPS, PPS), *fragments_h264(IDR, 20)], 3600)
    units += feed(depacketizer, [P], 7200)
    assert [(u.data, u.key, u.pts, u.damaged) for u in units] == [
        (join([SPS, PPS, IDR]), True, 3600, False),
        (join([P]), False, 7200, False),
    ]
    assert depacketizer.malformed == 0


def test_stap_b_and_fu_b_carry_a_decoding_order_number() -> None:
    fragments = fragments_h264(IDR, 40)
    fragments[0] = b"\x7d" + fragments[0][1:2] + b"\x00\x01" + fragments[0][2:]
    units = feed(EsDepacketizer("H264"), [aggregate(b"\x79\x00\x01", SPS, PPS), *fragments], 0)
    assert [u.data for u in units] == [join([SPS, PPS, IDR])]


def test_without_marker_a_new_timestamp_ends_the_picture() -> None:
    depacketizer = EsDepacketizer("H264")
    assert feed(depacketizer, [SPS, PPS, IDR], 1, marker=False) == []
    assert [u.data for u in depacketizer.feed(P, timestamp=2)] == [join([SPS, PPS, IDR])]
    assert [u.data for u in depacketizer.flush()] == [join([P])]
    assert depacketizer.flush() == []


def test_parameter_sets_with_a_time_of_their_own_join_the_next_picture() -> None:
    depacketizer = EsDepacketizer("H264")
    units = feed(depacketizer, [SPS], 1) + feed(depacketizer, [PPS], 2) + feed(depacketizer, [IDR], 3)
    assert [(u.data, u.pts) for u in units] == [(join([SPS, PPS, IDR]), 3)]


def test_known_parameter_sets_are_put_before_a_bare_key_frame() -> None:
    depacketizer = EsDepacketizer("H264")
    feed(depacketizer, [SPS, PPS, IDR], 1)
    unit = feed(depacketizer, [IDR], 2)[0]
    assert (unit.data, unit.repaired) == (join([SPS, PPS, IDR]), ("insert_parameter_sets",))


def test_a_recovery_point_is_a_key_frame() -> None:
    sei, intra = bytes.fromhex("060601c480"), bytes.fromhex("41b8") + b"\x3a" * 20
    assert feed(EsDepacketizer("H264"), [SPS, PPS, sei, intra], 1)[0].key
    assert not feed(EsDepacketizer("H264"), [SPS, PPS, sei, P], 1)[0].key


def test_a_lost_fragment_damages_its_picture_only() -> None:
    depacketizer = EsDepacketizer("H264")
    first, second, third = fragments_h264(IDR, 25)
    units = feed(depacketizer, [SPS, PPS, first], 1, marker=False)
    units += depacketizer.feed(third, timestamp=1, marker=True, gap=True)
    units += feed(depacketizer, [P], 2)
    assert [(u.key, u.damaged, u.discontinuity) for u in units] == [(False, False, True)]
    units = feed(depacketizer, [P, second], 3) + feed(depacketizer, [P], 4)
    assert [u.damaged for u in units] == [True, False]
    units = feed(depacketizer, [P, first], 5) + feed(depacketizer, [P], 6)
    assert [u.damaged for u in units] == [True, False]


def test_a_gap_at_a_frame_border_damages_what_may_have_lost_its_end() -> None:
    depacketizer = EsDepacketizer("H264")
    depacketizer.feed(P, timestamp=1)
    units = depacketizer.feed(P, timestamp=2, gap=True, marker=True)
    assert [(u.damaged, u.discontinuity) for u in units] == [(True, False), (False, True)]


def test_h265_single_aggregated_and_fragmented(encode) -> None:
    source = encode("H265", frames=4, gop=2)
    depacketizer = EsDepacketizer("H265")
    units = []
    for unit in source:
        nals = list(nal_units(unit.data))
        small = [n for n in nals if len(n) < 200]
        large = [f for n in nals if len(n) >= 200 for f in fragments_h265(n, 300)]
        payloads = [aggregate(b"\x60\x01", *small)] if len(small) > 1 else small
        units += feed(depacketizer, payloads + large, unit.pts)
    assert [list(nal_units(u.data)) for u in units] == [
        [n for n in nal_units(u.data) if len(n) < 200] + [n for n in nal_units(u.data) if len(n) >= 200] for u in source
    ]
    assert [u.key for u in units] == [u.key for u in source]


def test_g711_is_timed_by_its_own_clock() -> None:
    depacketizer = EsDepacketizer("PCMA")
    units = [depacketizer.feed(b"\xd5" * 160, timestamp=t & 0xFFFFFFFF) for t in (2**32 - 160, 2**32, 2**32 + 160)]
    steps = [b[0].pts - a[0].pts for a, b in zip(units, units[1:], strict=False)]
    assert steps == [1800, 1800]
    assert units[0][0].track == "audio"
    assert depacketizer.feed(b"", timestamp=0) == []
    assert depacketizer.flush() == []


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("H264", "65"),
        ("H264", "1e00"),
        ("H264", "780000"),
        ("H264", "7800ff67"),
        ("H264", "78000267426"[:-1]),
        ("H265", "2601"),
        ("H265", "640100"),
        ("H265", "600100ff42"),
    ],
)
def test_malformed_payloads_are_counted(codec: str, payload: str) -> None:
    depacketizer = EsDepacketizer(codec)
    data = bytes.fromhex(payload)
    if payload == "7800026742":
        data += b"\x00"
    assert depacketizer.feed(data, timestamp=1, marker=True) == []
    assert depacketizer.malformed == 1


def test_memory_is_bounded() -> None:
    depacketizer = EsDepacketizer("H264", max_unit=1000)
    for _ in range(50):
        depacketizer.feed(P, timestamp=1)
    assert depacketizer._size - len(depacketizer._nals) * len(P) < 3000
    depacketizer = EsDepacketizer("H264", max_unit=1000)
    depacketizer.feed(b"\x7c\x85" + bytes(600), timestamp=1)
    depacketizer.feed(b"\x7c\x05" + bytes(600), timestamp=1)
    assert depacketizer.malformed == 1
    assert depacketizer._fragment is None


def test_other_codecs_are_our_fault() -> None:
    with pytest.raises(LocalError):
        EsDepacketizer("SVAC")


@given(st.sampled_from(["H264", "H265", "PCMU"]), st.lists(st.binary(max_size=60), max_size=30), st.integers())
def test_no_payloads_break_it(codec: str, payloads: list[bytes], seed: int) -> None:
    rng = random.Random(seed)
    depacketizer = EsDepacketizer(codec)
    for payload in payloads:
        depacketizer.feed(payload, timestamp=rng.randrange(3), marker=rng.random() < 0.3, gap=rng.random() < 0.2)
    depacketizer.flush()
