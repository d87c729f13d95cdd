"""Session descriptions against hand-written bytes: the complete examples of live, history, broadcast and cascade."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import LocalError
from sip.sdp import RTPMAP, Sdp, answer_to, offer, ssrc_text, ssrc_value

PLATFORM, CAMERA, CHANNEL = "34020000002000000001", "34020000001320000001", "34020000001320000005"
UPPER = "11010000002000000001"


def crlf(text: str) -> bytes:
    return text.strip().replace("\n", "\r\n").encode() + b"\r\n"


LIVE_UDP_OFFER = crlf("""
v=0
o=34020000002000000001 0 0 IN IP4 192.0.2.20
s=Play
c=IN IP4 192.0.2.20
t=0 0
m=video 30000 RTP/AVP 96 98 100
a=recvonly
a=rtpmap:96 PS/90000
a=rtpmap:98 H264/90000
a=rtpmap:100 H265/90000
a=streamnumber:0
y=0200000001
""")
LIVE_UDP_ANSWER = crlf("""
v=0
o=34020000001320000001 0 0 IN IP4 198.51.100.7
s=Play
c=IN IP4 198.51.100.7
t=0 0
m=video 15060 RTP/AVP 96
a=sendonly
a=rtpmap:96 PS/90000
y=0200000001
f=v/2/6/25/1/4096a/1/8/1
""")
LIVE_TCP_PASSIVE_OFFER = crlf("""
v=0
o=34020000002000000001 0 0 IN IP4 192.0.2.20
s=Play
c=IN IP4 192.0.2.20
t=0 0
m=video 30002 TCP/RTP/AVP 96
a=recvonly
a=rtpmap:96 PS/90000
a=setup:passive
a=connection:new
y=0200000002
""")
LIVE_TCP_PASSIVE_ANSWER = crlf("""
v=0
o=34020000001320000001 0 0 IN IP4 198.51.100.7
s=Play
c=IN IP4 198.51.100.7
t=0 0
m=video 9 TCP/RTP/AVP 96
a=sendonly
a=rtpmap:96 PS/90000
a=setup:active
a=connection:new
y=0200000002
""")
LIVE_TCP_ACTIVE_OFFER = crlf("""
v=0
o=34020000002000000001 0 0 IN IP4 192.0.2.20
s=Play
c=IN IP4 192.0.2.20
t=0 0
m=video 30004 TCP/RTP/AVP 96
a=recvonly
a=rtpmap:96 PS/90000
a=setup:active
a=connection:new
y=0200000003
""")
LIVE_TCP_ACTIVE_ANSWER = crlf("""
v=0
o=34020000001320000001 0 0 IN IP4 198.51.100.7
s=Play
c=IN IP4 198.51.100.7
t=0 0
m=video 16000 TCP/RTP/AVP 96
a=sendonly
a=rtpmap:96 PS/90000
a=setup:passive
a=connection:new
y=0200000003
""")
PLAYBACK_OFFER = crlf("""
v=0
o=34020000002000000001 0 0 IN IP4 192.0.2.20
s=Playback
u=34020000001320000005:0
c=IN IP4 192.0.2.20
t=1714521600 1714523400
m=video 30006 TCP/RTP/AVP 96
a=recvonly
a=rtpmap:96 PS/90000
a=setup:passive
a=connection:new
y=1200000002
""")
DOWNLOAD_OFFER = crlf("""
v=0
o=34020000002000000001 0 0 IN IP4 192.0.2.20
s=Download
u=34020000001320000005:0
c=IN IP4 192.0.2.20
t=1714521600 1714523400
m=video 30008 TCP/RTP/AVP 96
a=recvonly
a=rtpmap:96 PS/90000
a=setup:passive
a=connection:new
a=downloadspeed:4
y=1200000003
""")
DOWNLOAD_ANSWER = crlf("""
v=0
o=34020000001320000005 0 0 IN IP4 198.51.100.9
s=Download
c=IN IP4 198.51.100.9
t=1714521600 1714523400
m=video 40010 TCP/RTP/AVP 96
a=sendonly
a=rtpmap:96 PS/90000
a=setup:active
a=connection:new
a=filesize:943718400
y=1200000003
""")
BROADCAST_OFFER = crlf("""
v=0
o=34020000001320000001 0 0 IN IP4 198.51.100.7
s=Play
c=IN IP4 198.51.100.7
t=0 0
m=audio 20000 RTP/AVP 8
a=recvonly
a=rtpmap:8 PCMA/8000
f=v/////a/1/8/1
""")
BROADCAST_ANSWER = crlf("""
v=0
o=34020000002000000001 0 0 IN IP4 192.0.2.20
s=Play
c=IN IP4 192.0.2.20
t=0 0
m=audio 30010 RTP/AVP 8
a=sendonly
a=rtpmap:8 PCMA/8000
y=0200000004
f=v/////a/1/8/1
""")
CASCADE_OFFER = crlf("""
v=0
o=11010000002000000001 0 0 IN IP4 203.0.113.6
s=Play
c=IN IP4 203.0.113.6
t=0 0
m=video 40000 RTP/AVP 96
a=recvonly
a=rtpmap:96 PS/90000
y=0100000007
""")
CASCADE_ANSWER = crlf("""
v=0
o=34020000001320000001 0 0 IN IP4 192.0.2.20
s=Play
c=IN IP4 192.0.2.20
t=0 0
m=video 30020 RTP/AVP 96
a=sendonly
a=rtpmap:96 PS/90000
y=0200000009
""")
EXAMPLES = [value for name, value in sorted(globals().items()) if name.endswith(("_OFFER", "_ANSWER"))]


@pytest.mark.parametrize("golden", EXAMPLES)
def test_every_example_is_read_and_written_back_byte_for_byte(golden: bytes) -> None:
    sdp = Sdp.parse(golden)
    assert sdp.repaired == ()
    assert bytes(sdp) == golden


def test_live_over_udp_is_offered_and_answered_as_in_the_example() -> None:
    offered = offer(
        origin_id=PLATFORM, host="192.0.2.20", port=30000, ssrc="0200000001", payloads=(96, 98, 100),
        attributes=("streamnumber:0",),
    )  # fmt: skip
    assert bytes(offered) == LIVE_UDP_OFFER
    answer = answer_to(offered, origin_id=CAMERA, host="198.51.100.7", port=15060, f="v/2/6/25/1/4096a/1/8/1")
    assert bytes(answer) == LIVE_UDP_ANSWER


def test_live_over_tcp_with_the_platform_passive() -> None:
    offered = offer(origin_id=PLATFORM, host="192.0.2.20", port=30002, ssrc="0200000002", transport="tcp_passive")
    assert bytes(offered) == LIVE_TCP_PASSIVE_OFFER
    assert bytes(answer_to(offered, origin_id=CAMERA, host="198.51.100.7", port=9)) == LIVE_TCP_PASSIVE_ANSWER


def test_live_over_tcp_with_the_platform_active() -> None:
    offered = offer(origin_id=PLATFORM, host="192.0.2.20", port=30004, ssrc="0200000003", transport="tcp_active")
    assert bytes(offered) == LIVE_TCP_ACTIVE_OFFER
    assert bytes(answer_to(offered, origin_id=CAMERA, host="198.51.100.7", port=16000)) == LIVE_TCP_ACTIVE_ANSWER


def test_playback_names_the_recording_and_its_time() -> None:
    offered = offer(
        origin_id=PLATFORM, host="192.0.2.20", port=30006, ssrc="1200000002", transport="tcp_passive",
        session="Playback", uri=f"{CHANNEL}:0", start=1714521600, stop=1714523400,
    )  # fmt: skip
    assert bytes(offered) == PLAYBACK_OFFER
    assert offered.is_history
    answer = answer_to(offered, origin_id=CHANNEL, host="198.51.100.9", port=9)
    assert (answer.start, answer.stop, answer.uri) == (1714521600, 1714523400, None)


def test_download_carries_speed_and_size() -> None:
    offered = offer(
        origin_id=PLATFORM, host="192.0.2.20", port=30008, ssrc="1200000003", transport="tcp_passive",
        session="Download", uri=f"{CHANNEL}:0", start=1714521600, stop=1714523400, attributes=("downloadspeed:4",),
    )  # fmt: skip
    assert bytes(offered) == DOWNLOAD_OFFER
    assert offered.number("downloadspeed") == 4
    answer = answer_to(
        offered, origin_id=CHANNEL, host="198.51.100.9", port=40010, attributes=("filesize:943718400",)
    )  # fmt: skip
    assert bytes(answer) == DOWNLOAD_ANSWER
    assert answer.number("filesize") == 943718400


def test_in_a_broadcast_the_device_offers_to_receive_audio() -> None:
    offered = offer(
        origin_id=CAMERA, host="198.51.100.7", port=20000, ssrc=None, media="audio", payloads=(8,), f="v/////a/1/8/1"
    )
    assert bytes(offered) == BROADCAST_OFFER
    answer = answer_to(offered, origin_id=PLATFORM, host="192.0.2.20", port=30010, ssrc="0200000004", f="v/////a/1/8/1")
    assert bytes(answer) == BROADCAST_ANSWER


def test_the_asked_domain_may_answer_with_its_own_ssrc() -> None:
    offered = offer(origin_id=UPPER, host="203.0.113.6", port=40000, ssrc="0100000007")
    assert bytes(offered) == CASCADE_OFFER
    answer = answer_to(offered, origin_id=CAMERA, host="192.0.2.20", port=30020, ssrc="0200000009")
    assert bytes(answer) == CASCADE_ANSWER


def test_an_answer_names_the_chosen_payload_type_with_the_offers_encoding() -> None:
    offered = replace(offer(origin_id=PLATFORM, host="192.0.2.20", port=30000, ssrc=None), rtpmap={98: "H264/90000"})
    answer = answer_to(offered, origin_id=CAMERA, host="198.51.100.7", port=15060, payload=98)
    assert (answer.payloads, answer.rtpmap) == ((98,), {98: "H264/90000"})
    odd = answer_to(replace(offered, payloads=()), origin_id=CAMERA, host="198.51.100.7", port=1, payload=111)
    assert odd.rtpmap == {}
    assert answer_to(replace(offered, payloads=()), origin_id=CAMERA, host="h", port=1).payloads == (96,)


def test_an_offer_of_both_directions_is_answered_with_both() -> None:
    offered = offer(origin_id=PLATFORM, host="192.0.2.20", port=30000, ssrc=None, direction="sendrecv")
    assert answer_to(offered, origin_id=CAMERA, host="198.51.100.7", port=1).direction == "sendrecv"


def test_an_encoding_without_rtpmap_is_the_known_one() -> None:
    sdp = offer(origin_id=PLATFORM, host="192.0.2.20", port=30000, ssrc=None)
    assert sdp.encoding(8) == RTPMAP[8] == "PCMA/8000"
    assert replace(sdp, rtpmap={99: "SVAC/90000"}).encoding(99) == "SVAC/90000"
    assert sdp.encoding(120) is None


def test_other_attributes_are_looked_up_by_name() -> None:
    sdp = replace(offer(origin_id="1", host="h", port=1, ssrc=None), attributes=("fileSize:-1", "x", "stream:1:2"))
    assert sdp.attribute("x") == "" and sdp.attribute("y") is None and sdp.attribute("STREAM") == "1:2"
    assert sdp.number("filesize") is None and sdp.number("absent") is None


def test_a_tcp_description_knows_it() -> None:
    assert Sdp.parse(LIVE_TCP_PASSIVE_OFFER).is_tcp and not Sdp.parse(LIVE_UDP_OFFER).is_tcp


def test_the_ssrc_is_the_decimal_number_of_y() -> None:
    assert ssrc_value("0200000001") == 0x0BEBC201
    assert ssrc_value("1200000002") == 0x47868C02
    assert ssrc_text(0x0BEBC201) == "0200000001"


@pytest.mark.parametrize("y", ["", "x", "٣", "99999999999", "4294967296"])
def test_what_is_no_ssrc_is_our_fault(y: str) -> None:
    with pytest.raises(LocalError):
        ssrc_value(y)


def test_an_ssrc_beyond_32_bits_cannot_be_written() -> None:
    with pytest.raises(LocalError):
        ssrc_text(1 << 32)


def test_values_that_would_break_the_lines_are_never_written() -> None:
    sdp = offer(origin_id=PLATFORM, host="192.0.2.20", port=30000, ssrc=None)
    with pytest.raises(LocalError, match="line end"):
        bytes(replace(sdp, attributes=("x\r\ny=1",)))
    with pytest.raises(LocalError, match="ASCII"):
        bytes(replace(sdp, attributes=("名",)))


def test_ipv6_addresses_and_unknown_addresses_are_written_as_such() -> None:
    sdp = offer(origin_id=PLATFORM, host="2001:db8::1", port=30000, ssrc=None)
    assert b"c=IN IP6 2001:db8::1\r\n" in bytes(sdp)
    assert b"c=IN IP4 0.0.0.0\r\n" in bytes(replace(sdp, host=""))


@given(
    st.integers(0, 65535), st.lists(st.integers(0, 127), min_size=1, max_size=5, unique=True),
    st.integers(1, 2**32 - 1),
    st.sampled_from(["udp", "tcp_passive", "tcp_active"]), st.sampled_from(["Play", "Playback", "Download", "Talk"]),
)  # fmt: skip
def test_what_is_written_reads_back_equal(port: int, types: list[int], ssrc: int, transport: str, session: str) -> None:
    sdp = offer(
        origin_id=PLATFORM, host="192.0.2.20", port=port, ssrc=ssrc_text(ssrc), payloads=types, session=session,
        transport=transport, start=5, stop=9,
    )  # type: ignore[arg-type]  # fmt: skip
    assert Sdp.parse(bytes(sdp)) == sdp
