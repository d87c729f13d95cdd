"""Where a request came from, noted in its top Via."""

from __future__ import annotations

import pytest

from tests.sip.endpoint_bench import KEEPALIVE, Bench


@pytest.mark.parametrize(
    ("via", "stamped"),
    [
        (b"SIP/2.0/UDP 198.51.100.20:40001;branch=z9hG4bKk1", b"SIP/2.0/UDP 198.51.100.20:40001;branch=z9hG4bKk1"),
        (
            b"SIP/2.0/UDP cam.lan;branch=z9hG4bKk1",
            b"SIP/2.0/UDP cam.lan;branch=z9hG4bKk1;received=198.51.100.20",
        ),
        (
            b"SIP/2.0/UDP 10.0.0.5;rport=9;received=1.2.3.4;branch=z9hG4bKk1",
            b"SIP/2.0/UDP 10.0.0.5;rport=40001;received=198.51.100.20;branch=z9hG4bKk1",
        ),
        (
            b"SIP/2.0/UDP 10.0.0.5;rport;branch=z9hG4bKk1, SIP/2.0/TCP 10.0.0.6;branch=z9hG4bKk0",
            b"SIP/2.0/UDP 10.0.0.5;rport=40001;branch=z9hG4bKk1;received=198.51.100.20, "
            b"SIP/2.0/TCP 10.0.0.6;branch=z9hG4bKk0",
        ),
    ],
    ids=["right address, no rport", "host name", "a lie", "comma-joined"],
)
def test_the_top_via_says_where_the_request_really_came_from(via: bytes, stamped: bytes) -> None:
    bench = Bench()
    bench.receive(KEEPALIVE.replace(b"SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKk1", via))
    (data,) = bench.answer(200)
    assert b"\r\nVia: " + stamped + b"\r\n" in data


def test_further_vias_come_back_as_they_were() -> None:
    bench = Bench()
    bench.receive(KEEPALIVE.replace(b"From:", b"Via: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKbelow\r\nFrom:"))
    (data,) = bench.answer(200)
    assert data.count(b"Via: ") == 2
    assert b"received=198.51.100.20\r\nVia: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKbelow\r\n" in data
