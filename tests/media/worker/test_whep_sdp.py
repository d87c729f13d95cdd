"""WHEP offers as browsers write them, broken ones, and the answer line by line (RFC 8829, 8839, 8843, 6184)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from media.worker.whep_sdp import Codec, Local, Offer, OfferRefused, answer

PRINT = ":".join(["4D"] * 32)
SESSION = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS
"""
TRANSPORT = f"""c=IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlGa
a=ice-options:trickle
a=candidate:1 1 udp 2113937151 5e7a2a2c-8f4e-4b7e.local 54321 typ host
a=fingerprint:sha-256 {PRINT}
a=setup:actpass
"""
VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 106 108 45 127\n"
    + TRANSPORT
    + """a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 goog-remb
a=rtcp-fb:102 transport-cc
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f
a=rtpmap:106 H264/90000
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42E01F
a=rtpmap:108 h264/90000
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
a=rtpmap:45 AV1/90000
a=rtpmap:127 H264/90000
a=fmtp:127 packetization-mode=1;profile-level-id=64001f
"""
)
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13\n"
    + TRANSPORT
    + """a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
"""
)
CHROMIUM = (SESSION + VIDEO + AUDIO).replace("\n", "\r\n")
LOCAL = Local("ufrg", "p" * 22, (("sha-256", PRINT),), ("f 1 udp 2130706431 192.0.2.1 30000 typ host",), "cafe")


@pytest.mark.parametrize(
    ("profile", "payload_type"),
    [("42001e", 102), ("42e01e", 106), ("4d4028", 108), ("640028", 127), ("7a0028", 102), (None, 102)],
)
def test_the_payload_type_of_the_streams_own_profile_is_chosen(profile: str | None, payload_type: int) -> None:
    assert Offer(CHROMIUM).h264(profile).payload_type == payload_type


def test_an_offer_of_chromium_156_as_it_was_sent() -> None:
    offer = Offer((Path(__file__).parent / "chromium-offer.sdp").read_text("ascii"))
    assert [section.kind for section in offer.sections] == ["video", "audio"] and offer.bundle == ("0", "1")
    assert [offer.h264(profile).payload_type for profile in ("42001f", "42e01f", "4d401f")] == [102, 108, 116]
    assert offer.g711("PCMA") == Codec(8, "PCMA/8000") and offer.remote(with_audio=True).ufrag == "+xZF"


def test_what_is_agreed_of_h264() -> None:
    chosen = Offer(CHROMIUM).h264("42001f")
    assert chosen.rtpmap == "H264/90000" and chosen.feedback == ("nack", "nack pli")
    assert chosen.parameters == "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"


def test_g711_is_taken_where_it_is_offered_beside_the_video() -> None:
    offer = Offer(CHROMIUM)
    assert offer.g711("PCMA") == Codec(8, "PCMA/8000") and offer.g711("PCMU") == Codec(0, "PCMU/8000")
    assert Offer(CHROMIUM.replace("a=rtpmap:8 PCMA/8000\r\n", "")).g711("PCMA") == Codec(8, "PCMA/8000")
    assert Offer(CHROMIUM.replace(" 0 8 13", " 13")).g711("PCMA") is None
    assert Offer(CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0")).g711("PCMA") is None
    assert Offer(SESSION + VIDEO).g711("PCMA") is None


def test_the_viewers_side_of_ice_and_dtls() -> None:
    remote = Offer(CHROMIUM).remote(with_audio=False)
    assert (remote.ufrag, remote.password) == ("4ZcD", "2/1muCWoOi3uLifh0NuRHlGa")
    assert remote.fingerprints == (("sha-256", PRINT),)
    assert "2/1mu" not in repr(remote)


def test_what_firefox_says_once_for_all_sections_is_found() -> None:
    text = CHROMIUM.replace(f"a=fingerprint:sha-256 {PRINT}\r\n", "").replace("a=setup:actpass\r\n", "")
    offer = Offer(text.replace("t=0 0\r\n", f"t=0 0\r\na=fingerprint:sha-256 {PRINT}\r\n"))
    assert offer.remote(with_audio=False).fingerprints == (("sha-256", PRINT),)


def test_the_answer_line_by_line() -> None:
    offer = Offer(CHROMIUM)
    tracks = [("video", offer.h264("42001f"), 0x01020304), ("audio", Codec(8, "PCMA/8000"), 5)]
    assert answer(offer, LOCAL, tracks).split("\r\n") == [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "m=video 9 UDP/TLS/RTP/SAVPF 102",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
        "a=rtcp-fb:102 nack",
        "a=rtcp-fb:102 nack pli",
        "a=msid:cafe video",
        "a=ssrc:16909060 cname:cafe",
        "a=ice-ufrag:ufrg",
        "a=ice-pwd:" + "p" * 22,
        "a=setup:active",
        f"a=fingerprint:sha-256 {PRINT}",
        "a=candidate:f 1 udp 2130706431 192.0.2.1 30000 typ host",
        "a=end-of-candidates",
        "m=audio 9 UDP/TLS/RTP/SAVPF 8",
        "c=IN IP4 0.0.0.0",
        "a=mid:1",
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtpmap:8 PCMA/8000",
        "a=msid:cafe audio",
        "a=ssrc:5 cname:cafe",
        "a=ice-ufrag:ufrg",
        "a=ice-pwd:" + "p" * 22,
        "a=setup:active",
        f"a=fingerprint:sha-256 {PRINT}",
        "",
    ]


def test_sections_that_are_not_served_are_rejected_in_their_place() -> None:
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n"
    offer = Offer(SESSION.replace("0 1", "1 0 2") + AUDIO + VIDEO + data)
    said = answer(offer, LOCAL, [("video", offer.h264(None), 7)])
    assert "a=group:BUNDLE 0\r\n" in said
    assert [line for line in said.split("\r\n") if line.startswith("m=")] == [
        "m=audio 0 UDP/TLS/RTP/SAVPF 111",
        "m=video 9 UDP/TLS/RTP/SAVPF 102",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
    ]
    assert said.count("a=inactive") == 2 and said.count("a=candidate") == 1


def test_an_offer_without_bundle_gets_its_video() -> None:
    offer = Offer((SESSION + VIDEO).replace("a=group:BUNDLE 0 1\n", "").replace("a=mid:0\n", ""))
    said = answer(offer, LOCAL, [("video", offer.h264(None), 7)])
    assert "BUNDLE" not in said and "a=mid" not in said and "a=rtpmap:102 H264/90000" in said


@pytest.mark.parametrize(
    ("found", "instead", "step", "why"),
    [
        ("v=0", "hello", "bad_request", "no SDP"),
        (" UDP/TLS/RTP/SAVPF 96 97 102 103 104 106 108 45 127", "", "bad_request", "broken"),
        ("m=video 9", "m=video \u00e4", "bad_request", "broken"),
        ("a=recvonly", "a=sendonly", "not_acceptable", "no section that receives video"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", "not_acceptable", "no section that receives video"),
        ("a=rtcp-mux", "a=x", "not_acceptable", "rtcp-mux"),
        ("H264/90000", "H265/90000", "not_acceptable", "no H.264"),
        ("packetization-mode=1", "packetization-mode=0", "not_acceptable", "no H.264"),
        ("t=0 0", "t=0 0\r\na=ice-lite", "not_acceptable", "ICE-lite"),
        ("setup:actpass", "setup:active", "not_acceptable", "setup:active"),
        ("ice-ufrag:4ZcD", "ice-ufrag:4Z!D", "bad_request", "ICE user fragment"),
        ("ice-pwd:2/1mu", "ice-pwd:_", "bad_request", "ICE user fragment"),
        ("fingerprint:sha-256", "fingerprint:sha-1", "bad_request", "fingerprint"),
        (f"sha-256 {PRINT}", "sha-256 4D", "bad_request", "fingerprint"),
    ],
)
def test_an_offer_that_does_not_do_is_refused_in_words(found: str, instead: str, step: str, why: str) -> None:
    with pytest.raises(OfferRefused, match=why) as refused:
        offer = Offer(CHROMIUM.replace("h264", "H264").replace(found, instead))
        offer.h264(None)
        offer.remote(with_audio=False)
    assert refused.value.step == step
    assert re.search("[\u4e00-\u9fff]", refused.value.message_zh) and refused.value.message_zh.endswith("。")


def test_feedback_told_for_all_formats_is_taken() -> None:
    text = CHROMIUM.replace("a=rtcp-fb:102 nack\r\n", "a=rtcp-fb:* nack\r\n")
    assert set(Offer(text).h264("42001f").feedback) == {"nack", "nack pli"}


def test_the_first_section_of_the_group_says_how_to_reach_the_viewer() -> None:
    """RFC 8843 7.3.1: sections that share a transport use that of the first; the other one's is never opened."""
    own = AUDIO.replace("4ZcD", "audi").replace("2/1muCWoOi3uLifh0NuRHlGa", "p" * 24)
    offer = Offer(SESSION.replace("0 1", "1 0") + VIDEO + own)
    tracks = [("video", offer.h264(None), 7), ("audio", Codec(8, "PCMA/8000"), 5)]
    assert offer.remote(with_audio=True).ufrag == "audi"
    assert offer.remote(with_audio=False).ufrag == "4ZcD", "the audio section is rejected"
    video, audio = answer(offer, LOCAL, tracks).split("m=audio")
    assert "a=group:BUNDLE 1 0" in video and "a=candidate" in audio and "a=candidate" not in video


def test_a_section_may_be_disabled_or_there_in_the_group_only() -> None:
    with pytest.raises(OfferRefused, match="no section that receives video"):
        Offer(CHROMIUM.replace("m=video 9", "m=video 0")).h264(None)
    text = CHROMIUM.replace("m=audio 9", "m=audio 0").replace("a=mid:1", "a=mid:1\r\na=bundle-only")
    assert Offer(text).g711("PCMA") is not None and Offer(text.replace("a=bundle-only", "a=x")).g711("PCMA") is None


def test_offers_are_bounded() -> None:
    with pytest.raises(OfferRefused, match="broken"):
        Offer(SESSION + VIDEO.replace(" 96 97", " 96" * 122))
    assert Offer(SESSION + VIDEO.replace(" 96 97", " 96" * 121)).h264(None).payload_type == 102
    with pytest.raises(OfferRefused, match="too many"):
        Offer(SESSION + VIDEO * 9)
    with pytest.raises(OfferRefused, match="no SDP"):
        Offer(SESSION + "a=x\n" * 2000)
    with pytest.raises(OfferRefused, match="no SDP"):
        Offer("")


def test_odd_numbers_are_no_payload_types() -> None:
    text = CHROMIUM.replace("SAVPF 96 97 102", "SAVPF 96 97 \u0661 999 102").replace(
        "a=rtpmap:96 VP8", "a=rtpmap:999 H264"
    )
    with pytest.raises(OfferRefused):
        Offer(text)
    assert Offer(text.replace("\u0661 ", "")).h264(None).payload_type == 102
    assert Offer(CHROMIUM.replace("a=fmtp:102 ", "a=fmtp:102 ;=;profile-level-id=zz;")).h264(None).payload_type == 102
