"""RTP headers against bytes written by hand (RFC 3550 5.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import LocalError, RemoteError
from media.rtp import RtpPacket, build_header, is_rtcp, is_rtp, parse_header

HEADER = bytes.fromhex("80e046db2345678905f5e101")


def test_the_worked_example_header() -> None:
    header = parse_header(HEADER + b"abc")
    assert header == (96, True, 18139, 591751049, 100000001, 12, 15)
    assert build_header(payload_type=96, marker=True, sequence=18139, timestamp=4886718345, ssrc=100000001) == HEADER


def test_contributing_sources_extension_and_padding_are_passed_over() -> None:
    data = bytes.fromhex("b26000010000000200000003 00000011 00000022 beef0001 01020304") + b"PAY" + b"\0\2"
    header = parse_header(data)
    assert data[header.payload_start : header.payload_end] == b"PAY"
    packet = RtpPacket.parse(data)
    assert packet.payload == b"PAY"
    assert packet.csrcs == (0x11, 0x22)
    assert packet.extension == (0xBEEF, b"\x01\x02\x03\x04")


def test_padding_larger_than_the_payload_leaves_a_packet_without_payload() -> None:
    data = bytes.fromhex("a0600001000000020000000361ff")
    header = parse_header(data)
    assert header.sequence == 1
    assert header.payload_start == header.payload_end == 12
    assert RtpPacket.parse(data).payload == b""
    assert RtpPacket.parse(bytes.fromhex("a06000010000000200000003")).payload == b""


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x80" * 11, "packet shorter than 12 bytes"),
        (b"\x00" * 12, "version is not 2"),
        (b"01cd" + bytes(12), "version is not 2"),
        (b"\x8f" + bytes(20), "CSRC list or extension beyond the packet"),
        (b"\x90" + bytes(12), "extension beyond the packet"),
        (b"\x90" + bytes(13) + b"\xff\xff", "CSRC list or extension beyond the packet"),
    ],
)
def test_a_broken_header_is_the_peers_fault(data: bytes, what: str) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_header(data)
    assert caught.value.what == what


@pytest.mark.parametrize("kind", [200, 201, 202, 203, 204, 205, 206, 207])
def test_rtcp_is_told_from_rtp_by_its_second_byte(kind: int) -> None:
    data = bytes((0x81, kind)) + bytes(26)
    assert is_rtcp(data)
    assert not is_rtp(data)


STUN = bytes.fromhex("000100002112a442") + bytes(12)


@pytest.mark.parametrize("data", [b"", b"\0\0\0\0", STUN, b"\x80\x60" + bytes(9)])
def test_keep_alive_bytes_are_not_rtp(data: bytes) -> None:
    assert not is_rtp(data)
    assert not is_rtcp(data)


@pytest.mark.parametrize("payload_type", [96, 127, 40, 8, 33, 0])
def test_any_payload_type_outside_the_rtcp_range_is_rtp(payload_type: int) -> None:
    assert is_rtp(bytes((0x80, 0x80 | payload_type)) + bytes(10))


def test_writing_options() -> None:
    packet = RtpPacket(96, False, 1, 2, 3, b"PAY", (0x11, 0x22), (0xBEEF, b"\1\2\3\4"))
    assert bytes(packet).hex() == "926000010000000200000003" + "0000001100000022" + "beef000101020304" + b"PAY".hex()
    assert RtpPacket.parse(packet.to_bytes()) == packet


def test_what_does_not_fit_is_our_fault() -> None:
    with pytest.raises(LocalError):
        RtpPacket(96, False, 1, 2, 3, b"", tuple(range(16))).to_bytes()
    with pytest.raises(LocalError):
        RtpPacket(96, False, 1, 2, 3, b"", (), (1, b"abc")).to_bytes()


@given(st.binary(max_size=80))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except RemoteError:
        return
    assert len(packet.payload) <= len(data) - 12
