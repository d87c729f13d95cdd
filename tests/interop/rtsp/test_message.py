"""RTSP messages byte by byte (RFC 2326)."""

from __future__ import annotations

import pytest

from interop.rtsp.message import MAX_HEAD, BadMessage, Interleaved, Request, RequestFramer, interleaved, response

DESCRIBE = (
    b"DESCRIBE rtsp://127.0.0.1/live RTSP/1.0\r\n"
    b"CSeq: 2\r\n"
    b"Accept:application/sdp\r\n"
    b"\r\n"
)  # fmt: skip


def test_a_request_is_read_however_its_bytes_arrive() -> None:
    framer, whole = RequestFramer(), RequestFramer()
    found = [message for n in range(len(DESCRIBE)) for message in framer.feed(DESCRIBE[n : n + 1])]
    assert found == whole.feed(DESCRIBE)
    assert found == [
        Request("DESCRIBE", "rtsp://127.0.0.1/live", {"cseq": "2", "accept": "application/sdp"}, b"", "RTSP/1.0")
    ]


def test_body_packets_and_the_next_request_are_kept_apart() -> None:
    body = b"SET_PARAMETER * RTSP/1.0\r\nContent-Length: 4\r\n\r\n$$$$\r\n"
    packet = b"$\x01\x00\x03abc"
    first, second, third = RequestFramer().feed(body + packet + DESCRIBE)
    assert isinstance(first, Request) and first.body == b"$$$$"
    assert second == Interleaved(1, b"abc")
    assert isinstance(third, Request) and third.method == "DESCRIBE"


def test_a_packet_waits_for_its_end() -> None:
    framer = RequestFramer()
    assert framer.feed(b"$\x01\x00") == []
    assert framer.feed(b"\x02a") == []
    assert framer.feed(b"b") == [Interleaved(1, b"ab")]


def test_a_body_waits_for_its_end() -> None:
    framer = RequestFramer()
    assert framer.feed(b"SET_PARAMETER * RTSP/1.0\r\nContent-Length: 4\r\n\r\nab") == []
    assert len(framer.feed(b"cd")) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nContent-Length: 999999\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nContent-Length: 9999999999\r\n\r\n",
        b"x" * (MAX_HEAD + 1),
        b"OPTIONS * RTSP/1.0\r\nX: " + b"x" * MAX_HEAD + b"\r\n\r\n",
    ],
)
def test_what_is_no_rtsp_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        RequestFramer().feed(data)


def test_answers_and_packets_as_they_go_onto_the_wire() -> None:
    assert response(200, "7", {"Session": "1"}, b"v=0\r\n") == (
        b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nServer: gbsim\r\nSession: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    )
    assert response(454, "8") == b"RTSP/1.0 454 Session Not Found\r\nCSeq: 8\r\nServer: gbsim\r\n\r\n"
    assert interleaved(2, b"abc") == b"$\x02\x00\x03abc"
