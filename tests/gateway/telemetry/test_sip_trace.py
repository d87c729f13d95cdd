"""Whole SIP messages in a file, nothing in it that proves a password."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.telemetry.sip_trace import SipTrace, masked
from sip.aio import Peer, WireEvent

REGISTER = (
    "REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    "Call-ID: 1@h\r\n"
    'Authorization: Digest username="34020000001110000001", realm="3402000000", nonce="n0nce", '
    'uri="sip:x", response="5ec2e7", algorithm=MD5\r\n'
    "Content-Length: 0\r\n\r\n"
)


def event(data: bytes, direction: str = "<", at: float = 1.5) -> WireEvent:
    return WireEvent(direction, Peer("UDP", "192.0.2.7", 5060), ("192.0.2.1", 5061), data, at)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_message_is_kept_whole_with_its_direction_time_and_peers(tmp_path: Path) -> None:
    path = tmp_path / "new" / "trace.jsonl"
    trace = SipTrace(path, 1_000_000)
    body = "<Notify><Name>东门</Name></Notify>".encode("gb18030")
    trace.write(event(b"MESSAGE sip:x SIP/2.0\r\nCall-ID: 1@h\r\n\r\n" + body, ">"))
    trace.close()
    trace.write(event(b"after the end"))
    assert lines(path) == [
        {
            "at": 1.5,
            "direction": ">",
            "transport": "UDP",
            "peer": "192.0.2.7:5060",
            "local": "192.0.2.1:5061",
            "message": "MESSAGE sip:x SIP/2.0\r\nCall-ID: 1@h\r\n\r\n<Notify><Name>东门</Name></Notify>",
        }
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_of_a_digest_who_where_and_how_is_shown_and_the_response_is_not() -> None:
    shown = masked(REGISTER.encode())
    assert shown == REGISTER.replace("5ec2e7", "***")


@pytest.mark.parametrize(
    ("secret", "kept"),
    [
        ("Authorization: Basic c2VjcmV0", "Authorization: ***"),
        ("proxy-authorization : Bearer secret", "proxy-authorization : ***"),
        ("Authorization: Digest username=a,\r\n response=secret, realm=b", "realm=b"),
        ("Authorization:\r\n\tDigest response = 'secret', realm=b", "Authorization:***"),
        ('Authorization: DIGEST RESPONSE="secret', "DIGEST RESPONSE="),
        ('Authentication-Info: qop=auth, rspauth="secret", nc=1', "nc=1"),
        ("Contact: <http://x/live.mp4?token=secret&a=1>", "a=1"),
    ],
)
def test_whatever_proves_a_password_is_masked(secret: str, kept: str) -> None:
    shown = masked(f"REGISTER sip:x SIP/2.0\r\n{secret}\r\nCSeq: 1 REGISTER\r\n\r\n".encode())
    assert "secret" not in shown and "***" in shown
    assert kept in shown
    assert shown.endswith("\r\nCSeq: 1 REGISTER\r\n\r\n")


def test_passwords_of_cameras_in_a_catalogue_are_masked() -> None:
    shown = masked(b"MESSAGE x SIP/2.0\r\n\r\n<Item><Password>secret</Password><Name>n</Name></Item>")
    assert shown == "MESSAGE x SIP/2.0\r\n\r\n<Item><Password>***</Password><Name>n</Name></Item>"


def test_bytes_of_no_charset_and_zeros_are_shown_as_what_they_can_be() -> None:
    assert masked(b"A\xff\xff\x000\x00\r\n\r\n\x00") == "A\ufffd\ufffd\ufffd0\ufffd\r\n\r\n\x00"


def test_a_file_that_grew_too_large_is_put_aside_in_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    trace = SipTrace(path, 300)
    for number in range(7):
        trace.write(event(b"OPTIONS sip:x SIP/2.0\r\n\r\n", at=float(number)))
    trace.close()
    assert [line["at"] for line in lines(tmp_path / "trace.jsonl.1")] == [3.0, 4.0, 5.0]
    assert [line["at"] for line in lines(path)] == [6.0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_of_before_is_continued(tmp_path: Path) -> None:
    for at in (1.0, 2.0):
        trace = SipTrace(tmp_path / "t", 1000)
        trace.write(event(b"OPTIONS sip:x SIP/2.0\r\n\r\n", at=at))
        trace.close()
    assert [line["at"] for line in lines(tmp_path / "t")] == [1.0, 2.0]


def test_a_full_disk_ends_the_trace_and_nothing_else(tmp_path: Path) -> None:
    trace = SipTrace(Path("/dev/full"), 1000)
    with structlog.testing.capture_logs() as said:
        trace.write(event(b"OPTIONS sip:x SIP/2.0\r\n\r\n"))
        trace.write(event(b"OPTIONS sip:x SIP/2.0\r\n\r\n"))
    assert [line["event"] for line in said] == ["SIP trace ended"]
