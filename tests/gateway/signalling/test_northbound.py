"""What upper platforms ask for, from bytes on a real stack, under a real sharing rule and a real ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from catalog import Item
from catalog.store import CatalogStore, SharingStore
from gateway.compliance.grant import Grants
from gateway.compliance.ledger import Ledger, LedgerQuery
from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.signalling.bindings import Bindings
from gateway.signalling.cascade import Cascade
from gateway.signalling.control import Controls
from gateway.signalling.exchange import Correspondent, Exchange
from gateway.signalling.northbound import Northbound
from gateway.signalling.notifier import CatalogueNotifier
from gateway.signalling.requests import Party
from gateway.signalling.router import Router
from gateway.signalling.trust import UpperAddress
from gateway.signalling.upper_request import UpperRequest
from gateway.store.rules import Rule
from gateway.store.stores import Stores
from gateway.store.uppers import Upper
from interop.wire import manscdp
from interop.wire.sipwire import Split, build, element, split
from sip.aio import Peer
from sip.manscdp import Edition
from tests.gateway.signalling.raw import CAMERA, NODE, UPPER, Desk, RawPeer, eventually, request_bytes, xml

ONE, SECRET, HIDDEN = "34020000001310000001", "34020000001310000002", "34020000001310000003"
PUBLISHED, OTHER = "34020000001310000099", "34020100002000000001"
RULE = Rule("r", mode="all", exclude=(HIDDEN,), published={f"{CAMERA}/{ONE}": PUBLISHED}, actions=("live", "ptz"))
PTZ = "<PTZCmd>A50F01021F0000D6</PTZCmd>"


class Live:
    """Stands where the calls of a node are: takes invitations, knows which streams run."""

    def __init__(self) -> None:
        self.asked: list[UpperRequest] = []
        self.raises: BaseException | None = None
        self.running: set[StreamKey] = set()
        self.hub = SimpleNamespace(get=lambda key: key if key in self.running else None)

    async def invited(self, request: UpperRequest) -> None:
        self.asked.append(request)
        if self.raises:
            raise self.raises
        request.incoming.respond(486)


class North:
    """The northern side of a node between a hand-written upper platform and a hand-written camera."""

    def __init__(self, desk: Desk, raw: RawPeer, camera: RawPeer, stores: Stores, catalog: CatalogStore,
                 sharing: SharingStore, ledger: Ledger) -> None:  # fmt: skip
        self.desk, self.raw, self.camera, self.catalog, self.ledger = desk, raw, camera, catalog, ledger
        self.live, self.grants, self.secret = Live(), Grants(ledger), set[StreamKey]()
        exchange = Exchange(desk.stack, Party(NODE), answer_s=1.0)
        self.upper: Correspondent | None = Correspondent(
            UPPER, Peer("UDP", *raw.address), "GB2312", Edition.V2016, own_id=NODE
        )
        below = Correspondent(CAMERA, Peer("UDP", *camera.address), "GB2312", Edition.V2016)
        self.cascade = Cascade(
            catalog, sharing, stores.uppers, stores.rules, exchange, lambda upper_id: self.upper, lambda upper: NODE,
            node_name="本级",
        )  # fmt: skip
        self.notifier = CatalogueNotifier(
            desk.stack, stores.subscriptions, lambda upper_id: self.upper, self.cascade.offline_items
        )
        live: Any = self.live
        self.side = Northbound(
            node_name="本级", uppers=stores.uppers, correspondent=lambda upper_id: self.upper, exchange=exchange,
            cascade=self.cascade, notifier=self.notifier,
            controls=Controls(exchange, lambda peer_id: below if peer_id == CAMERA else None), live=live,
            grants=self.grants, is_secret=self._is_secret,
        )  # fmt: skip
        never: Any = None
        addresses = [UpperAddress(UPPER, "UDP", *raw.address)]
        self.router = Router(never, self.side, never, Bindings(), lambda: addresses, heard=lambda *_, **__: None)
        desk.handler = self.router.on_request

    async def _is_secret(self, key: StreamKey) -> bool:
        return key in self.secret

    async def tell(self, kind: str, command: str, device: str, inner: str = "") -> int:
        """MESSAGE from above; returns when everything it led to is done."""
        body = xml(kind, command, inner, sn=77, device=device)
        status = (await self.raw.ask(self.desk.port, request_bytes("MESSAGE", device, sender=UPPER, body=body))).status
        await eventually(lambda: not self.router._tasks)
        return status

    def answer(self, command: str) -> str:
        """The one answer that was sent up."""
        [found] = self.raw.of("MESSAGE", command)
        assert element(found.text, "SN") == "77" and element(found.text, "CmdType") == command
        return found.text

    async def invite(self, target: str = PUBLISHED, *lines: str, session: str = "Play", **options: Any) -> Split:
        sdp = manscdp.sdp(UPPER, "127.0.0.1", 30000, y="0100000001", session=session)
        data = split(
            request_bytes("INVITE", target, sender=UPPER, lines=["Contact: <sip:u@127.0.0.1>", *lines], **options)
        )
        rows = [f"{name.title()}: {value}" for name, value in data.lines if name not in ("content-length",)]
        answer = await self.raw.ask(self.desk.port, build(data.start, [*rows, "Content-Type: application/sdp"], sdp))
        await eventually(lambda: not self.router._tasks)
        return answer

    async def entries(self) -> list[tuple[str, str, str]]:
        rows = await self.ledger.entries(LedgerQuery())
        return sorted((row.entry.action, row.entry.result, row.entry.code) for row in rows)


@pytest.fixture
async def north(
    desk: Desk, raw: RawPeer, stores: Stores, catalog: CatalogStore, sharing: SharingStore, tmp_path: Path
) -> AsyncIterator[North]:
    await stores.rules.create(RULE)
    await stores.uppers.create(Upper(UPPER, host="127.0.0.1", rule_id="r"))
    generation = await catalog.begin_sync(CAMERA)
    await catalog.stage(
        generation,
        [
            Item(code=ONE, peer_id=CAMERA, name="东门", manufacturer="M", model="X"),
            Item(code=SECRET, peer_id=CAMERA, secrecy=1),
            Item(code=HIDDEN, peer_id=CAMERA),
        ],
    )
    _ = await catalog.commit_sync(generation)
    ledger = Ledger.open(tmp_path)
    async with RawPeer() as camera:
        made = North(desk, raw, camera, stores, catalog, sharing, ledger)
        yield made
        await made.router.close()
        await made.notifier.close()
        await made.cascade.stop()
    await ledger.close()


async def test_a_catalogue_query_is_answered(north: North) -> None:
    assert await north.tell("Query", "Catalog", NODE) == 200
    listed = {item["DeviceID"] for page in north.raw.of("MESSAGE") for item in manscdp.items_of(page.text)}
    assert {NODE, PUBLISHED} <= listed and not {ONE, SECRET, HIDDEN} & listed


async def test_questions_about_ourselves_and_what_is_shown_are_answered(north: North) -> None:
    await north.tell("Query", "DeviceInfo", NODE)
    own = north.answer("DeviceInfo")
    assert element(own, "DeviceName") == "本级" and element(own, "Channel") == "1" and element(own, "Result") == "OK"
    north.raw.heard.clear()
    await north.tell("Query", "DeviceInfo", PUBLISHED)
    one = north.answer("DeviceInfo")
    assert (element(one, "DeviceName"), element(one, "Model"), element(one, "DeviceID")) == ("东门", "X", PUBLISHED)
    north.raw.heard.clear()
    await north.tell("Query", "DeviceStatus", PUBLISHED)
    status = north.answer("DeviceStatus")
    assert element(status, "Online") == "ONLINE" and element(status, "Status") == "OK"
    north.raw.heard.clear()
    await north.tell("Query", "DeviceStatus", NODE)
    assert element(north.answer("DeviceStatus"), "Online") == "ONLINE"


@pytest.mark.parametrize("command", ["DeviceInfo", "DeviceStatus"])
@pytest.mark.parametrize("device", [ONE, SECRET, HIDDEN, "34020000001319999999"])
async def test_what_is_not_shown_does_not_exist(north: North, command: str, device: str) -> None:
    await north.tell("Query", command, device)
    text = north.answer(command)
    assert element(text, "Result") == "ERROR" and "东门" not in text and "ONLINE" not in text


async def test_a_camera_that_is_off_is_said_to_be(north: North) -> None:
    _ = await north.catalog.set_peer_status(CAMERA, False)
    await north.tell("Query", "DeviceStatus", PUBLISHED)
    assert element(north.answer("DeviceStatus"), "Online") == "OFFLINE"


async def test_control_reaches_the_real_channel_and_the_ledger(north: North) -> None:
    assert await north.tell("Control", "DeviceControl", PUBLISHED, PTZ) == 200
    [heard] = north.camera.of("MESSAGE", "DeviceControl")
    assert element(heard.text, "DeviceID") == ONE and element(heard.text, "PTZCmd") == "A50F01021F0000D6"
    assert await north.entries() == [("ptz", "granted", ONE), ("ptz.ended", "ended", ONE)] and not north.grants.live()


@pytest.mark.parametrize("device", [ONE, SECRET, HIDDEN, "34020000001319999999"])
async def test_control_of_what_is_not_shown_goes_nowhere_but_into_the_ledger(north: North, device: str) -> None:
    assert await north.tell("Control", "DeviceControl", device, PTZ) == 200
    assert north.camera.heard == [] and await north.entries() == [("ptz", "refused", device)]
    [row] = await north.ledger.entries(LedgerQuery())
    assert row.entry.peer_id == (CAMERA if device in (ONE, SECRET, HIDDEN) else "")


async def test_control_the_rule_does_not_allow_goes_nowhere(north: North, stores: Stores) -> None:
    await stores.rules.update("r", actions=("live",))
    north.cascade._stir(UPPER)
    await north.tell("Control", "DeviceControl", PUBLISHED, PTZ)
    assert north.camera.heard == [] and await north.entries() == [("ptz", "refused", ONE)]


async def test_control_a_camera_does_not_take_leaves_no_open_grant(north: North) -> None:
    north.camera.answer = lambda request: 403
    await north.tell("Control", "DeviceControl", PUBLISHED, PTZ)
    assert not north.grants.live() and len(await north.entries()) == 2


async def test_a_key_frame_is_asked_for_only_while_the_stream_runs(north: North) -> None:
    wish = "<IFameCmd>Send</IFameCmd>"
    await north.tell("Control", "DeviceControl", PUBLISHED, wish)
    await north.tell("Control", "DeviceControl", ONE, wish)
    assert north.camera.heard == []
    north.live.running.add(StreamKey(CAMERA, ONE))
    await north.tell("Control", "DeviceControl", PUBLISHED, wish)
    assert len(north.camera.of("MESSAGE", "DeviceControl")) == 1


async def test_controls_that_are_not_passed_on_are_answered_error_where_an_answer_is_waited_for(north: North) -> None:
    await north.tell("Control", "DeviceControl", PUBLISHED, "<GuardCmd>SetGuard</GuardCmd>")
    assert element(north.answer("DeviceControl"), "Result") == "ERROR"
    north.raw.heard.clear()
    assert await north.tell("Query", "PresetQuery", PUBLISHED) == 200
    assert north.raw.heard == []


async def test_answers_that_cannot_be_delivered_hurt_nobody(north: North) -> None:
    north.raw.answer = lambda request: 500
    assert await north.tell("Query", "DeviceInfo", NODE) == 200
    north.raw.answer = lambda request: None
    assert await north.tell("Query", "DeviceInfo", NODE) == 200
    north.upper = None
    assert await north.tell("Query", "DeviceInfo", NODE) == 200
    assert north.router.counters.get("internal") is None


async def test_a_subscription_is_taken(north: North) -> None:
    data = request_bytes(
        "SUBSCRIBE", NODE, sender=UPPER, body=xml("Query", "Catalog"),
        lines=["Event: Catalog", "Expires: 600", f"Contact: <sip:{UPPER}@127.0.0.1:{north.raw.port.port}>"],
    )  # fmt: skip
    assert (await north.raw.ask(north.desk.port, data)).status == 200
    await north.raw.wait_for("NOTIFY")


async def test_an_invite_for_a_published_channel_is_granted_and_passed_on_with_the_real_one(north: North) -> None:
    assert (await north.invite()).status == 486
    [asked] = north.live.asked
    assert asked.key == StreamKey(CAMERA, ONE) and asked.published_code == PUBLISHED and asked.local_id == NODE
    assert asked.upper_id == UPPER and asked.keep_ssrc and asked.offer is not None and asked.offer.port == 30000
    [grant] = north.grants.live()
    assert asked.grant is grant and await north.entries() == [("live", "granted", ONE)]


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        (NODE, [f"Subject: {PUBLISHED}:0100000001,{UPPER}:0"]),
        (PUBLISHED, ["Subject: nonsense"]),
    ],
)
async def test_the_channel_may_be_named_in_the_subject_alone(north: North, target: str, lines: list[str]) -> None:
    assert (await north.invite(target, *lines)).status == 486
    assert north.live.asked[0].key == StreamKey(CAMERA, ONE)


@pytest.mark.parametrize("target", [NODE, "34020000001319999999"])
async def test_an_invite_for_what_exists_nowhere_is_answered_404_and_entered(north: North, target: str) -> None:
    answer = await north.invite(target)
    assert answer.start == "SIP/2.0 404 Unknown Channel" and north.live.asked == []
    assert await north.entries() == [("live", "refused", target)]


REGION, GROUP, ORG, RECORDER, ALARM, PART = (
    "340299", "34020000002150000001", "34020000002160000001", "34020000001180000001", "34020000001340000001",
    "34020000001110000002",
)  # fmt: skip


async def show_much(north: North) -> None:
    """One object of each kind is listed and shown; PART is a channel of the recorder under a device's type."""
    listed = [
        Item(code=REGION, peer_id=CAMERA, name="区"),
        Item(code=GROUP, peer_id=CAMERA, name="业务分组"),
        Item(code=ORG, peer_id=CAMERA, name="虚拟组织", business_group_id=GROUP),
        Item(code=RECORDER, peer_id=CAMERA, name="NVR"),
        Item(code=PART, peer_id=CAMERA, name="通道", parent_ids=(RECORDER,)),
        Item(code=ALARM, peer_id=CAMERA, name="报警", parent_ids=(RECORDER,)),
        Item(code=ONE, peer_id=CAMERA, name="东门"),
    ]
    generation = await north.catalog.begin_sync(CAMERA)
    await north.catalog.stage(generation, listed)
    await north.catalog.commit_sync(generation)
    shared = await north.cascade.shared(UPPER)
    assert {REGION, GROUP, ORG, RECORDER, ALARM, PART} <= set(shared.items)


@pytest.mark.parametrize("target", [REGION, GROUP, ORG, RECORDER, ALARM])
async def test_an_invite_for_what_is_shown_and_is_no_camera_is_answered_404_without_asking_anybody(
    north: North, target: str
) -> None:
    await show_much(north)
    assert (await north.invite(target)).start == "SIP/2.0 404 Unknown Channel"
    assert north.live.asked == [] and north.camera.heard == []
    refused = [("live", "refused", target)]
    assert await north.entries() in (refused, [("live", "granted", target), ("live.ended", "ended", target)])


async def test_a_channel_with_the_type_of_a_device_is_a_camera(north: North) -> None:
    await show_much(north)
    assert (await north.invite(PART)).status == 486 and north.live.asked[0].key == StreamKey(CAMERA, PART)


async def test_a_camera_named_in_the_subject_wins_over_a_group_named_before_it(north: North) -> None:
    await show_much(north)
    assert (await north.invite(GROUP, f"Subject: {PUBLISHED}:0100000001,{UPPER}:0")).status == 486
    assert north.live.asked[0].key == StreamKey(CAMERA, ONE)


@pytest.mark.parametrize(("target", "clause"), [(ONE, "SHARE"), (HIDDEN, "SHARE"), (SECRET, "N8")])
async def test_an_invite_for_what_exists_and_is_not_shared_is_answered_403_and_entered_with_the_channel(
    north: North, target: str, clause: str
) -> None:
    north.secret.add(StreamKey(CAMERA, SECRET))
    answer = await north.invite(target)
    assert answer.start == "SIP/2.0 403 Forbidden" and north.live.asked == []
    [row] = await north.ledger.entries(LedgerQuery())
    entry = row.entry
    assert (entry.result, entry.peer_id, entry.code, entry.clause) == ("refused", CAMERA, target, clause)
    assert (entry.actor_kind, entry.actor_id) == ("upper", UPPER)


async def test_a_channel_taken_out_of_the_rule_is_refused_under_the_code_it_was_shown_by(
    north: North, stores: Stores
) -> None:
    await north.cascade.shared(UPPER)
    await stores.rules.update("r", exclude=(HIDDEN, ONE))
    north.cascade._stir(UPPER)
    assert (await north.invite()).status == 403
    assert await north.entries() == [("live", "refused", ONE)]


async def test_a_refused_channel_is_found_in_the_subject_too(north: North) -> None:
    assert (await north.invite(NODE, f"Subject: {HIDDEN}:0100000001,{UPPER}:0")).status == 403
    assert await north.entries() == [("live", "refused", HIDDEN)]


async def test_a_channel_that_became_secret_is_refused(north: North) -> None:
    north.secret.add(StreamKey(CAMERA, ONE))
    assert (await north.invite()).status == 403
    assert north.live.asked == [] and await north.entries() == [("live", "refused", ONE)]


async def test_live_view_the_rule_does_not_allow_is_refused(north: North, stores: Stores) -> None:
    await stores.rules.update("r", actions=("query",))
    north.cascade._stir(UPPER)
    assert (await north.invite()).status == 403 and north.live.asked == []


@pytest.mark.parametrize(("session", "action"), [("Playback", "playback"), ("Download", "download")])
async def test_recordings_are_refused_and_entered(north: North, stores: Stores, session: str, action: str) -> None:
    assert (await north.invite(session=session)).start == "SIP/2.0 403 Forbidden"
    assert await north.entries() == [(action, "refused", ONE)]
    # Where the rule allows them they are not acceptable: only live streams are relayed.
    await stores.rules.update("r", actions=(action,))
    north.cascade._stir(UPPER)
    assert (await north.invite(session=session)).status == 488 and north.live.asked == []
    assert not north.grants.live() and (f"{action}.ended", "ended", ONE) in await north.entries()


async def test_an_invite_without_an_offer_is_passed_on_as_such(north: North, stores: Stores) -> None:
    await stores.uppers.update(UPPER, media_transport="tcp_passive")
    data = request_bytes("INVITE", PUBLISHED, sender=UPPER, lines=["Contact: <sip:u@127.0.0.1>"])
    assert (await north.raw.ask(north.desk.port, data)).status == 486
    [asked] = north.live.asked
    assert asked.offer is None and asked.transport == "tcp_passive" and asked.media_hosts is None
    [row] = await north.ledger.entries(LedgerQuery())
    assert row.entry.destination == UPPER


async def test_media_goes_only_to_addresses_of_the_platform_where_that_is_wanted(north: North, stores: Stores) -> None:
    await stores.uppers.update(UPPER, tolerances=(), source_addresses=("192.0.2.40",))
    await north.invite()
    [asked] = north.live.asked
    assert asked.media_hosts == {"127.0.0.1", "192.0.2.40"}
    assert asked.offer is not None and asked.destination(asked.offer) == ("127.0.0.1", 30000)


@pytest.mark.parametrize(
    ("path", "peer"),
    [(f"{NODE}-{OTHER}", OTHER), (f"{NODE}-{CAMERA}", CAMERA), (f"{NODE}-{UPPER}", CAMERA), (OTHER, CAMERA)],
)
async def test_of_a_camera_reached_over_several_platforms_the_preferred_path_picks_one(
    north: North, path: str, peer: str
) -> None:
    generation = await north.catalog.begin_sync(OTHER)
    await north.catalog.stage(generation, [Item(code=ONE, peer_id=OTHER)])
    await north.catalog.commit_sync(generation)
    assert (await north.invite(PUBLISHED, f"X-PreferredPath: {path}")).status == 486
    [asked] = north.live.asked
    assert asked.key == StreamKey(peer, ONE) and asked.published_code == PUBLISHED
    [row] = await north.ledger.entries(LedgerQuery())
    assert (row.entry.peer_id, row.entry.code) == (peer, ONE)


@pytest.mark.parametrize(("path", "status"), [(f"{OTHER}-{NODE}", 482), ("nonsense", 400)])
async def test_a_preferred_path_that_leads_back_or_nowhere_is_refused(north: North, path: str, status: int) -> None:
    assert (await north.invite(PUBLISHED, f"X-PreferredPath: {path}")).status == status
    assert north.live.asked == [] and not north.grants.live()


async def test_a_channel_of_the_asking_platform_itself_is_a_loop(north: North, monkeypatch: pytest.MonkeyPatch) -> None:
    real = StreamKey(UPPER, ONE)
    shared = SimpleNamespace(
        real=lambda code: real,
        shows=lambda key: True,
        has_picture=lambda code: True,
        allows=lambda action: True,
    )

    async def echo(upper_id: str) -> Any:
        return shared

    monkeypatch.setattr(north.cascade, "shared", echo)
    assert (await north.invite()).status == 482 and north.live.asked == []
    assert not north.grants.live() and ("live.ended", "ended", ONE) in await north.entries()


async def test_an_invite_without_a_readable_offer_is_refused_with_where(north: North) -> None:
    data = request_bytes("INVITE", PUBLISHED, sender=UPPER, body=b"v=0\r\n", lines=["Contact: <sip:u@127.0.0.1>"])
    answer = await north.raw.ask(north.desk.port, data)
    assert answer.start == "SIP/2.0 488 Bad SDP m=: no medium" and await north.entries() == []


async def test_an_invite_that_may_go_no_further_is_answered_483(north: North) -> None:
    sdp = manscdp.sdp(UPPER, "127.0.0.1", 30000)
    data = request_bytes("INVITE", PUBLISHED, sender=UPPER, body=sdp).replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
    answer = await north.raw.ask(north.desk.port, data)
    assert answer.status == 483 and north.live.asked == []


@pytest.mark.parametrize("fault", [Failure(Reason.DEVICE_OFFLINE), RuntimeError("a bug")])
async def test_a_call_that_fails_closes_its_grant(north: North, fault: BaseException) -> None:
    north.live.raises = fault
    answer = await north.invite()
    assert answer.status == (480 if isinstance(fault, Failure) else 500)
    assert not north.grants.live()
    assert await north.entries() == [("live", "granted", ONE), ("live.ended", "ended", ONE)]
