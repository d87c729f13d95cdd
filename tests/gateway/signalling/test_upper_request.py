"""What an upper platform asks for, from the bytes of its INVITE."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.signalling.upper_request import UpperRequest
from interop.wire import manscdp
from sip.aio import Incoming
from sip.sdp import Sdp
from tests.gateway.grants import granting
from tests.gateway.signalling.raw import CAMERA, CHANNEL, NODE, UPPER, Desk, RawPeer, request_bytes


@pytest.fixture
async def grant(tmp_path: Path) -> AsyncIterator[Grant]:
    async with granting(tmp_path) as grants:
        yield await grants.grant(CAMERA, CHANNEL)


async def heard(desk: Desk, raw: RawPeer, subject: str = "") -> Incoming:
    """An INVITE as the stack hands it on."""
    desk.handler = lambda incoming: incoming.respond(486)
    lines = ["Contact: <sip:u@127.0.0.1>", *([f"Subject: {subject}"] if subject else [])]
    await raw.ask(desk.port, request_bytes("INVITE", CHANNEL, sender=UPPER, lines=lines))
    return desk.heard[-1]


def offered(**sdp: Any) -> Sdp:
    return Sdp.parse(manscdp.sdp(UPPER, sdp.pop("host", "127.0.0.1"), sdp.pop("port", 30000), **sdp))


async def asked(desk: Desk, raw: RawPeer, grant: Grant, offer: Sdp | None, **options: Any) -> UpperRequest:
    incoming = await heard(desk, raw, options.pop("subject", ""))
    return UpperRequest(UPPER, NODE, grant, CHANNEL, offer, incoming, **options)


@pytest.mark.parametrize(
    ("subject", "part"),
    [
        (f"{CHANNEL}:0400000001,{UPPER}:1", f"{CHANNEL}:0400000001"),
        (f" {CHANNEL}:0400000001 , {UPPER}:0", f"{CHANNEL}:0400000001"),
        (f"{CHANNEL}:0,{UPPER}:0", ""),
        (f"{CHANNEL},{UPPER}", ""),
        ("", ""),
    ],
)
async def test_the_stream_is_known_by_its_sender_and_sequence(
    desk: Desk, raw: RawPeer, grant: Grant, subject: str, part: str
) -> None:
    request = await asked(desk, raw, grant, offered(), subject=subject)
    assert request.sender_part == part and request.subject == subject.strip()


async def test_what_is_granted_is_what_is_sent(desk: Desk, raw: RawPeer, grant: Grant) -> None:
    assert (await asked(desk, raw, grant, offered())).key == StreamKey(CAMERA, CHANNEL)


async def test_an_offer_says_how_and_where_to_send(desk: Desk, raw: RawPeer, grant: Grant) -> None:
    udp = await asked(desk, raw, grant, offered(payload_type=97))
    assert udp.offer is not None
    assert (udp.transport, udp.payload_type, udp.destination(udp.offer)) == ("udp", 97, ("127.0.0.1", 30000))
    tcp = await asked(desk, raw, grant, offered(tcp=True, setup="active"), late_transport="udp")
    assert tcp.transport == "tcp_passive"


async def test_without_an_offer_we_choose(desk: Desk, raw: RawPeer, grant: Grant) -> None:
    late = await asked(desk, raw, grant, None, late_transport="tcp_active", keep_ssrc=True)
    assert (late.transport, late.payload_type, late.wanted_ssrc) == ("tcp_active", 96, None)


@pytest.mark.parametrize(
    ("keep", "y", "wanted"),
    [(True, "0400001234", "0400001234"), (True, "0000000000", None), (True, None, None), (False, "0400001234", None)],
)
async def test_the_ssrc_of_the_upper_platform_is_used_where_it_is_to_be_and_is_one(
    desk: Desk, raw: RawPeer, grant: Grant, keep: bool, y: str | None, wanted: str | None
) -> None:
    assert (await asked(desk, raw, grant, offered(y=y), keep_ssrc=keep)).wanted_ssrc == wanted


@pytest.mark.parametrize(
    ("sdp", "reason"),
    [({"host": "192.0.2.9"}, Reason.FORBIDDEN), ({"port": 0}, Reason.NOT_ACCEPTABLE)],
)
async def test_media_goes_only_where_it_may(
    desk: Desk, raw: RawPeer, grant: Grant, sdp: dict[str, Any], reason: Reason
) -> None:
    request = await asked(desk, raw, grant, offered(**sdp), media_hosts=frozenset({"127.0.0.1"}))
    assert request.offer is not None
    with pytest.raises(Failure) as caught:
        request.destination(request.offer)
    assert caught.value.reason is reason
