"""What the project writes against bytes written down by hand: digest, date, PTZ, SDP, PS, RTP, framing, charset."""

from __future__ import annotations

from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.rtp_over_tcp import frame
from media.unit import AccessUnit
from sip import Challenge, Headers, Request, Uri, format_date, manscdp, parse_message, response_to
from sip.digest import answer, ha1
from sip.manscdp.ptz import Motion, Preset, encode
from sip.sdp import Sdp

PTS = 4886718345
UNIT = bytes.fromhex(
    "000000016742C00ADA109B011000000300100000030320F1226A0000000168CE0FC8"
    "0000016588843A2628000902C9C9C9D75D75D75D75D75D75E0"
)
PACK = (
    bytes.fromhex("000001BA663456CBCC01005F6BF8000001BB000C80CCF504217FE0E190C0C020")
    + bytes.fromhex("000001BC0012E1FF000000081BE0000090C00000B9287F16000001E00043848005298D15CF13")
    + UNIT
    + bytes.fromhex("000001C00010808005298D15CF13D5D5D5D5D5D5D5D5")
)
NONCE = "b3f1c2d4e5a6978877665544332211ff"
URI = "sip:34020000002000000001@3402000000"


def test_the_digest_of_the_worked_registration() -> None:
    device = {"username": "34020000001180000001", "password": "12345678", "method": "REGISTER", "uri": URI}
    with_qop = answer(Challenge("3402000000", NONCE, "MD5", ("auth",)), cnonce="0a4f113b", **device)
    assert with_qop.response == "720785d4b558c60fdbb3dc4c438c50bb"
    assert (with_qop.nc, with_qop.qop) == ("00000001", "auth")
    without = answer(Challenge("3402000000", NONCE), cnonce="unused", **device)
    assert without.response == "ac76b45e19a99dfa6a673d06efdbe2b6"
    assert ha1("34020000001180000001", "3402000000", "12345678") == "267d3310dd883612bd0c4e9fb9be4f0d"


def test_the_date_of_a_registration_is_beijing_time_without_a_zone() -> None:
    assert format_date(1714975392.345) == "2024-05-06T14:03:12.345"


def test_the_pack_of_a_key_frame_with_sound() -> None:
    muxer = PsMuxer("H264", "PCMA")
    sound = AccessUnit("PCMA", PTS, PTS, True, b"\xd5" * 8, "audio")
    assert muxer.mux(AccessUnit("H264", PTS, PTS, True, UNIT, "video"), [sound]) == PACK
    after = AccessUnit("H264", PTS + 3600, PTS + 3600, False, bytes.fromhex("00000001419A203A8230"), "video")
    assert muxer.mux(after) == bytes.fromhex(
        "000001BA6634573C4C01005F6BF8000001E00012808005298D15EB3300000001419A203A8230"
    )


def test_the_map_of_h265_with_aac() -> None:
    head = PsMuxer("H265", "AAC", map_version=0).mux(AccessUnit("H265", PTS, PTS, True, b"\0\0\0\1\x26\1\xaf", "video"))
    assert bytes.fromhex("000001BC0012E0FF0000000824E000000FC00000EAC5E41D") in head


def test_times_of_a_frame_shown_after_it_is_decoded() -> None:
    pack = PsMuxer("H264").mux(AccessUnit("H264", PTS, PTS - 3600, False, b"\0\0\0\1\x41", "video"))
    assert bytes.fromhex("80C00A398D15CF13198D15B2F3") in pack


def test_the_rtp_packet_and_its_length() -> None:
    packets = RtpPacketizer(100000001, sequence=18139).packets(PACK, PTS)
    assert packets == [bytes.fromhex("80E046DB2345678905F5E101") + PACK]
    assert frame(packets[0]) == b"\x00\xa3" + packets[0]
    two = RtpPacketizer(100000001, sequence=65535).packets(bytes(1389), PTS)
    assert [packet[:4].hex() for packet in two] == ["8060ffff", "80e00000"]


def test_ptz_codes_of_the_table() -> None:
    assert encode(Motion()) == "A50F0100000000B5"
    assert encode(Motion(pan=1, tilt=1, pan_speed=0x40, tilt_speed=0x30)) == "A50F01094030002E"
    assert encode(Motion(zoom=1, zoom_speed=5)) == "A50F011000005015"
    assert encode(Preset("call", 1)) == "A50F018200010038"


def test_the_offer_of_a_live_view() -> None:
    offer = Sdp(
        "34020000002000000001", "192.0.2.20", "192.0.2.20", 30002, proto="TCP/RTP/AVP", rtpmap={96: "PS/90000"},
        direction="recvonly", setup="passive", connection="new", ssrc="0200000002",
    )  # fmt: skip
    assert bytes(offer) == (
        b"v=0\r\no=34020000002000000001 0 0 IN IP4 192.0.2.20\r\ns=Play\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
        b"m=video 30002 TCP/RTP/AVP 96\r\na=recvonly\r\na=rtpmap:96 PS/90000\r\na=setup:passive\r\na=connection:new\r\n"
        b"y=0200000002\r\n"
    )


def test_a_body_is_in_the_charset_it_declares() -> None:
    item = manscdp.CatalogItem(device_id="34020000001320000001", name="东门")
    message = manscdp.CatalogResponse(sn=1, device_id="34020000001180000001", sum_num=1, items=[item])
    body = manscdp.dumps(message, charset=manscdp.Charset.GB2312, edition=manscdp.Edition.V2016)
    assert b'encoding="GB2312"' in body
    assert b"<Name>\xb6\xab\xc3\xc5</Name>" in body


REQUEST = (
    "OPTIONS sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKa\r\n"
    "Via: SIP/2.0/UDP 192.0.2.11:5060;rport;branch=z9hG4bKb\r\n"
    "From: <sip:a@3402000000>;tag=1\r\n"
    "To: <sip:b@3402000000>\r\n"
    "Call-ID: x\r\n"
    "CSeq: 7 OPTIONS\r\n"
    "Content-Length: 0\r\n"
    "\r\n"
)


def test_an_answer_copies_what_it_must_in_order() -> None:
    request = parse_message(REQUEST.encode())
    assert isinstance(request, Request)
    assert bytes(response_to(request, 200, to_tag="t9", body=b"ab")) == (
        b"SIP/2.0 200 OK\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKa\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.11:5060;rport;branch=z9hG4bKb\r\n"
        b"From: <sip:a@3402000000>;tag=1\r\n"
        b"To: <sip:b@3402000000>;tag=t9\r\n"
        b"Call-ID: x\r\n"
        b"CSeq: 7 OPTIONS\r\n"
        b"Content-Length: 2\r\n"
        b"\r\n"
        b"ab"
    )
    assert bytes(Request("BYE", Uri.parse("sip:a@b"), Headers([("CSeq", "2 BYE")]))) == (
        b"BYE sip:a@b SIP/2.0\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
    )
