"""SDP as devices send it: every deviation passes under its name, and is refused when that is switched off."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.sdp import LENIENT, STRICT, Sdp, SdpTolerance

REGULAR = (
    b"v=0\r\no=34020000001320000001 0 0 IN IP4 198.51.100.7\r\ns=Play\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
    b"m=video 15060 RTP/AVP 96\r\na=sendonly\r\na=rtpmap:96 PS/90000\r\ny=0200000001\r\nf=v/2/6/25/1/4096a/1/8/1\r\n"
)

Y, F = b"y=0200000001\r\n", b"f=v/2/6/25/1/4096a/1/8/1\r\n"


def changed(old: bytes, new: bytes, body: bytes = REGULAR) -> bytes:
    assert old in body
    return body.replace(old, new)


DEVIATIONS: list[tuple[str, bytes]] = [
    ("line_ends", REGULAR.replace(b"\r\n", b"\n")),
    ("line_ends", REGULAR.replace(b"\r\n", b"\r")),
    ("line_ends", REGULAR[:-2]),
    ("line_ends", changed(b"t=0 0\r\n", b"t=0 0 \t\r\n")),
    ("line_ends", REGULAR + b"\x00\x00"),
    ("line_ends", changed(b"t=0 0\r\n", b"t=0 0\r\n \r\n")),
    ("line_order", changed(Y + F, F + Y)),
    ("line_order", changed(b"a=sendonly\r\n", Y + b"a=sendonly\r\n").replace(b"/90000\r\n" + Y, b"/90000\r\n")),
    ("missing_lines", changed(b"v=0\r\no=34020000001320000001 0 0 IN IP4 198.51.100.7\r\n", b"v=0\r\n")),
    ("missing_lines", changed(b"o=34020000001320000001 0 0 IN IP4 198.51.100.7", b"o=34020000001320000001")),
    ("missing_lines", changed(b"t=0 0\r\n", b"")),
    ("missing_lines", changed(b"s=Play\r\n", b"")),
    ("missing_connection", changed(b"c=IN IP4 198.51.100.7\r\n", b"")),
    ("media_protocol", changed(b"RTP/AVP 96", b"RTP/AVP96")),
    ("media_protocol", changed(b"RTP/AVP 96", b"UDP/RTP/AVP 96")),
    ("media_protocol", changed(b"RTP/AVP 96", b"rtp/avp 96")),
    ("short_ssrc", changed(b"y=0200000001", b"y=200000001")),
    ("short_ssrc", changed(b"y=0200000001", b"y=0 2000 00001")),
    ("short_ssrc", changed(b"y=0200000001", b"y=0200.000001")),
    ("ntp_times", changed(b"t=0 0", b"t=0.0 0")),
    ("session_spelling", changed(b"s=Play", b"s=PLAY")),
    ("session_text", changed(b"s=Play", b"s=EmbeddedNetRecord")),
    ("several_media", changed(b"m=video", b"m=audio 15062 RTP/AVP 8\r\nm=video")),
    ("attribute_junk", changed(b"a=sendonly", b"a=sendonly\r\na=recvonly")),
    ("attribute_junk", changed(b"a=sendonly", b"a=sendonly\r\na=rtpmap:96")),
    ("stray_lines", changed(b"t=0 0\r\n", b"t=0 0\r\nhello\r\n")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body"), DEVIATIONS)
def test_each_deviation_passes_under_its_name_with_the_same_meaning(name: str, body: bytes) -> None:
    sdp = Sdp.parse(body)
    assert name in sdp.repaired
    assert (sdp.session, sdp.port, sdp.payloads, sdp.direction) == ("Play", 15060, (96,), "sendonly")
    assert sdp.ssrc == "0200000001" and sdp.rtpmap == {96: "PS/90000"} and sdp.proto == "RTP/AVP"


@pytest.mark.parametrize(("name", "body"), DEVIATIONS)
def test_each_deviation_is_refused_when_switched_off(name: str, body: bytes) -> None:
    with pytest.raises(ParseError):
        Sdp.parse(body, replace(LENIENT, **{name: False}))


def test_regular_bytes_need_no_tolerance() -> None:
    assert Sdp.parse(REGULAR, STRICT).repaired == ()


def test_every_tolerance_is_proven_by_a_deviation() -> None:
    assert {f.name for f in fields(SdpTolerance)} == {name for name, _ in DEVIATIONS} | {"ssrc_junk"}


@pytest.mark.parametrize("y", [b"y=xyz", b"y=99999999999", b"y=4294967296", b"y="])
def test_an_unreadable_ssrc_is_taken_as_absent(y: bytes) -> None:
    sdp = Sdp.parse(changed(b"y=0200000001", y))
    assert sdp.ssrc is None and "ssrc_junk" in sdp.repaired
    with pytest.raises(ParseError):
        Sdp.parse(changed(b"y=0200000001", y), replace(LENIENT, ssrc_junk=False))


def test_a_missing_ssrc_and_the_ssrc_zero_mean_any() -> None:
    assert Sdp.parse(changed(b"y=0200000001\r\n", b"")).ssrc is None
    assert Sdp.parse(changed(b"y=0200000001", b"y=0000000000")).ssrc is None


def test_the_connection_of_the_medium_wins_over_the_sessions() -> None:
    body = changed(b"a=sendonly", b"c=IN IP4 198.51.100.8/127\r\na=sendonly")
    assert Sdp.parse(body).host == "198.51.100.8"
    only = changed(b"c=IN IP4 198.51.100.7\r\n", b"").replace(b"a=sendonly", b"c=IN IP6 2001:db8::8\r\na=sendonly")
    assert Sdp.parse(only, STRICT).host == "2001:db8::8"


def test_without_any_connection_line_the_origin_address_counts() -> None:
    assert Sdp.parse(changed(b"c=IN IP4 198.51.100.7\r\n", b"")).host == "198.51.100.7"
    bare = changed(b"c=IN IP4 198.51.100.7\r\n", b"").replace(b"o=34020000001320000001 0 0 IN IP4 198.51.100.7", b"o=x")
    assert Sdp.parse(bare).host == "" and Sdp.parse(bare).origin_id == "x"


def test_times_of_the_ntp_era_become_unix_seconds() -> None:
    sdp = Sdp.parse(changed(b"s=Play\r\n", b"s=Playback\r\n").replace(b"t=0 0", b"t=3923510400 3923512200"))
    assert (sdp.start, sdp.stop) == (1714521600, 1714523400)
    assert "ntp_times" in sdp.repaired


def test_free_text_in_s_means_playback_when_a_time_is_given() -> None:
    sdp = Sdp.parse(changed(b"s=Play", b"s=Embedded Net DVR").replace(b"t=0 0", b"t=1714521600 0"))
    assert sdp.session == "Playback" and sdp.stop == 0


@pytest.mark.parametrize(
    ("spelled", "name"), [(b"DownLoad", "Download"), (b" playback ", "Playback"), (b"TALK", "Talk")]
)
def test_the_operation_is_read_in_any_letter_case(spelled: bytes, name: str) -> None:
    assert Sdp.parse(changed(b"s=Play", b"s=" + spelled)).session == name


def test_a_recording_that_ends_before_it_starts_cannot_be_served() -> None:
    with pytest.raises(ParseError) as caught:
        Sdp.parse(changed(b"t=0 0", b"t=20 10"))
    assert caught.value.status == 488 and caught.value.where == "SDP t="


def test_the_video_medium_counts_wherever_it_stands() -> None:
    body = REGULAR + b"m=audio 15062 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    assert (Sdp.parse(body).media, Sdp.parse(body).port) == ("video", 15060)


def test_attributes_before_the_medium_count_as_well() -> None:
    sdp = Sdp.parse(changed(b"t=0 0\r\n", b"t=0 0\r\na=setup:Active\r\n"))
    assert sdp.setup == "active"


def test_unknown_attributes_and_lines_are_kept_or_passed_over() -> None:
    sdp = Sdp.parse(changed(b"a=sendonly", b"b=AS:4096\r\na=sendonly\r\na=vkek:x\r\na=connection:new\r\ni=note"))
    assert sdp.attributes == ("vkek:x",) and sdp.connection == "new"


def test_payload_types_may_be_missing_or_odd() -> None:
    assert Sdp.parse(changed(b"RTP/AVP 96", b"RTP/AVP")).payloads == ()
    assert Sdp.parse(changed(b"RTP/AVP 96", b"RTP/AVP 96 x 300 98")).payloads == (96, 98)
    assert Sdp.parse(changed(b"15060 RTP/AVP", b"0 RTP/AVP")).port == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 488),
        (b"v=0\r\n", 488),
        (changed(b"m=video 15060 RTP/AVP 96", b"m=video"), 400),
        (changed(b"15060", b"70000"), 400),
        (changed(b"15060", b"-1"), 400),
        (changed(b"m=video", b"m=application"), 488),
        (changed(b"RTP/AVP 96", b"RTP/SAVP 96"), 488),
        (b"a" * 20_000, 413),
        (b"a=x\r\n" * 500, 413),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_fitting_status(body: bytes, status: int) -> None:
    with pytest.raises(ParseError) as caught:
        Sdp.parse(body)
    assert caught.value.status == status


@given(st.binary(max_size=400))
@example(b"m=video 1 RTP/AVP 96\r\nt=999999999999999 1")
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        Sdp.parse(body)
    except ParseError:
        pass


@given(
    st.lists(
        st.sampled_from([*REGULAR.splitlines(keepends=True), b"y=1\n", b"m=video 1 x\n", b"=\n", b"a=:\r\n", b"t=1\r"])
    )
)
def test_any_order_of_lines_is_read_or_refused(lines: list[bytes]) -> None:
    try:
        sdp = Sdp.parse(b"".join(lines))
    except ParseError:
        return
    assert Sdp.parse(bytes(sdp)).port == sdp.port
