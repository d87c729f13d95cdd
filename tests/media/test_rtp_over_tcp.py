"""RFC 4571 and `$` records, cut and broken in every way, against bytes written by hand."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import LocalError, RemoteError
from media.rtp import is_rtcp
from media.rtp_over_tcp import RESYNC_LIMIT, Rfc4571Framer, frame, frame_interleaved

SSRC = bytes.fromhex("05f5e101")


def packet(sequence: int, payload: bytes = b"payload", ssrc: bytes = SSRC) -> bytes:
    return b"\x80\x60" + sequence.to_bytes(2, "big") + b"\x00\x01\x02\x03" + ssrc + payload


RTCP = bytes.fromhex("80c9000105f5e102")
PACKETS = [packet(1), RTCP, packet(2, b"x" * 300), packet(3)]
PLAIN = b"".join(frame(p) for p in PACKETS)
DOLLAR = b"".join(frame_interleaved(p) for p in PACKETS)


def test_the_two_record_forms() -> None:
    assert frame(bytes(163))[:2].hex() == "00a3"
    assert frame_interleaved(bytes(163))[:4].hex() == "240000a3"


@pytest.mark.parametrize("form", [PLAIN, DOLLAR], ids=["rfc4571", "interleaved"])
def test_the_stream_may_be_split_at_every_byte(form: bytes) -> None:
    for cut in range(len(form) + 1):
        framer = Rfc4571Framer()
        assert framer.feed(form[:cut]) + framer.feed(form[cut:]) == PACKETS
        assert framer.interleaved is (form is DOLLAR)
        assert framer.counters.records == len(PACKETS)
        assert framer.buffered == 0


@pytest.mark.parametrize("form", [PLAIN, DOLLAR], ids=["rfc4571", "interleaved"])
def test_single_bytes(form: bytes) -> None:
    framer = Rfc4571Framer()
    assert [p for i in range(len(form)) for p in framer.feed(form[i : i + 1])] == PACKETS
    assert framer.counters.resyncs == 0


def test_rtcp_is_handed_out_and_recognisable() -> None:
    assert [is_rtcp(p) for p in Rfc4571Framer().feed(PLAIN)] == [False, True, False, False]


def test_empty_records_are_skipped_and_counted() -> None:
    framer = Rfc4571Framer()
    assert framer.feed(frame(packet(1)) + b"\0\0" + frame(packet(2))) == [packet(1), packet(2)]
    assert framer.counters.empty == 1


@pytest.mark.parametrize("size", [9216, 9216 + 255, 65535])
def test_a_length_that_looks_like_a_dollar_is_a_length(size: int) -> None:
    big = packet(1, b"z" * (size - 12))
    framer = Rfc4571Framer()
    assert framer.feed(frame(big) + frame(packet(2))) == [big, packet(2)]
    assert framer.interleaved is False


def test_a_sequence_number_with_version_bits_does_not_make_a_length_a_dollar() -> None:
    big = packet(0x8001, b"z" * (0x2400 - 12))
    assert Rfc4571Framer().feed(frame(big) + frame(packet(2))) == [big, packet(2)]


def test_a_device_that_drops_the_dollar_later_is_followed() -> None:
    framer = Rfc4571Framer()
    assert framer.feed(frame_interleaved(packet(1)) + frame(packet(2)) + frame(packet(3))) == [
        packet(1),
        packet(2),
        packet(3),
    ]
    assert framer.interleaved is False


def test_a_second_source_on_the_connection_is_believed_when_a_record_follows() -> None:
    other = packet(9, ssrc=b"\1\2\3\4")
    framer = Rfc4571Framer()
    assert framer.feed(frame(packet(1)) + frame(other)) == [packet(1)]
    assert framer.feed(frame(packet(2))) == [other, packet(2)]


@pytest.mark.parametrize("wrap", [frame, frame_interleaved])
@pytest.mark.parametrize("chunk", [1, 7, 100, 100000])
def test_lost_framing_is_found_again(wrap: object, chunk: int) -> None:
    record = frame if wrap is frame else frame_interleaved
    before = b"".join(record(packet(i)) for i in range(1, 4))
    broken = record(packet(4, b"y" * 200))[50:]
    after = [packet(i, bytes([i]) * 90) for i in range(5, 12)]
    stream = before + broken + b"".join(record(p) for p in after)
    framer = Rfc4571Framer()
    got = [p for i in range(0, len(stream), chunk) for p in framer.feed(stream[i : i + chunk])]
    assert got[:3] == [packet(i) for i in range(1, 4)]
    assert got[-6:] == after[-6:]
    assert framer.counters.resyncs >= 1
    assert framer.counters.skipped > 0


def test_garbage_with_version_bits_is_not_taken_for_a_record() -> None:
    framer = Rfc4571Framer()
    garbage = b"\x00\x20" + b"\x80" * 40
    after = [packet(i, b"k" * 50) for i in range(3)]
    got = framer.feed(frame(packet(1)) + garbage + b"".join(frame(p) for p in after))
    assert got[0] == packet(1)
    assert got[-3:] == after


def test_a_connection_that_never_finds_framing_is_given_up() -> None:
    framer = Rfc4571Framer()
    with pytest.raises(RemoteError):
        for _ in range(RESYNC_LIMIT // 4096 + 8):
            framer.feed(b"\x10" * 4096)
    assert framer.buffered < 200_000


def test_another_protocol_is_named() -> None:
    with pytest.raises(RemoteError) as caught:
        Rfc4571Framer().feed(b"01cd\x81\x62\x00\x00\x01\x39")
    assert caught.value.value == "JT/T 1078"


def test_oversize_packets_are_our_fault() -> None:
    for wrap in (frame, frame_interleaved):
        with pytest.raises(LocalError):
            wrap(bytes(65536))


@given(st.lists(st.binary(max_size=400), max_size=30))
def test_no_bytes_break_the_framer(chunks: list[bytes]) -> None:
    framer = Rfc4571Framer()
    try:
        for chunk in chunks:
            framer.feed(chunk)
    except RemoteError:
        return
    assert framer.buffered <= 2 * 65540


def test_random_chunks_of_a_long_stream() -> None:
    rng = random.Random(7)
    packets = [packet(i & 0xFFFF, rng.randbytes(rng.randrange(0, 1400))) for i in range(300)]
    stream = b"".join(frame(p) for p in packets)
    framer = Rfc4571Framer()
    got: list[bytes] = []
    at = 0
    while at < len(stream):
        step = rng.randrange(1, 5000)
        got += framer.feed(stream[at : at + step])
        at += step
    assert got == packets
