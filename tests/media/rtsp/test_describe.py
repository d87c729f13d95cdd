"""The dialogue with a camera, byte by byte."""

from __future__ import annotations

import pytest

from media.rtsp.address import RtspAddress
from media.rtsp.describe import MAX_BODY, MAX_HEAD, Described, DescribeDialogue

SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 8\r\n"
FIRST = (
    b"DESCRIBE rtsp://192.0.2.1/live RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n"
    b"User-Agent: gb28181-gateway\r\n\r\n"
)
ASKS = b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n\r\n'


def dialogue(username: str = "u", password: str = "p") -> DescribeDialogue:
    return DescribeDialogue(RtspAddress("192.0.2.1", 554, "/live"), username, password, cnonce="c")


def described(sdp: bytes) -> bytes:
    return b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: %d\r\n\r\n" % len(sdp) + sdp


def test_what_a_camera_describes_is_what_it_offers() -> None:
    talk = dialogue()
    assert talk.begin() == FIRST
    answer = b"RTSP/1.0 100 Continue\r\n\r\n" + described(SDP)
    for at in range(len(answer)):
        assert talk.outcome is None
        assert talk.feed(answer[at : at + 1]) == b""
    assert talk.outcome == Described(None, "", "H264", "PCMA")


def test_a_camera_that_asks_for_a_login_gets_it_once() -> None:
    talk = dialogue()
    talk.begin()
    second = talk.feed(ASKS)
    assert second.startswith(b"DESCRIBE rtsp://192.0.2.1/live RTSP/1.0\r\nCSeq: 2\r\n")
    # md5(md5(u:r:p):n:md5(DESCRIBE:rtsp://192.0.2.1/live))
    assert b'\r\nAuthorization: Digest username="u", realm="r", nonce="n", uri="rtsp://192.0.2.1/live", ' in second
    assert b'response="3682247adcb5101a3eb28d14922f1398"\r\n' in second
    assert talk.feed(ASKS) == b""
    assert talk.outcome == Described("not_authorised", "401 Unauthorized")


@pytest.mark.parametrize("asks", [ASKS, b"RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Magic\r\n\r\n"])
def test_without_a_login_or_a_way_to_use_it_the_camera_is_closed_to_us(asks: bytes) -> None:
    talk = dialogue("", "") if asks is ASKS else dialogue()
    talk.begin()
    assert talk.feed(asks) == b""
    assert talk.outcome == Described("not_authorised", "401 Unauthorized")


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (b"RTSP/1.0 403 Forbidden\r\n\r\n", "not_authorised"),
        (b"RTSP/1.0 404 Stream Not Found\r\n\r\n", "not_found"),
        (b"RTSP/1.0 453 Not Enough Bandwidth\r\n\r\n", "refused"),
        (b"RTSP/1.0 500 Oops\r\n\r\n", "refused"),
        (b"RTSP/1.0 302 Moved\r\nLocation: rtsp://192.0.2.2/\r\n\r\n", None),
        (described(b""), "no_video"),
        (described(b"m=audio 0 RTP/AVP 8\r\n"), "no_video"),
        (described(b"m=video 0 RTP/AVP 26\r\n"), "codec_not_carried"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "bad_stream"),
        (b"RTSP/1.0 twohundred OK\r\n\r\n", "bad_stream"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "bad_stream"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), "bad_stream"),
        (b"x" * (MAX_HEAD + 1), "bad_stream"),
    ],
)
def test_each_answer_has_its_meaning(answer: bytes, refusal: str | None) -> None:
    talk = dialogue()
    talk.begin()
    assert talk.feed(answer) == b""
    assert talk.outcome is not None and talk.outcome.refusal == refusal


def test_a_connection_that_is_closed_early_is_an_outcome_too() -> None:
    talk = dialogue()
    talk.begin()
    talk.feed(b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nab")
    assert talk.outcome is None
    talk.closed()
    assert talk.outcome is not None and talk.outcome.refusal == "ended"
    said = talk.outcome
    talk.closed()
    assert talk.outcome is said
