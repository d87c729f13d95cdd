"""The health of a device over the API: a real node, a camera below it made of bytes, an upper platform above it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.store.devices import Device
from interop.wire import sipwire
from interop.wire.device import Deviations
from interop.wire.sipwire import WireRefused
from sip.gbdate import format_date
from tests.gateway.signalling.raw import RawPeer, request_bytes, xml
from tests.stand.node import NODE_ID
from tests.stand.street import CHANNEL, DEVICE_ID, SECOND, UPPER_ID, Api, Street, running_street, settings, until

URL = f"/api/v1/devices/{DEVICE_ID}"


async def health(api: Api) -> dict[str, Any]:
    status, body = await api.call("GET", f"{URL}/health")
    assert status == 200, body
    return dict(body)


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    made = settings(tmp_path, registrar={"flaps_allowed": 2, "settle_seconds": 3600})
    async with running_street(made) as started:
        yield started


async def test_a_device_that_was_never_heard_has_a_health_too(street: Street) -> None:
    async with street.api() as api:
        await api.call("POST", "/api/v1/devices", {"id": "34020000001110000009"})
        status, body = await api.call("GET", "/api/v1/devices/34020000001110000009/health")
        assert status == 200 and body["state"] == "offline" and body["since"] is None and body["contacts"] == []
        assert body["keepalive"]["learned_seconds"] is None and body["keepalive"]["offline_after_seconds"] == 185
        assert (await api.call("GET", "/api/v1/devices/34020000001110000008/health"))[0] == 404
        listed = (await api.call("GET", "/api/v1/devices/34020000001110000009"))[1]
        assert (listed["state"], listed["last_contact"], listed["offline_reason"]) == ("offline", None, None)


async def test_every_valid_message_of_the_device_is_a_contact_and_a_forged_one_is_none(street: Street) -> None:
    async with street.api() as api:
        await street.device.keepalive()
        before = await health(api)
        here = f"127.0.0.1:{street.device.port.port}"
        kinds = {one["kind"] for one in before["contacts"]}
        assert before["contacts"][0]["kind"] == "MESSAGE Keepalive" and "MESSAGE Catalog" in kinds
        assert "200 to MESSAGE" in kinds  # its answer to our catalogue query
        assert {(one["source"], one["transport"]) for one in before["contacts"]} == {(here, "UDP")}
        assert before["state"] == "online" and before["last_contact"] == before["contacts"][0]["at"]
        assert abs(before["last_contact"] - time.time()) < 60 and before["offline"] == []
        port = street.node.sip_port
        async with RawPeer() as stranger:
            body = xml("Notify", "Keepalive", "<Status>OK</Status>", device=DEVICE_ID)
            forged = request_bytes("MESSAGE", sender=DEVICE_ID, body=body, lines=["Date: 2001-01-01T00:00:00"])
            assert (await stranger.ask(port, forged)).status == 403
            assert (await stranger.ask(port, request_bytes("REGISTER", sender=DEVICE_ID))).status == 401
        assert (await health(api))["contacts"] == before["contacts"]
        media = before["media"]
        assert (media["configured"], media["transport"], media["behind_nat"]) == ("udp", "udp", False)
        assert (await health(api))["clock"] == {"offset_seconds": None, "far_off": False}


async def test_a_clock_that_is_hours_off_is_named_and_the_device_is_served(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = sipwire.build

    def dated(start: str, head: list[str], body: bytes = b"") -> bytes:
        return build(start, [*head, f"Date: {format_date(time.time() - 7200)}"], body)

    monkeypatch.setattr(sipwire, "build", dated)
    assert (await street.device.keepalive()).status == 200
    monkeypatch.undo()
    async with street.api() as api:
        shown = await health(api)
        assert shown["clock"]["far_off"] and abs(shown["clock"]["offset_seconds"] + 7200) < 60
        assert shown["state"] == "online"


async def test_the_reason_of_every_time_offline_is_kept_over_a_restart_of_the_store(street: Street) -> None:
    async with street.api() as api:
        await street.device.unregister()
        await until(lambda: street.node.presence.bindings.get(DEVICE_ID) is None)
        listed = (await api.call("GET", URL))[1]
        assert (listed["state"], listed["offline_reason"]) == ("offline", "unregistered by itself")
        assert listed["offline_reason_zh"] == "设备主动注销" and not listed["online"]
        await street.device.register()
        await api.call("PATCH", URL, {"enabled": False})
        await until(lambda: street.node.presence.bindings.get(DEVICE_ID) is None)
        reasons = [one["reason"] for one in (await health(api))["offline"]]
        assert reasons == ["disabled", "unregistered"]
        assert [why.reason.value for _, why in await street.node.stores.offline.last_of_all()] == ["disabled"]


async def test_a_device_that_comes_and_goes_is_one_off_upward_and_on_again_when_it_stayed(street: Street) -> None:
    subscription = await street.upper.subscribe_catalog(NODE_ID)
    shown_above = street.node.cascade._shown[UPPER_ID]
    await until(lambda: shown_above.told is not None and CHANNEL in shown_above.told.items)
    async with street.api() as api:
        for _ in range(8):
            await street.device.unregister()
            await street.device.register()
        shown = await health(api)
        assert shown["state"] == "unstable" and shown["flaps"]["count"] == 3 and shown["flaps"]["settles_at"]
        assert shown["offline_reason"] == "unregistered by itself"
        assert (await api.call("GET", URL))[1]["state"] == "unstable"
        assert not street.node.stores.registrations.get(DEVICE_ID).settled  # type: ignore[union-attr]
        await subscription.wait_event(CHANNEL, "OFF")
        await street.device.keepalive()
        assert (await health(api))["state"] == "unstable"  # heard, but it has not stayed

        def told() -> list[str]:
            return [event for code, event in subscription.events if code == CHANNEL and event in ("ON", "OFF")]

        await until(lambda: told()[-1] == "OFF")
        before = len(told())
        street.node.health.flap = replace(street.node.health.flap, settle_s=0.0)
        await street.device.keepalive()
        await until(lambda: "ON" in told()[before:])
        assert told().count("OFF") <= 3 and told().count("ON") <= 3
        await until(lambda: street.node.presence.standing(DEVICE_ID) == "online")
        assert (await health(api))["flaps"]["settles_at"] is None


async def test_a_connection_that_breaks_is_told_with_its_reason(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path), transport="TCP") as street, street.api() as api:
        writer = street.device.path.writer
        assert writer is not None
        writer.close()
        await until(lambda: street.node.presence.bindings.get(DEVICE_ID) is None)
        [offline] = (await health(api))["offline"]
        assert offline["reason"] == "connection_closed"
        assert offline["message"].startswith("TCP connection closed: ") and not offline["message"].endswith("?")


async def test_the_sessions_of_a_device_are_learned_and_the_next_viewer_is_told_at_once(tmp_path: Path) -> None:
    made = settings(tmp_path)
    async with running_street(made, deviations=Deviations(max_calls=1)) as street, street.api() as api:
        first = await street.upper.play(CHANNEL)
        await first.first_key()
        with pytest.raises(WireRefused) as caught:
            await street.upper.play(SECOND)
        assert caught.value.split.start == "SIP/2.0 486 Rejected By Device (486)"
        sessions = (await health(api))["sessions"]
        assert (sessions["running"], sessions["limit"], sessions["limit_by"]) == (1, 1, "learned")
        assert sessions["expires_at"] == pytest.approx(sessions["learned_at"] + 86_400)
        asked = sum(one.method == "INVITE" for one in street.device.port.received)
        with pytest.raises(WireRefused) as caught:
            await street.upper.play(SECOND)
        assert caught.value.split.start == "SIP/2.0 486 Device Sessions Used"
        assert sum(one.method == "INVITE" for one in street.device.port.received) == asked
        assert (await street.end()).detail["reason"] == "device_sessions_used"
        await (await street.upper.play(CHANNEL)).first_key()  # the running one is for everybody


async def test_the_limit_set_by_hand_wins(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street, street.api() as api:
        assert (await api.call("PATCH", URL, {"max_sessions": 1}))[1]["max_sessions"] == 1
        assert (await api.call("PATCH", URL, {"max_sessions": 0}))[0] == 400
        first = await street.upper.play(CHANNEL)
        await first.first_key()
        with pytest.raises(WireRefused) as caught:
            await street.upper.play(SECOND)
        assert caught.value.split.start == "SIP/2.0 486 Device Sessions Used"
        sessions = (await health(api))["sessions"]
        assert (sessions["limit"], sessions["limit_by"], sessions["learned_at"]) == (1, "manual", None)
        # A stream nobody watches any more makes room at once, however long it lingers.
        await first.bye()
        await street.lingers()
        await (await street.upper.play(SECOND)).first_key()
        await api.call("PATCH", URL, {"max_sessions": None})
        await (await street.upper.play(CHANNEL)).first_key()
        assert (await health(api))["sessions"]["limit"] is None


async def test_a_viewer_may_not_see_it(street: Street) -> None:
    async with street.api("ding", "viewer") as api:
        assert (await api.call("GET", f"{URL}/health"))[0] == 403


async def test_an_rtsp_camera_is_as_it_answers(street: Street) -> None:
    camera = "34020000001320000077"
    await street.node.stores.devices.create(Device(camera, kind="rtsp", url="rtsp://127.0.0.1:9/1", channel_id=camera))
    street.node.rtsp.sources.seen(camera, None)
    async with street.api() as api:
        shown = (await api.call("GET", f"/api/v1/devices/{camera}/health"))[1]
        assert (shown["state"], shown["contacts"], shown["since"]) == ("online", [], None)
