"""H.264 and H.265 in RTP, byte by byte (RFC 6184, RFC 7798) and as an independent depacketizer reads H.264."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiortc.codecs.h264 import H264PayloadDescriptor

from media.es.packetize import MAX_PAYLOAD, h264_payloads, h265_payloads

SPS, PPS, IDR = bytes.fromhex("6742e01f"), bytes.fromhex("68ce3c80"), bytes.fromhex("6588841122")
START = b"\x00\x00\x00\x01"


def test_small_units_share_an_aggregation_packet() -> None:
    unit = START + SPS + START + PPS + b"\x00\x00\x01" + IDR
    assert h264_payloads(unit) == [bytes.fromhex("7800046742e01f000468ce3c8000056588841122")]


def test_a_unit_alone_is_sent_as_it_is() -> None:
    assert h264_payloads(START + bytes.fromhex("419a22")) == [bytes.fromhex("419a22")]


def test_a_large_unit_is_cut_into_fragments_with_start_and_end() -> None:
    nal = bytes((0x65, *range(1, 11)))
    assert h264_payloads(START + nal, max_payload=6) == [
        bytes.fromhex("7c85010203"),
        bytes.fromhex("7c05040506"),
        bytes.fromhex("7c450708090a"),
    ]


def test_parameter_sets_stay_before_the_fragments_of_the_key_frame() -> None:
    payloads = h264_payloads(START + SPS + START + PPS + START + b"\x65" + b"\x88" * 20, max_payload=16)
    assert payloads[0] == bytes.fromhex("7800046742e01f000468ce3c80")
    assert [payload[0] & 0x1F for payload in payloads[1:]] == [28, 28]


def test_units_that_do_not_fit_together_begin_another_packet() -> None:
    slices = [bytes((0x41, 0x9A)) + bytes((n + 1,)) * 8 for n in range(3)]
    payloads = h264_payloads(b"".join(START + one for one in slices), max_payload=26)
    assert payloads == [b"\x58\x00\x0a" + slices[0] + b"\x00\x0a" + slices[1], slices[2]]


def test_delimiters_and_filler_are_left_out() -> None:
    unit = START + b"\x09\xf0" + START + bytes.fromhex("419a22") + START + b"\x0c\xff\xff\x80"
    assert h264_payloads(unit) == [bytes.fromhex("419a22")]
    assert h264_payloads(START + b"\x09\xf0") == []
    assert h264_payloads(b"no start code") == []


def test_a_real_film_comes_out_of_an_independent_depacketizer_unchanged(encode: Callable[..., Any]) -> None:
    for unit in encode("H264", frames=12, width=320, height=240, slices=3):
        payloads = h264_payloads(unit.data)
        assert all(len(payload) <= MAX_PAYLOAD for payload in payloads)
        read = b"".join(H264PayloadDescriptor.parse(payload)[1] for payload in payloads)
        assert read == unit.data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").replace(b"\x00\x00\x01", START)


VPS_265, SPS_265, IDR_265 = bytes.fromhex("40010c01"), bytes.fromhex("42010101"), bytes.fromhex("2601af08")


def test_small_h265_units_share_an_aggregation_packet() -> None:
    unit = START + VPS_265 + START + SPS_265 + START + IDR_265
    assert h265_payloads(unit) == [bytes.fromhex("6001000440010c0100044201010100042601af08")]


def test_an_aggregation_packet_has_the_lowest_layer_and_temporal_id() -> None:
    unit = START + bytes.fromhex("020aaa") + START + bytes.fromhex("0203bb")
    assert h265_payloads(unit) == [bytes.fromhex("60020003020aaa00030203bb")]


def test_a_large_h265_unit_is_cut_into_fragments_with_start_and_end() -> None:
    nal = bytes((0x26, 0x01, *range(1, 10)))
    assert h265_payloads(START + nal, max_payload=6) == [
        bytes.fromhex("620193010203"),
        bytes.fromhex("620113040506"),
        bytes.fromhex("620153070809"),
    ]


def test_h265_delimiters_and_filler_are_left_out() -> None:
    unit = START + bytes.fromhex("460150") + START + bytes.fromhex("0201d0") + START + bytes.fromhex("4c01ff80")
    assert h265_payloads(unit) == [bytes.fromhex("0201d0")]
