"""Descriptions line by line, and sound as RTP payloads byte by byte."""

from __future__ import annotations

from interop.device.picture import PictureSettings
from interop.rtsp.medium import aac_payload, control, description, media_of
from interop.rtsp.settings import Stream
from media import AccessUnit

START = b"\x00\x00\x00\x01"
SETS_264 = START + bytes.fromhex("6742c01f") + START + bytes.fromhex("68ce3c80") + START + bytes.fromhex("6588")
SETS_265 = (
    START + bytes.fromhex("40010c01") + START + bytes.fromhex("42010101") + START + bytes.fromhex("4401c0f7")
    + START + bytes.fromhex("2601af")
)  # fmt: skip


def test_the_description_of_an_h264_camera_with_g711() -> None:
    media = media_of(Stream(picture=PictureSettings(bitrate=600_000, fps=15), sound="PCMA"), SETS_264)
    assert description("gate", "127.0.0.1", media).decode().split("\r\n") == [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=gate",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        "m=video 0 RTP/AVP 96",
        "b=AS:600",
        "a=rtpmap:96 H264/90000",
        "a=fmtp:96 packetization-mode=1;profile-level-id=42C01F;sprop-parameter-sets=Z0LAHw==,aM48gA==",
        "a=framerate:15",
        "a=control:trackID=0",
        "m=audio 0 RTP/AVP 8",
        "b=AS:64",
        "a=rtpmap:8 PCMA/8000",
        "a=control:trackID=1",
        "",
    ]


def test_the_description_of_an_h265_camera_with_aac() -> None:
    media = media_of(Stream(picture=PictureSettings("H265"), sound="AAC"), SETS_265)
    text = description("gate", "::1", media).decode()
    assert "o=- 0 0 IN IP6 ::1\r\n" in text and "c=IN IP6 ::\r\n" in text
    assert "a=rtpmap:96 H265/90000\r\na=fmtp:96 sprop-vps=QAEMAQ==;sprop-sps=QgEBAQ==;sprop-pps=RAHA9w==\r\n" in text
    assert "a=rtpmap:97 MPEG4-GENERIC/16000/1\r\n" in text
    assert "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\n" in text


def test_without_sound_there_is_one_medium() -> None:
    assert [medium.kind for medium in media_of(Stream(), SETS_264)] == ["video"]
    assert control(1) == "trackID=1"


def test_payloads_are_cut_by_the_rules_of_the_codec() -> None:
    for codec, sets, first in (("H264", SETS_264, 24), ("H265", SETS_265, 48)):
        video = media_of(Stream(picture=PictureSettings("H265" if codec == "H265" else "H264")), sets)[0]
        unit = AccessUnit(codec=codec, pts=0, dts=0, key=True, data=sets, track="video")
        (payload,) = video.payloads(unit)
        assert (payload[0] & 0x1F if codec == "H264" else payload[0] >> 1) == first


def test_sound_as_payload() -> None:
    heard = AccessUnit(codec="AAC", pts=0, dts=0, key=False, data=b"\xaa" * 300, track="audio")
    assert aac_payload(heard) == [bytes.fromhex("00100960") + b"\xaa" * 300]
    sound = media_of(Stream(sound="PCMA"), SETS_264)[1]
    assert sound.payloads(heard) == [b"\xaa" * 300]
