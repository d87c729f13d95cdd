"""Transport headers of clients and what they are granted."""

from __future__ import annotations

import pytest

from interop.rtsp.transport import Transport, choose

BOTH = frozenset({"TCP", "UDP"})


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=2-3", Transport(True, channel=2)),
        ("RTP/AVP/TCP;unicast", Transport(True, channel=4)),
        ("RTP/AVP;unicast;client_port=5000-5001", Transport(False, port=5000, rtcp_port=5001)),
        ("RTP/AVP/UDP; unicast; client_port=5000", Transport(False, port=5000, rtcp_port=5001)),
        ("RTP/AVP;multicast,RTP/AVP/TCP;interleaved=0-1;mode=play", Transport(True, channel=0)),
        ('RTP/AVP;unicast;client_port=5000-5001;mode="PLAY"', Transport(False, port=5000, rtcp_port=5001)),
    ],
)
def test_the_first_that_is_carried_is_chosen(header: str, chosen: Transport) -> None:
    assert choose(header, BOTH, default_channel=4) == chosen


@pytest.mark.parametrize(
    "header",
    [
        "",
        "RAW/RAW/UDP;client_port=5000-5001",
        "RTP/AVP;multicast;client_port=5000-5001",
        "RTP/AVP;unicast",
        "RTP/AVP;unicast;client_port=0-1",
        "RTP/AVP;unicast;client_port=65535",
        "RTP/AVP;unicast;client_port=x-y",
        "RTP/AVP;unicast;client_port=1000000-1000001",
        "RTP/AVP/TCP;interleaved=255-256",
        "RTP/AVP/TCP;interleaved=0-5",
        "RTP/AVP/TCP;interleaved=0-1;mode=record",
    ],
)
def test_what_cannot_be_carried_is_not_chosen(header: str) -> None:
    assert choose(header, BOTH, default_channel=0) is None


def test_a_camera_may_carry_one_kind_only() -> None:
    wish = "RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=0-1"
    chosen = choose(wish, {"TCP"}, default_channel=0)
    assert chosen is not None and chosen.tcp
    assert choose("RTP/AVP/TCP;interleaved=0-1", {"UDP"}, default_channel=0) is None


def test_what_is_granted_goes_back_with_ports_and_source() -> None:
    assert Transport(True, channel=2).granted((6000, 6001), 255) == (
        "RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=000000FF"
    )
    assert Transport(False, port=5000, rtcp_port=5001).granted((6000, 6001), 255) == (
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=000000FF"
    )


def test_two_tracks_may_not_share_a_channel() -> None:
    assert Transport(True, channel=2).collides(Transport(True, channel=3))
    assert not Transport(True, channel=2).collides(Transport(True, channel=4))
    assert not Transport(True, channel=2).collides(Transport(False, port=2, rtcp_port=3))
