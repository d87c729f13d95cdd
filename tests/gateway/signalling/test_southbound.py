"""What comes from below: registrations, answers, notifications, over a real stack and through the router."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from catalog.store import CatalogStore
from gateway.device_health.book import HealthBook
from gateway.signalling.bindings import Binding
from gateway.signalling.exchange import Exchange
from gateway.signalling.presence import Presence, WentOffline
from gateway.signalling.registrar import Account, Registrar
from gateway.signalling.requests import Party
from gateway.signalling.router import Router
from gateway.signalling.southbound import Southbound
from gateway.signalling.sync import CatalogueSync
from gateway.store.stores import Stores
from interop.wire import manscdp
from interop.wire.sipwire import Split, digest_fields
from sip.aio import Incoming
from sip.manscdp import AlarmNotify, DeviceInfoResponse
from tests.gateway.signalling.raw import (
    CAMERA,
    CHANNEL,
    NODE,
    Clock,
    Desk,
    RawPeer,
    digest,
    eventually,
    request_bytes,
    xml,
)


class South:
    """The southern side of a node, with nothing above it."""

    def __init__(self, desk: Desk, stores: Stores, catalog: CatalogStore, clock: Clock) -> None:
        self.enrolled: list[str] = []
        self.told: list[str] = []
        self.presence = Presence(
            stores.registrations,
            HealthBook(),
            on_online=self._online,
            on_offline=self._offline,
            clock=clock,
        )
        self.exchange = Exchange(desk.stack, Party(NODE))
        self.sync = CatalogueSync(self.exchange, catalog, lambda peer_id: None)
        registrar = Registrar(
            realm=NODE[:10],
            account_of={CAMERA: Account(CAMERA, "geheim")}.get,
            binding_of=self.presence.bindings.get,
        )
        self.side = Southbound(registrar, self.presence, self.exchange, self.sync, enrol=self._enrol, clock=clock)
        never: Any = None
        self.router = Router(self.side, never, never, self.presence.bindings, list, heard=self.presence.heard)
        desk.handler = self.router.on_request

    async def _enrol(self, peer_id: str) -> None:
        self.enrolled.append(peer_id)

    async def _online(self, binding: Binding) -> None:
        self.told.append(f"online {binding.peer_id}")

    async def _offline(self, news: WentOffline) -> None:
        self.told.append(f"offline {news.reason}")


@pytest.fixture
async def south(desk: Desk, stores: Stores, catalog: CatalogStore, clock: Clock) -> AsyncIterator[South]:
    made = South(desk, stores, catalog, clock)
    yield made
    await made.router.close()
    await made.sync.stop()


async def register(desk: Desk, raw: RawPeer, expires: int = 3600, password: str = "geheim") -> Split:
    to, line = f"<sip:{CAMERA}@{NODE[:10]}>", f"Expires: {expires}"
    first = await raw.ask(desk.port, request_bytes("REGISTER", to=to, lines=[line]))
    credentials = digest(digest_fields(first.need("www-authenticate")), user=CAMERA, password=password)
    return await raw.ask(desk.port, request_bytes("REGISTER", to=to, lines=[line, credentials], cseq=2))


async def test_a_device_registers_is_trusted_from_its_address_and_unregisters(
    south: South, desk: Desk, raw: RawPeer, clock: Clock
) -> None:
    answer = await register(desk, raw)
    assert answer.status == 200 and answer.need("expires") == "3600" and answer.need("date")
    assert south.told == [f"online {CAMERA}"] and south.enrolled == [CAMERA]
    clock.now += 50
    body = xml("Notify", "Keepalive", "<Status>OK</Status>", device=CAMERA)
    assert (await raw.ask(desk.port, request_bytes("MESSAGE", body=body))).status == 200
    found = south.presence.bindings.get(CAMERA)
    assert found is not None and found.last_seen == clock.now and south.side.counters == {"keepalive": 1}
    assert (await register(desk, raw, 0)).need("expires") == "0"
    assert south.told[-1] == "offline unregistered by itself"
    assert (await raw.ask(desk.port, request_bytes("MESSAGE", body=body))).status == 403


async def test_a_late_unregistration_from_an_old_address_leaves_the_new_registration(
    south: South, desk: Desk, raw: RawPeer
) -> None:
    """A device that moved to another address; what its old one still says is not about the new one."""
    to, contact = f"<sip:{CAMERA}@{NODE[:10]}>", "Contact: <sip:{}@{}:{}>"

    async def say(peer: RawPeer, expires: int, call_id: str, cseq: int, contact: str) -> Split:
        lines = [f"Expires: {expires}", contact]
        first = await peer.ask(desk.port, request_bytes("REGISTER", to=to, lines=lines, call_id=call_id, cseq=cseq))
        lines.append(digest(digest_fields(first.need("www-authenticate")), user=CAMERA, password="geheim"))
        return await peer.ask(desk.port, request_bytes("REGISTER", to=to, lines=lines, call_id=call_id, cseq=cseq + 1))

    async with RawPeer() as moved:
        old, new = contact.format(CAMERA, *raw.address), contact.format(CAMERA, *moved.address)
        await say(raw, 3600, "first", 1, old)
        await say(moved, 3600, "second", 1, new)
        assert south.told[-1] == f"online {CAMERA}"
        for late in (old, "Contact: *"):
            answer = await say(raw, 0, "first", 3, late)
            assert answer.status == 200 and new[9:] in answer.need("contact")
        found = south.presence.bindings.get(CAMERA)
        assert found is not None and found.source.port == moved.port.port
        assert south.told[-1] == f"online {CAMERA}"
        assert (await say(moved, 0, "second", 3, new)).need("expires") == "0"
        assert south.told[-1] == "offline unregistered by itself"


async def test_the_first_keepalive_may_leave_right_behind_the_200(south: South, desk: Desk, raw: RawPeer) -> None:
    to = f"<sip:{CAMERA}@{NODE[:10]}>"
    first = await raw.ask(desk.port, request_bytes("REGISTER", to=to))
    credentials = digest(digest_fields(first.need("www-authenticate")), user=CAMERA, password="geheim")
    keepalive = request_bytes("MESSAGE", body=xml("Notify", "Keepalive", "<Status>OK</Status>", device=CAMERA))
    raw.say(desk.port, request_bytes("REGISTER", to=to, lines=[credentials], cseq=2))
    await raw.port.ask(keepalive, _path(desk))
    assert south.router.counters.get("stranger") is None


def _path(desk: Desk) -> Any:
    from interop.wire.sipwire import Path

    return Path("UDP", "127.0.0.1", desk.port)


async def test_a_refused_registration_is_logged_with_peer_and_reason(south: South, desk: Desk, raw: RawPeer) -> None:
    with capture_logs() as logs:
        assert (await register(desk, raw, password="wrong")).status == 401
        assert (await register(desk, raw, password="wrong")).status == 403
    refused = [one for one in logs if one["event"] == "registration refused"]
    assert {one["reason"] for one in refused} == {"Wrong id or password"} and len(refused) == 2
    assert refused[0]["peer"] == CAMERA and str(raw.port.port) in refused[0]["source"]
    assert "wrong" not in str(refused[0]["peer"]) and len(south.presence.bindings) == 0


async def test_a_flood_of_wrong_passwords_is_stopped_and_the_neighbour_does_not_notice(
    south: South, desk: Desk, raw: RawPeer
) -> None:
    async with RawPeer("127.0.0.9") as attacker:
        asked = await attacker.ask(desk.port, request_bytes("REGISTER", to=f"<sip:{CAMERA}@{NODE[:10]}>"))
        challenge = digest_fields(asked.need("www-authenticate"))
        reasons = []
        for n in range(25):
            line = digest(challenge, user=CAMERA, password=f"guess{n}")
            data = request_bytes("REGISTER", to=f"<sip:{CAMERA}@{NODE[:10]}>", lines=[line])
            reasons.append((await attacker.ask(desk.port, data)).start)
    assert reasons[0] == "SIP/2.0 401 Unauthorized" and reasons[1] == "SIP/2.0 403 Wrong id or password"
    assert set(reasons[10:]) == {"SIP/2.0 403 Too many wrong passwords from this address"}
    assert (await register(desk, raw)).status == 200


async def test_answers_reach_their_question_and_others_are_counted(south: South, desk: Desk, raw: RawPeer) -> None:
    await register(desk, raw)
    async with south.exchange.question(CAMERA, "DeviceInfo") as question:
        body = xml("Response", "DeviceInfo", "<Result>OK</Result>", sn=question.sn, device=CAMERA)
        assert (await raw.ask(desk.port, request_bytes("MESSAGE", body=body))).status == 200
        answer = await question.answers.get()
        assert isinstance(answer, DeviceInfoResponse)
    assert (await raw.ask(desk.port, request_bytes("MESSAGE", body=body))).status == 200
    await eventually(lambda: south.side.counters.get("unasked") == 1)


LISTED = manscdp.device_list([f"<Item><DeviceID>{CHANNEL}</DeviceID><Event>ADD</Event><Name>门</Name></Item>"], 1)


@pytest.mark.parametrize("method", ["MESSAGE", "NOTIFY"])
async def test_changes_are_applied_however_they_are_told(
    south: South, desk: Desk, raw: RawPeer, catalog: CatalogStore, method: str
) -> None:
    await register(desk, raw)
    data = request_bytes(method, body=xml("Notify", "Catalog", LISTED, device=CAMERA))
    assert (await raw.ask(desk.port, data)).status == 200
    await eventually(lambda: not south.router._tasks)
    stored = await catalog.get(CAMERA, CHANNEL)
    assert stored is not None and stored.item.name == "门"


async def test_a_change_under_the_root_response_is_understood(
    south: South, desk: Desk, raw: RawPeer, catalog: CatalogStore
) -> None:
    await register(desk, raw)
    listed = LISTED.replace("<Event>ADD</Event>", "")
    assert (await raw.ask(desk.port, request_bytes("NOTIFY", body=xml("Response", "Catalog", listed)))).status == 200
    await eventually(lambda: not south.router._tasks)
    assert await catalog.get(CAMERA, CHANNEL) is not None


async def test_an_event_nobody_knows_is_counted(south: South, desk: Desk, raw: RawPeer) -> None:
    await register(desk, raw)
    body = xml("Notify", "Weather", "<Rain>yes</Rain>", device=CAMERA)
    assert (await raw.ask(desk.port, request_bytes("NOTIFY", body=body))).status == 200
    await eventually(lambda: south.side.counters.get("unknown_event") == 1)


async def test_a_forged_register_without_the_password_changes_nothing(south: South, desk: Desk, raw: RawPeer) -> None:
    await register(desk, raw)
    before = south.presence.bindings.get(CAMERA)
    async with RawPeer() as stranger:
        for line in ("Expires: 0", "Expires: 3600"):
            data = request_bytes("REGISTER", to=f"<sip:{CAMERA}@{NODE[:10]}>", lines=[line])
            assert (await stranger.ask(desk.port, data)).status == 401
    assert south.presence.bindings.get(CAMERA) == before and south.told == [f"online {CAMERA}"]
    assert isinstance(desk.heard[0], Incoming)


@pytest.mark.parametrize("method", ["MESSAGE", "NOTIFY"])
async def test_an_alarm_is_handed_on_however_it_is_told(south: South, desk: Desk, raw: RawPeer, method: str) -> None:
    await register(desk, raw)
    inner = "<AlarmPriority>1</AlarmPriority><AlarmMethod>5</AlarmMethod><AlarmTime>2026-01-02T03:04:05</AlarmTime>"
    data = request_bytes(method, body=xml("Notify", "Alarm", inner, device=CHANNEL))
    assert (await raw.ask(desk.port, data)).status == 200
    heard: list[tuple[str, str]] = []

    async def alarmed(peer_id: str, message: AlarmNotify) -> None:
        heard.append((peer_id, message.device_id))

    south.side.alarmed = alarmed
    data = request_bytes(method, body=xml("Notify", "Alarm", inner, device=CHANNEL))
    assert (await raw.ask(desk.port, data)).status == 200
    await eventually(lambda: heard == [(CAMERA, CHANNEL)] and south.side.counters["alarm"] == 2)
