"""Every request that reaches the port, from bytes: whose it is, where it goes, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.errors import Failure, Reason
from gateway.signalling import router as module
from gateway.signalling.bindings import Binding, Bindings
from gateway.signalling.router import FromLower, FromUpper, Router, phrase
from gateway.signalling.trust import Sender, UpperAddress
from sip.aio import Incoming, Peer
from sip.manscdp import Parsed
from tests.gateway.signalling.raw import CAMERA, NODE, UPPER, Desk, RawPeer, eventually, request_bytes, xml

KEEPALIVE = xml("Notify", "Keepalive", "<Status>OK</Status>\r\n", device=CAMERA)
CATALOG_QUERY = xml("Query", "Catalog")
PTZ = xml("Control", "DeviceControl", "<PTZCmd>A50F01021F0000D6</PTZCmd>\r\n", device=CAMERA)
ANSWER = xml("Response", "DeviceInfo", "<Result>OK</Result>\r\n", device=CAMERA)
NOTIFY = xml("Notify", "Catalog", '<SumNum>0</SumNum>\r\n<DeviceList Num="0"></DeviceList>\r\n', device=CAMERA)


@dataclass
class Seen:
    """What got through: both sides and the dialogs at once."""

    registers: list[Incoming] = field(default_factory=list)
    below: list[tuple[str, str]] = field(default_factory=list)
    above: list[tuple[str, str]] = field(default_factory=list)
    dialog: list[tuple[str, Sender]] = field(default_factory=list)
    parsed: list[Parsed] = field(default_factory=list)
    raises: BaseException | None = None
    knows_dialog: bool = True

    async def register(self, incoming: Incoming) -> None:
        self.registers.append(incoming)
        if self.raises:
            raise self.raises
        incoming.respond(401)

    def _from_below(self, request: FromLower, message: Parsed) -> None:
        self.below.append((request.peer_id, message.cmd_type))
        self.parsed.append(message)
        if self.raises:
            raise self.raises

    async def told(self, request: FromLower, message: Parsed) -> None:
        self._from_below(request, message)

    async def notified(self, request: FromLower, message: Parsed) -> None:
        self._from_below(request, message)

    async def asked(self, request: FromUpper, message: Parsed) -> None:
        self.above.append((request.upper_id, message.cmd_type))

    async def subscribed(self, request: FromUpper, message: Parsed | None) -> None:
        self.above.append((request.upper_id, "SUBSCRIBE" if message is None else f"SUBSCRIBE {message.cmd_type}"))
        request.incoming.respond(200)

    async def invited(self, request: FromUpper) -> None:
        self.above.append((request.upper_id, "INVITE"))
        if self.raises:
            raise self.raises
        request.incoming.respond(486)

    async def bye(self, incoming: Incoming, sender: Sender) -> bool:
        return self._in_dialog(incoming, sender)

    async def info(self, incoming: Incoming, sender: Sender) -> bool:
        return self._in_dialog(incoming, sender)

    def _in_dialog(self, incoming: Incoming, sender: Sender) -> bool:
        self.dialog.append((incoming.request.method, sender))
        if self.knows_dialog:
            incoming.respond(200)
        return self.knows_dialog


class Stage:
    """A router between a real stack and the peers of a test."""

    def __init__(self, desk: Desk, peer: RawPeer) -> None:
        self.desk, self.peer, self.seen = desk, peer, Seen()
        self.bindings = Bindings()
        self.uppers: list[UpperAddress] = []
        self.heard: list[str] = []
        self.kinds: list[tuple[str, bool]] = []
        self.router = Router(self.seen, self.seen, self.seen, self.bindings, lambda: self.uppers, heard=self._heard)
        desk.handler = self.router.on_request

    def _heard(self, peer_id: str, incoming: Incoming, kind: str, *, keepalive: bool = False) -> None:
        self.heard.append(peer_id)
        self.kinds.append((kind, keepalive))

    def is_below(self, peer_id: str = CAMERA) -> None:
        self.bindings.bind(Binding(peer_id, Peer("UDP", *self.peer.address), "", 0, 3600, 0))

    def is_above(self) -> None:
        self.uppers.append(UpperAddress(UPPER, "UDP", *self.peer.address))

    async def status(self, data: bytes) -> int:
        return (await self.peer.ask(self.desk.port, data)).status


@pytest.fixture
async def stage(desk: Desk, raw: RawPeer) -> AsyncIterator[Stage]:
    made = Stage(desk, raw)
    yield made
    await made.router.close()


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries


FORGED = {
    "keepalive": request_bytes("MESSAGE", body=KEEPALIVE),
    "query": request_bytes("MESSAGE", sender=UPPER, body=CATALOG_QUERY),
    "control": request_bytes("MESSAGE", sender=UPPER, body=PTZ),
    "answer": request_bytes("MESSAGE", body=ANSWER),
    "notify": request_bytes("NOTIFY", body=NOTIFY, lines=["Event: Catalog", "Subscription-State: active"]),
    "subscribe": request_bytes("SUBSCRIBE", sender=UPPER, body=CATALOG_QUERY, lines=["Event: Catalog", "Expires: 600"]),
    "invite": request_bytes("INVITE", CAMERA, sender=UPPER, lines=["Contact: <sip:x@192.0.2.9>"]),
    "bye": request_bytes("BYE", sender=UPPER, to=f"<sip:{NODE}@3402000000>;tag=ours"),
    "info": request_bytes("INFO", sender=UPPER, to=f"<sip:{NODE}@3402000000>;tag=ours"),
    "options": request_bytes("OPTIONS"),
    "update": request_bytes("UPDATE"),
}


class OtherZone:
    """A guard to whom every request of a known peer comes in at the wrong zone."""

    def __init__(self) -> None:
        self.registers = 0

    def registered(self, incoming: Incoming) -> None:
        self.registers += 1

    def refuses(self, incoming: Incoming, sender: Sender) -> str:
        return f"{sender.lower_id} belongs to zone inner, but this came in at zone outer"


async def test_what_comes_in_at_another_zone_than_its_senders_is_refused_like_a_stranger(
    stage: Stage, logs: list[Any]
) -> None:
    guard: Any = OtherZone()
    stage.router = Router(
        stage.seen, stage.seen, stage.seen, stage.bindings, lambda: stage.uppers, heard=stage.heard.append, zones=guard
    )
    stage.desk.handler = stage.router.on_request
    stage.is_below()
    answer = await stage.peer.ask(stage.desk.port, request_bytes("MESSAGE", body=KEEPALIVE))
    assert answer.start == "SIP/2.0 403 Not Registered From This Address"
    assert stage.router.counters["other_zone"] == 1 and stage.heard == [] and stage.seen.below == []
    assert logs[-1]["reason"] == f"{CAMERA} belongs to zone inner, but this came in at zone outer"
    assert await stage.status(request_bytes("REGISTER")) == 401 and guard.registers == 1
    await stage.router.close()


@pytest.mark.parametrize("kind", FORGED)
async def test_a_forged_datagram_changes_nothing_and_is_counted_and_logged(
    stage: Stage, logs: list[Any], kind: str
) -> None:
    stage.is_below()
    stage.is_above()
    async with RawPeer() as stranger:
        answer = await stranger.ask(stage.desk.port, FORGED[kind])
    assert answer.start == "SIP/2.0 403 Not Registered From This Address"
    assert stage.seen == Seen() and stage.heard == []
    assert stage.router.counters["stranger"] == 1
    [entry] = [one for one in logs if one["event"] == "refused"]
    assert entry["source"] == f"udp:127.0.0.1:{stranger.port.port}" and entry["reason"]
    assert entry["method"] in FORGED[kind].decode("gb18030") and entry["claims"] in (CAMERA, UPPER)


async def test_a_forged_cancel_or_ack_finds_nothing(stage: Stage) -> None:
    stage.is_above()
    async with RawPeer() as stranger:
        invite = FORGED["invite"].replace(b"INVITE", b"CANCEL")
        assert (await stranger.ask(stage.desk.port, invite)).status == 481
        assert await stranger.unanswered(stage.desk.port, FORGED["invite"].replace(b"INVITE", b"ACK"))
    assert stage.seen == Seen() and stage.desk.stack.counters.stray_acks >= 1


async def test_a_register_may_come_from_anywhere(stage: Stage) -> None:
    assert await stage.status(request_bytes("REGISTER")) == 401
    assert len(stage.seen.registers) == 1 and stage.router.counters["register"] == 1


async def test_refusals_of_one_address_are_all_counted_but_not_all_logged(stage: Stage, logs: list[Any]) -> None:
    for _ in range(40):
        assert await stage.status(request_bytes("OPTIONS")) == 403
    assert stage.router.counters["stranger"] == 40
    logged = [one for one in logs if one["event"] == "refused"]
    assert 20 <= len(logged) < 40 and stage.router.counters["refused_unlogged"] == 40 - len(logged)


async def test_what_a_registered_peer_says_reaches_the_southern_side(stage: Stage) -> None:
    stage.is_below()
    for data in (FORGED["keepalive"], FORGED["answer"], FORGED["notify"]):
        assert await stage.status(data) == 200
    await eventually(lambda: len(stage.seen.below) == 3)
    assert stage.seen.below == [(CAMERA, "Keepalive"), (CAMERA, "DeviceInfo"), (CAMERA, "Catalog")]
    assert stage.heard == [CAMERA] * 3
    assert stage.kinds == [("MESSAGE Keepalive", True), ("MESSAGE DeviceInfo", False), ("NOTIFY Catalog", False)]


async def test_whatever_can_be_read_is_a_sign_of_life_and_what_cannot_is_none(stage: Stage) -> None:
    stage.is_below()
    empty = request_bytes("NOTIFY", lines=["Event: Catalog", "Subscription-State: terminated"])
    for data in (FORGED["bye"], FORGED["info"], FORGED["options"], FORGED["update"], empty, FORGED["query"]):
        await stage.status(data)
    kinds = ["BYE", "INFO", "OPTIONS", "other", "NOTIFY", "MESSAGE Catalog"]
    assert stage.kinds == [(kind, False) for kind in kinds]
    assert await stage.status(request_bytes("MESSAGE", body=b"<Notify><CmdType>Keepal")) >= 400
    assert len(stage.kinds) == len(kinds)


async def test_what_an_upper_platform_says_reaches_the_northern_side(stage: Stage) -> None:
    stage.is_above()
    for name, status in (("query", 200), ("control", 200), ("subscribe", 200), ("invite", 486), ("options", 200)):
        assert await stage.status(FORGED[name]) == status
    await eventually(lambda: len(stage.seen.above) == 4)
    said = [what for _, what in stage.seen.above]
    assert said == ["Catalog", "DeviceControl", "SUBSCRIBE Catalog", "INVITE"]
    assert stage.heard == []


async def test_a_peer_below_may_not_ask_control_subscribe_or_call(stage: Stage) -> None:
    stage.is_below()
    for name in ("query", "control", "subscribe", "invite"):
        assert await stage.status(FORGED[name]) == 403
    assert stage.seen == Seen() and stage.router.counters["wrong_side"] == 4


async def test_an_upper_platform_may_not_notify_and_its_keepalive_is_answered(stage: Stage) -> None:
    stage.is_above()
    assert await stage.status(FORGED["notify"]) == 403
    assert await stage.status(FORGED["keepalive"]) == 200
    assert stage.seen == Seen()


async def test_a_platform_with_both_roles_is_told_apart_by_what_it_says(stage: Stage) -> None:
    stage.is_below(UPPER)
    stage.is_above()
    assert await stage.status(FORGED["query"]) == 200
    assert await stage.status(request_bytes("MESSAGE", sender=UPPER, body=KEEPALIVE)) == 200
    assert stage.seen.above == [(UPPER, "Catalog")] and stage.seen.below == [(UPPER, "Keepalive")]


async def test_the_end_of_a_subscription_needs_no_body(stage: Stage) -> None:
    stage.is_below()
    assert await stage.status(request_bytes("NOTIFY", lines=["Subscription-State: terminated"])) == 200
    assert stage.seen.below == []
    stage.is_above()
    assert await stage.status(request_bytes("SUBSCRIBE", lines=["Expires: 0"])) == 200


async def test_requests_of_a_dialog_nobody_knows_are_answered_481(stage: Stage) -> None:
    stage.is_below()
    assert await stage.status(FORGED["bye"]) == 200 and await stage.status(FORGED["info"]) == 200
    stage.seen.knows_dialog = False
    assert await stage.status(request_bytes("BYE")) == 481
    assert await stage.status(request_bytes("INFO")) == 481
    assert {sender for _, sender in stage.seen.dialog} == {Sender(lower_id=CAMERA)}


async def test_an_unknown_method_is_answered_405_with_what_is_known(stage: Stage) -> None:
    stage.is_below()
    answer = await stage.peer.ask(stage.desk.port, FORGED["update"])
    assert answer.status == 405 and "MESSAGE" in answer.need("allow")
    assert stage.router.counters["other_method"] == 1


BOMB = b"".join(
    [b'<?xml version="1.0"?>\r\n<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">', b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">',
     b"]>\r\n<Notify><CmdType>Keepalive</CmdType><SN>1</SN><DeviceID>&b;</DeviceID></Notify>"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        (b"not xml at all", 400, "body"),
        (b"<Query><CmdType>Catalog</CmdType><SN>1</SN>", 400, "body"),
        (b"<Surprise><CmdType>Catalog</CmdType></Surprise>", 400, "/Surprise"),
        (b"<Notify><SN>1</SN></Notify>", 400, "CmdType"),
        (BOMB, 400, "entity"),
        (b"<Notify>" + b"<a>" * 20000 + b"</Notify>", 400, "CmdType"),
        ("<Übel\x7f/>".encode(), 400, "body"),
        (b"\xff\xfe\x00<", 400, "body"),
        (b"\0" * 500, 400, "body"),
    ],
)
async def test_a_body_that_cannot_be_understood_is_answered_with_where(
    stage: Stage, body: bytes, status: int, where: str
) -> None:
    stage.is_below()
    answer = await stage.peer.ask(stage.desk.port, request_bytes("MESSAGE", body=body))
    assert answer.status in (status, 413) and (where in answer.start or answer.status == 413)
    assert answer.start.isascii() and stage.seen.below == []
    assert stage.router.counters["malformed"] == 1
    # and the next one is served
    assert await stage.status(request_bytes("MESSAGE", body=KEEPALIVE)) == 200


async def test_an_empty_message_is_answered_400(stage: Stage) -> None:
    stage.is_below()
    assert await stage.status(request_bytes("MESSAGE")) == 400


async def test_a_fault_of_ours_is_answered_500_and_the_loop_lives(stage: Stage, logs: list[Any]) -> None:
    stage.is_below()
    stage.is_above()
    stage.seen.raises = RuntimeError("a bug")
    assert await stage.status(request_bytes("REGISTER")) == 500
    assert await stage.status(FORGED["invite"]) == 500
    assert stage.router.counters["internal"] == 2
    stage.seen.raises = None
    assert await stage.status(request_bytes("MESSAGE", body=KEEPALIVE)) == 200
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["request failed"] * 2


async def test_a_failure_with_a_reason_is_answered_with_its_status_and_phrase(stage: Stage) -> None:
    stage.is_above()
    stage.seen.raises = Failure(Reason.DEVICE_OFFLINE)
    answer = await stage.peer.ask(stage.desk.port, FORGED["invite"])
    assert answer.start == "SIP/2.0 480 Device Offline"


def named(name: bytes, *, declared: str = "") -> bytes:
    prolog = f'<?xml version="1.0" encoding="{declared}"?>\r\n'.encode() if declared else b""
    inner = b"<DeviceName>" + name + b"</DeviceName><Result>OK</Result>"
    return prolog + b"<Response><CmdType>DeviceInfo</CmdType><SN>1</SN><DeviceID>1</DeviceID>" + inner + b"</Response>"


async def test_the_charset_a_peer_proved_is_remembered_for_its_ambiguous_bodies(stage: Stage) -> None:
    stage.is_below()
    ambiguous = "路".encode("gb18030")  # C2 B7: also the sign `·` in UTF-8

    async def name_of(body: bytes) -> str:
        assert await stage.status(request_bytes("MESSAGE", body=body)) == 200
        return str(stage.seen.parsed[-1].message.device_name)  # type: ignore[attr-defined]

    assert await name_of(named("东门枪机".encode())) == "东门枪机"  # proves UTF-8 although nothing is declared
    assert await name_of(named(ambiguous)) == "·"
    assert await name_of(named(b"plain ascii", declared="GB2312")) == "plain ascii"  # proves nothing
    assert await name_of(named(ambiguous)) == "·"
    assert await name_of(named("东门枪机".encode("gb18030"), declared="UTF-8")) == "东门枪机"  # proves GB
    assert await name_of(named(ambiguous)) == "路"


async def test_repairs_are_counted_by_name(stage: Stage) -> None:
    stage.is_below()
    body = b"<Notify>\r\n<CmdType>Keepalive</CmdType><SN>1</SN><DeviceID>1</DeviceID><Status>OK</Status></Notify>trash"
    assert await stage.status(request_bytes("MESSAGE", body=body)) == 200
    assert stage.router.counters["repaired_text_after_root"] == 1


async def test_too_much_work_at_once_is_refused_politely(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WORK", 0)
    answer = await stage.peer.ask(stage.desk.port, request_bytes("REGISTER"))
    assert answer.status == 503 and answer.need("retry-after") == "5"
    assert stage.router.counters["overload"] == 1


async def test_closing_ends_what_is_under_way(stage: Stage) -> None:
    stage.is_above()
    hanging = asyncio.Event()

    async def invited(request: FromUpper) -> None:
        hanging.set()
        await asyncio.Event().wait()

    stage.seen.invited = invited  # type: ignore[method-assign]
    stage.peer.say(stage.desk.port, FORGED["invite"].replace(b"z9hG4bK", b"z9hG4bKx"))
    await asyncio.wait_for(hanging.wait(), 5)
    await asyncio.wait_for(stage.router.close(), 5)


def test_a_reason_phrase_is_one_short_line_of_ascii() -> None:
    assert phrase("Bad /名: \r\n" + "x" * 300) == "Bad /?: ??" + "x" * 110
