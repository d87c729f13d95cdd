"""What descriptions of cameras offer."""

from __future__ import annotations

from media.rtsp.offered import Offered, offered

HIKVISION = """v=0\r
o=- 1109162014219182 1109162014219192 IN IP4 192.0.2.1\r
s=Media Presentation\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H265/90000\r
a=fmtp:96 sprop-sps=QgEBAWAAAAMAsAAAAwAAAwB7oAPAgBDljb5JMvTUBAQEAg==; sprop-pps=RAHA8vA8kA==\r
m=audio 0 RTP/AVP 8\r
a=rtpmap:8 PCMA/8000\r
m=application 0 RTP/AVP 107\r
a=rtpmap:107 vnd.onvif.metadata/90000\r
"""


def test_codecs_are_told_by_their_encoding_names() -> None:
    found = offered(HIKVISION)
    assert (found.video, found.audio) == (["H265"], ["PCMA"])
    assert (found.video_codec, found.audio_codec) == ("H265", "PCMA")


def test_static_payload_types_need_no_name() -> None:
    found = offered("m=video 0 RTP/AVP 26\nm=audio 0 RTP/AVP 0\n")
    assert (found.video, found.video_codec, found.audio_codec) == (["JPEG"], None, "PCMU")


def test_the_first_that_is_carried_counts() -> None:
    sdp = (
        "m=video 0 RTP/AVP 97\na=rtpmap:97 MP4V-ES/90000\nm=video 0 RTP/AVP 98\na=rtpmap:98 h264/90000\n"
        "m=audio 0 RTP/AVP 100\na=rtpmap:100 G726-32/8000\nm=audio 0 RTP/AVP 101\na=rtpmap:101 mpeg4-generic/16000/1\n"
    )
    found = offered(sdp)
    assert found.video == ["MP4V-ES", "H264"]
    assert (found.video_codec, found.audio_codec) == ("H264", "AAC")


def test_what_cannot_be_read_counts_as_not_offered() -> None:
    assert offered("") == Offered()
    assert offered("m=\nm=video\na=rtpmap:x y\na=rtpmap:96 H264/90000\nm=video 0 RTP/AVP 99999999\n") == Offered(
        ["", ""]
    )
    assert offered("a=rtpmap:96 H264/90000\n") == Offered()
