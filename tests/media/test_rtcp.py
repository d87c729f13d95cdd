"""RTCP against bytes written by hand (RFC 3550 6.4-6.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import LocalError, RemoteError
from media.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    build_compound,
    ntp_of,
    parse_compound,
)

BLOCK = ReportBlock(0x05F5E101, 64, -2, 0x000146DB, 90, 0x11112222, 0x00010000)
BLOCK_HEX = "05f5e101 40fffffe 000146db 0000005a 11112222 00010000".replace(" ", "")
RR_HEX = "81c90007 05f5e102".replace(" ", "") + BLOCK_HEX
SDES_HEX = "81ca0003 05f5e102 01046e6f6465 0000".replace(" ", "")
SR_HEX = "80c80006 05f5e101 e0000000 80000000 23456789 00000064 0000ffff".replace(" ", "")


def test_a_receiver_report_with_its_source_description() -> None:
    packets = [ReceiverReport(0x05F5E102, (BLOCK,)), SourceDescription(0x05F5E102, "node")]
    assert build_compound(packets).hex() == RR_HEX + SDES_HEX
    assert parse_compound(bytes.fromhex(RR_HEX + SDES_HEX)) == packets


def test_a_sender_report() -> None:
    report = SenderReport(0x05F5E101, 0xE000000080000000, 0x23456789, 100, 65535)
    assert report.to_bytes().hex() == SR_HEX
    assert parse_compound(bytes.fromhex(SR_HEX)) == [report]
    assert report.ntp_middle == 0x00008000


def test_goodbye_and_unknown_packets() -> None:
    app = "80cc0002" + "00000001" + "41424344"
    bye = "82cb0002" + "00000001" + "00000002"
    assert parse_compound(bytes.fromhex(RR_HEX + app + bye))[1:] == [Goodbye((1, 2))]
    assert Goodbye((1, 2)).to_bytes().hex() == bye


def test_a_description_without_name_is_skipped() -> None:
    assert parse_compound(bytes.fromhex("81ca0001 00000001".replace(" ", ""))) == []


def test_loss_is_clamped_to_24_bits() -> None:
    assert ReportBlock(1, 0, 1 << 30, 0).to_bytes()[4:8].hex() == "007fffff"
    assert ReportBlock(1, 0, -(1 << 30), 0).to_bytes()[4:8].hex() == "00800000"


def test_ntp_time_of_the_unix_epoch() -> None:
    assert ntp_of(0) == 2208988800 << 32
    assert ntp_of(0.5) == (2208988800 << 32) + (1 << 31)


@pytest.mark.parametrize(
    "data", ["80c9", "40c90001ffffffff", "80c90005ffffffff", "80c80001ffffffff", "80c90000"], ids=str
)
def test_broken_packets_are_the_peers_fault(data: str) -> None:
    with pytest.raises(RemoteError):
        parse_compound(bytes.fromhex(data))


def test_a_compound_begins_with_a_report_and_has_at_most_31_blocks() -> None:
    with pytest.raises(LocalError):
        build_compound([SourceDescription(1, "x")])
    with pytest.raises(LocalError):
        build_compound([])
    with pytest.raises(LocalError):
        ReceiverReport(1, (BLOCK,) * 32).to_bytes()


@given(st.binary(max_size=120))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    try:
        parse_compound(data)
    except RemoteError:
        pass
