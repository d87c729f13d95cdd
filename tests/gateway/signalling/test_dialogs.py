"""Requests inside a call's dialog, from bytes: only the far side of exactly that call ends it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.signalling.bindings import Binding, Bindings
from gateway.signalling.dialogs import InDialogRequests
from gateway.signalling.router import Router
from sip import NameAddr, Request, Uri
from sip.aio import Peer
from sip.dialog import Dialog
from tests.gateway.signalling.raw import CAMERA, NODE, UPPER, Desk, RawPeer, request_bytes

OURS = f"<sip:{NODE}@3402000000>;tag=ours"


class Calls:
    """Stands where the calls of a node are: one call with a camera, found as the real ones are."""

    def __init__(self) -> None:
        address = NameAddr(Uri("sip", CAMERA, "3402000000"))
        self.dialog = Dialog("call-1", "ours", "theirs", NameAddr(Uri("sip", NODE, "3402000000")), address, address.uri)
        self.ended: list[object] = []

    def find(self, request: Request, *, lower_id: str | None, upper_id: str | None) -> object | None:
        return self if lower_id == CAMERA and self.dialog.matches(request) else None

    async def bye(self, call: object) -> None:
        self.ended.append(call)


@pytest.fixture
def calls(desk: Desk, raw: RawPeer) -> Calls:
    made, bindings = Calls(), Bindings()
    bindings.bind(Binding(CAMERA, Peer("UDP", *raw.address), "", 0, 3600, 0))
    live: Any = made
    never: Any = None
    router = Router(never, never, InDialogRequests(live), bindings, list, heard=lambda *_, **__: None)
    desk.handler = router.on_request
    return made


async def test_a_bye_of_the_far_side_is_answered_and_ends_the_call(calls: Calls, desk: Desk, raw: RawPeer) -> None:
    data = request_bytes("BYE", to=OURS, call_id="call-1", tag="theirs", cseq=2)
    assert (await raw.ask(desk.port, data)).status == 200
    assert calls.ended == [calls]


@pytest.mark.parametrize("wrong", [{"call_id": "call-2"}, {"tag": "other"}, {"to": f"<sip:{NODE}@1>;tag=x"}])
async def test_a_bye_of_another_dialog_is_answered_481(
    calls: Calls, desk: Desk, raw: RawPeer, wrong: dict[str, str]
) -> None:
    data = request_bytes("BYE", **({"to": OURS, "call_id": "call-1", "tag": "theirs"} | wrong))  # type: ignore[arg-type]
    assert (await raw.ask(desk.port, data)).status == 481 and calls.ended == []


@pytest.mark.parametrize("method", ["BYE", "INFO"])
async def test_a_forged_request_that_knows_the_whole_dialog_ends_nothing(calls: Calls, desk: Desk, method: str) -> None:
    async with RawPeer() as stranger:
        for sender in (CAMERA, UPPER):
            data = request_bytes(method, sender=sender, to=OURS, call_id="call-1", tag="theirs")
            assert (await stranger.ask(desk.port, data)).status == 403
    assert calls.ended == []


async def test_a_live_stream_cannot_be_wound(calls: Calls, desk: Desk, raw: RawPeer) -> None:
    data = request_bytes("INFO", to=OURS, call_id="call-1", tag="theirs", body=b"PAUSE RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    assert (await raw.ask(desk.port, data)).start == "SIP/2.0 488 Live Stream"
    assert (await raw.ask(desk.port, request_bytes("INFO"))).status == 481
    assert calls.ended == []
