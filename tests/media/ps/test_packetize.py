from __future__ import annotations

import pytest

from media.errors import LocalError
from media.ps.packetize import RtpPacketizer


def test_the_worked_example_in_one_packet() -> None:
    packetizer = RtpPacketizer(100000001, sequence=18139)
    assert [p.hex() for p in packetizer.packets(b"\xba" * 151, 4886718345)] == ["80e046db2345678905f5e101" + "ba" * 151]
    assert packetizer.sequence == 18140


def test_a_frame_is_cut_and_only_its_last_packet_is_marked() -> None:
    packets = RtpPacketizer(1, 98, sequence=65535).packets(b"a" * 1388 + b"b" * 1388 + b"c", 7)
    assert [p[:12].hex() for p in packets] == [
        "8062ffff" + "00000007" + "00000001",
        "80620000" + "00000007" + "00000001",
        "80e20001" + "00000007" + "00000001",
    ]
    assert [p[12:] for p in packets] == [b"a" * 1388, b"b" * 1388, b"c"]
    assert max(map(len, packets)) == 1400


def test_a_frame_that_fills_its_packets_has_no_empty_one() -> None:
    assert len(RtpPacketizer(1).packets(bytes(2776), 0)) == 2


def test_a_payload_without_room_is_our_fault() -> None:
    with pytest.raises(LocalError):
        RtpPacketizer(1, max_payload=0)
