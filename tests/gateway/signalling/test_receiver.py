"""Where an upper platform's media goes: descriptions written by hand, as platforms send them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import Failure, Reason
from gateway.signalling.receiver import (
    check_receiver,
    destination,
    late_answer,
    own_offer,
    ps_payload_type,
    their_transport,
)
from interop.wire.manscdp import sdp
from interop.wire.platform import WireRefused
from sip.sdp import Sdp
from tests.stand.street import CHANNEL, UPPER_ID, running_street, settings

CAMERA, UPPER = "34020000001310000001", "34010000002000000001"


def described(host: str = "192.0.2.40", port: int = 30000, **options: object) -> Sdp:
    return Sdp.parse(sdp(UPPER, host, port, **options))  # type: ignore[arg-type]


def tcp(setup: str | None, port: int = 30000) -> Sdp:
    lines = f"v=0\r\no={UPPER} 0 0 IN IP4 192.0.2.40\r\ns=Play\r\nc=IN IP4 192.0.2.40\r\nt=0 0\r\n"
    lines += f"m=video {port} TCP/RTP/AVP 96\r\na=recvonly\r\na=rtpmap:96 PS/90000\r\n"
    return Sdp.parse((lines + (f"a=setup:{setup}\r\na=connection:new\r\n" if setup else "")).encode())


def test_media_goes_where_the_description_says_or_to_where_it_came_from() -> None:
    assert destination(described(), "192.0.2.1", None) == ("192.0.2.40", 30000)
    assert destination(described("0.0.0.0"), "192.0.2.1", None) == ("192.0.2.1", 30000)


def test_where_only_known_addresses_may_have_media_others_are_refused() -> None:
    known = frozenset({"192.0.2.1", "192.0.2.40"})
    assert destination(described(), "192.0.2.1", known) == ("192.0.2.40", 30000)
    assert destination(described("0.0.0.0"), "192.0.2.1", known) == ("192.0.2.1", 30000)
    with pytest.raises(Failure, match=r"198\.51\.100\.9") as refused:
        destination(described("198.51.100.9"), "192.0.2.1", known)
    assert (refused.value.sip_status, refused.value.reason) == (403, Reason.FORBIDDEN)


def test_our_own_offer_is_to_send_program_streams() -> None:
    assert bytes(own_offer(CAMERA, "192.0.2.10", 40000, "0340200001", "udp")) == (
        b"v=0\r\n"
        b"o=34020000001310000001 0 0 IN IP4 192.0.2.10\r\n"
        b"s=Play\r\n"
        b"c=IN IP4 192.0.2.10\r\n"
        b"t=0 0\r\n"
        b"m=video 40000 RTP/AVP 96\r\n"
        b"a=sendonly\r\n"
        b"a=rtpmap:96 PS/90000\r\n"
        b"y=0340200001\r\n"
    )
    passive = bytes(own_offer(CAMERA, "192.0.2.10", 40000, "0340200001", "tcp_passive"))
    assert b"m=video 40000 TCP/RTP/AVP 96\r\n" in passive and b"a=setup:passive\r\na=connection:new\r\n" in passive


def test_the_answer_in_the_ack_is_read() -> None:
    assert late_answer(sdp(UPPER, "192.0.2.40", 30000), "udp").port == 30000
    assert late_answer(bytes(tcp("active")), "tcp_passive").is_tcp


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0\r\n",
        bytes(tcp("active")),
        sdp(UPPER, "192.0.2.40", 30000).replace(b" 96", b" 98").replace(b":96", b":98"),
    ],
    ids=["none", "unreadable", "another transport", "another payload"],
)
def test_an_ack_that_does_not_answer_the_offer_is_not_acceptable(body: bytes) -> None:
    with pytest.raises(Failure) as refused:
        late_answer(body, "udp")
    assert refused.value.sip_status == 488


def test_we_take_the_other_role_of_the_connection() -> None:
    assert their_transport(described()) == "udp"
    assert [their_transport(tcp(setup)) for setup in ("active", "passive", None)] == [
        "tcp_passive", "tcp_active", "tcp_active",
    ]  # fmt: skip


def test_an_offer_without_a_port_is_only_good_where_they_connect() -> None:
    check_receiver(tcp("active", 9))
    with pytest.raises(Failure, match="no port"):
        check_receiver(described(port=0))


def test_the_payload_of_ps_is_the_offers() -> None:
    assert ps_payload_type(described()) == 96
    with pytest.raises(Failure, match="no PS"):
        ps_payload_type(Sdp.parse(sdp(UPPER, "192.0.2.40", 3).replace(b"PS/90000", b"H264/90000")))


@pytest.mark.parametrize(
    ("ours", "theirs"), [(None, "udp"), ("tcp_passive", "tcp_active"), ("tcp_active", "tcp_passive")]
)
async def test_a_third_party_controller_gets_our_offer_in_the_200_and_the_picture_after_its_ack(
    tmp_path: Path, ours: str | None, theirs: str
) -> None:
    async with running_street(settings(tmp_path)) as street:
        await street.node.stores.uppers.update(UPPER_ID, media_transport=ours)
        call = await street.upper.play(CHANNEL, transport=theirs, late=True)
        assert call.answer is not None
        text = call.answer.body.decode()
        protocol = "RTP/AVP" if ours is None else "TCP/RTP/AVP"
        assert f" {protocol} 96\r\na=sendonly\r\na=rtpmap:96 PS/90000\r\n" in text and "\r\ny=0" in text
        assert ("a=setup:" in text) == (ours is not None)
        await call.first_key()
        assert call.codec == "H264" and not call.faults
        await call.bye()
        await street.quiet()


async def test_an_ack_without_an_answer_ends_the_call(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        # Over TCP although UDP was offered.
        call = await street.upper.play(CHANNEL, transport="tcp_passive", late=True)
        await call.ended.wait()
        await street.quiet()
        assert (await street.ledger())[-1].entry.detail == {"reason": "not_acceptable"}


async def test_media_for_a_stranger_is_refused_where_the_tolerance_is_off(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        await street.node.stores.uppers.update(UPPER_ID, tolerances=())
        with pytest.raises(WireRefused, match="403"):
            await street.upper.play(CHANNEL, host="127.0.0.66")
        assert street.device.calls == []
        late = await street.upper.play(CHANNEL, host="127.0.0.66", late=True)
        await late.ended.wait()
        assert not late.units
        call = await street.upper.play(CHANNEL)
        await call.first_key()
        await call.bye()
        await street.quiet()
        ends = [row.entry for row in await street.ledger() if row.entry.result == "ended"]
        assert [end.detail["reason"] for end in ends] == ["forbidden", "forbidden", "viewer ended"]
        assert [end.bytes for end in ends[:2]] == [0, 0] and (ends[2].bytes or 0) > len(call.ps) // 2 > 0
