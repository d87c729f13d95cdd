"""RTCP of one hop, byte for byte (RFC 3550 6.4.1, 6.4.2, 6.5)."""

from __future__ import annotations

import struct

from media.reception import Reception
from media.worker.reports import ReceptionReports, SenderReports
from media.worker.sequence import RunningSequence

SDES_TAIL = b"\x01\x0fgb28181-gateway\x00\x00\x00"


def received(*numbers: int) -> RunningSequence:
    sequence = RunningSequence()
    for number in numbers:
        sequence.take(number, b"")
    return sequence


def sdes(ssrc: int) -> bytes:
    return struct.pack("!BBHI", 0x81, 202, 6, ssrc) + SDES_TAIL


def test_no_report_before_the_first_packet() -> None:
    assert ReceptionReports().due(Reception(), RunningSequence(), 1, 0.0) is None


def test_a_receiver_report_follows_the_first_packet_and_repeats_every_five_seconds() -> None:
    reports = ReceptionReports()
    reception, numbers = Reception(), received(65535, 0, 1, 4)
    expected = struct.pack("!BBHI", 0x81, 201, 7, 0x01020305)
    expected += struct.pack("!IIIIII", 0x01020304, (2 * 256 // 6) << 24 | 2, 0x00010004, 0, 0, 0)
    assert reports.due(reception, numbers, 0x01020304, 100.0) == expected + sdes(0x01020305)
    assert reports.due(reception, numbers, 0x01020304, 104.9) is None
    second = reports.due(reception, numbers, 0x01020304, 105.0)
    assert second is not None and second[12:16] == b"\x00\x00\x00\x02"


def test_a_sender_report_is_answered_with_its_time() -> None:
    reports = ReceptionReports()
    sr = struct.pack("!BBHIQIII", 0x80, 200, 6, 7, 0x1111222233334444, 0, 1, 1)
    reports.heard(sr, 10.0)
    report = reports.due(Reception(), received(1), 7, 12.0)
    assert report is not None
    assert report[24:32] == struct.pack("!II", 0x22223333, 2 * 65536)


def test_rubbish_on_the_rtcp_port_is_ignored() -> None:
    reports = ReceptionReports()
    reports.heard(b"\x00", 1.0)
    reports.heard(b"\xff" * 50, 1.0)
    reports.heard(struct.pack("!BBHI", 0x80, 201, 1, 7), 1.0)
    report = reports.due(Reception(), received(1), 0xFFFFFFFF, 2.0)
    assert report is not None and report[4:8] == bytes(4) and report[24:32] == bytes(8)


def test_a_sender_report_carries_time_and_counts() -> None:
    reports = SenderReports()
    arguments = {"ssrc": 5, "rtp_timestamp": 90000, "octets": 1000, "unix_now": 0.5}
    assert reports.due(packets=0, now=1.0, **arguments) is None  # type: ignore[arg-type]
    report = reports.due(packets=3, now=1.0, **arguments)  # type: ignore[arg-type]
    ntp = (2_208_988_800 << 32) + (1 << 31)
    assert report == struct.pack("!BBHIQIII", 0x80, 200, 6, 5, ntp, 90000, 3, 1000) + sdes(5)
    assert reports.due(packets=4, now=5.9, **arguments) is None  # type: ignore[arg-type]
    assert reports.due(packets=4, now=6.0, **arguments) is not None  # type: ignore[arg-type]
