"""A camera over a real socket, asked in raw SOAP."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from interop.onvif import DiscoverySettings, OnvifCamera, VideoSource
from interop.onvif.camera import MOST_BYTES
from interop.onvif.head import Position
from interop.onvif.settings import PRE_AUTH, CameraSettings
from tests.interop.onvif.conftest import (
    FIXED,
    PICTURE,
    SETTINGS,
    Found,
    Hands,
    Visitor,
    enveloped,
    security,
    visiting,
)
from tests.stand.onvif_schemas import body_of

SCOPES = "<tds:GetScopes/>"
CLOCK = "<tds:GetSystemDateAndTime/>"
MOVE = (
    "<tptz:ContinuousMove><tptz:ProfileToken>main</tptz:ProfileToken><tptz:Velocity><tt:PanTilt x='0.5' y='0'/>"
    "</tptz:Velocity><tptz:Timeout>PT2S</tptz:Timeout></tptz:ContinuousMove>"
)
SUBCODES = ".//env:Subcode/env:Value"


async def test_it_serves_whoever_knows_the_password_and_tells_what_it_was_asked() -> None:
    told: list[str] = []
    async with visiting(on_received=lambda received: told.append(received.operation)) as visitor:
        camera = visitor.camera
        waiting = asyncio.ensure_future(camera.wait_for("ContinuousMove"))
        assert (await visitor.ask(MOVE, path="/onvif/ptz_service"))[0] == 200
        received = await waiting
        assert (received.service, received.token, received.pan, received.timeout_s) == ("ptz", "main", 0.5, 2.0)
        assert told == [one.operation for one in camera.received] == ["ContinuousMove"]
        camera.forget_received()
        assert camera.received == []


async def test_a_head_moves_as_the_clock_goes(hands: Hands) -> None:
    async with visiting(monotonic=lambda: hands.now) as visitor:
        await visitor.ask(MOVE)
        hands.go(1.0)
        assert visitor.camera.position() == Position(0.25, 0.0, 0.0)
        assert visitor.camera.position("lens_2") == Position(0.0, 0.0, 0.0)


async def test_its_clock_is_open_to_all_and_nothing_else_is() -> None:
    async with visiting() as visitor:
        assert (await visitor.ask(CLOCK, header=""))[0] == 200
        status, fault = await visitor.ask(SCOPES, header="")
        assert (status, fault.all(SUBCODES)) == (400, ["ter:NotAuthorized"])
        await visitor.ask(SCOPES, header=security("admin", "wrong", datetime.now(UTC)))
        assert (visitor.camera.refused, len(visitor.camera.received)) == (2, 1)


async def test_how_much_is_open_to_all_is_a_setting() -> None:
    services = "<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>"
    for opened, statuses in ((PRE_AUTH, [200, 200]), (frozenset[str](), [400, 400])):
        async with visiting(replace(SETTINGS, open_operations=opened)) as visitor:
            assert [(await visitor.ask(body, header=""))[0] for body in (CLOCK, services)] == statuses
            assert (await visitor.ask("<trt:GetServiceCapabilities/>", header=""))[0] == 400


async def test_a_camera_two_years_off_wants_its_own_time() -> None:
    settings = replace(SETTINGS, clock_offset_s=-730 * 86400.0, strict_clock=True)
    async with visiting(settings) as visitor:
        assert (await visitor.ask(SCOPES))[0] == 400
        then = datetime.now(UTC) - timedelta(days=730)
        assert (await visitor.ask(SCOPES, header=security("admin", "pw-0815", then)))[0] == 200


async def test_a_camera_without_a_user_lets_everybody_in() -> None:
    async with visiting(CameraSettings(username="", sources=(FIXED,), snapshot=PICTURE)) as visitor:
        assert (await visitor.ask(SCOPES, header=""))[0] == 200
        async with visitor.session.get(visitor.camera.address + "/onvif/snapshot/thermal") as response:
            assert await response.read() == PICTURE


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_a_camera_may_want_http_digest(algorithm: str) -> None:
    async with visiting(replace(SETTINGS, http_digest=True, digest_algorithm=algorithm)) as visitor:
        assert (await visitor.post(enveloped(CLOCK)))[0] == 200
        status, content = await visitor.post(enveloped(SCOPES, security("admin", "pw-0815", datetime.now(UTC))))
        assert (status, Found(body_of(content)).all(SUBCODES)) == (401, ["ter:NotAuthorized"])
        for password, status in (("pw-0815", 200), ("wrong", 401)):
            login = aiohttp.DigestAuthMiddleware("admin", password)
            address = visitor.camera.address + "/onvif/device_service"
            async with visitor.session.post(address, data=enveloped(SCOPES), middlewares=(login,)) as response:
                assert response.status == status


@pytest.mark.parametrize(
    ("body", "status", "subcode"),
    [
        ("<tds:SystemReboot/>", 500, "ter:ActionNotSupported"),
        ("<timg:GetPresets/>", 500, "ter:ActionNotSupported"),
        ("<wsa:Any/>", 400, "ter:Namespace"),
        ("<unknown/>", 400, "ter:Namespace"),
        (
            "<tds:GetServices><tds:IncludeCapability>so</tds:IncludeCapability></tds:GetServices>",
            400,
            "ter:InvalidArgs",
        ),
    ],
)
async def test_what_it_cannot_do_is_a_fault(body: str, status: int, subcode: str) -> None:
    async with visiting() as visitor:
        answered, fault = await visitor.ask(body)
        assert (answered, fault.all(SUBCODES)) == (status, [subcode])


async def test_a_camera_has_only_the_services_it_is_set_to_have() -> None:
    async with visiting(CameraSettings(password="pw-0815", sources=(FIXED,), events=False, media2=False)) as visitor:
        for body in ("<tptz:GetNodes/>", "<tr2:GetProfiles/>", "<tev:GetEventProperties/>", "<timg:GetOptions/>"):
            assert (await visitor.ask(body))[0] == 500
        assert (await visitor.ask("<trt:GetProfiles/>"))[0] == 200


async def test_rubbish_is_answered_and_survived() -> None:
    async with visiting() as visitor:
        for rubbish in (b"", b"\x00\xff", b"<!DOCTYPE a><a/>"):
            status, content = await visitor.post(rubbish)
            assert (status, Found(body_of(content)).all(SUBCODES)) == (400, ["ter:WellFormed"])
        assert (await visitor.post(b"x" * (MOST_BYTES + 1)))[0] == 413
        assert (await visitor.ask(CLOCK))[0] == 200


# -- misbehaviour


async def test_a_silent_operation_is_never_answered_but_heard() -> None:
    async with visiting(replace(SETTINGS, misbehaviour={"GetScopes": "silent"})) as visitor:
        asking = asyncio.ensure_future(visitor.ask(SCOPES))
        await visitor.camera.wait_for("GetScopes")
        assert (await visitor.ask(CLOCK))[0] == 200
        assert not asking.done()
        asking.cancel()


async def test_a_camera_that_stops_lets_go_of_those_it_kept_waiting() -> None:
    async with visiting(replace(SETTINGS, misbehaviour={"*": "silent"})) as visitor:
        header = security("admin", "pw-0815", datetime.now(UTC))
        asking = asyncio.ensure_future(visitor.post(enveloped(SCOPES, header)))
        await visitor.camera.wait_for("GetScopes")
        await visitor.camera.stop()
        assert (await asking)[0] == 503


async def test_slow_garbage_fault_and_back_to_good() -> None:
    async with visiting() as visitor:
        camera = visitor.camera
        camera.misbehave("GetScopes", "slow:0.01")
        assert (await visitor.ask(SCOPES))[0] == 200
        camera.misbehave("device:GetScopes", "fault:OperationProhibited")
        status, fault = await visitor.ask(SCOPES)
        assert (status, fault.all(SUBCODES)) == (400, ["ter:OperationProhibited"])
        camera.misbehave("device:GetScopes", "garbage")
        status, content = await visitor.post(enveloped(SCOPES, security("admin", "pw-0815", datetime.now(UTC))))
        assert status == 200
        assert b"\x00" in content
        camera.misbehave("device:GetScopes", None)
        assert (await visitor.ask(SCOPES))[0] == 200
        with pytest.raises(ValueError, match="no misbehaviour"):
            camera.misbehave("GetScopes", "loud")


async def test_an_oversized_answer_is_as_long_as_set() -> None:
    settings = replace(SETTINGS, misbehaviour={"GetScopes": "oversized"}, oversized_bytes=3 << 20)
    async with visiting(settings) as visitor:
        status, content = await visitor.post(enveloped(SCOPES, security("admin", "pw-0815", datetime.now(UTC))))
        assert (status, content.count(b"A" * 65536)) == (200, 48)
        assert content.endswith(b"</env:Envelope>")


# -- snapshot


async def _get(visitor: Visitor, path: str, *logins: aiohttp.DigestAuthMiddleware) -> tuple[int, bytes]:
    async with visitor.session.get(visitor.camera.address + path, middlewares=logins) as response:
        return response.status, await response.read()


async def test_a_snapshot_is_behind_digest() -> None:
    async with visiting() as visitor:
        login = aiohttp.DigestAuthMiddleware("admin", "pw-0815")
        assert (await _get(visitor, "/onvif/snapshot/main"))[0] == 401
        assert await _get(visitor, "/onvif/snapshot/main", login) == (200, PICTURE)
        assert (await _get(visitor, "/onvif/snapshot/none", login))[0] == 404
        assert (await visitor.camera.wait_for("snapshot")).token == "main"
        visitor.camera.state.snapshot = None
        assert (await _get(visitor, "/onvif/snapshot/main", login))[0] == 404


async def test_a_snapshot_may_be_behind_basic_or_open_and_misbehave() -> None:
    async with visiting(replace(SETTINGS, snapshot_auth="basic")) as visitor:
        address = visitor.camera.address + "/onvif/snapshot/main"
        async with visitor.session.get(address, headers={"Authorization": "Basic YWRtaW46cHctMDgxNQ=="}) as response:
            assert response.status == 200
        async with visitor.session.get(address) as response:
            assert response.headers["WWW-Authenticate"] == 'Basic realm="ONVIF"'
    settings = replace(SETTINGS, snapshot_auth="none", misbehaviour={"snapshot": "garbage"})
    async with visiting(settings) as visitor:
        assert b"\x00" in (await _get(visitor, "/onvif/snapshot/main"))[1]
        visitor.camera.misbehave("snapshot", "fault:Any")
        assert (await _get(visitor, "/onvif/snapshot/main"))[0] == 500


# -- events


async def test_motion_reaches_a_pull_point() -> None:
    async with visiting() as visitor:
        _, found = await visitor.ask("<tev:CreatePullPointSubscription/>")
        path = found.one("tev:SubscriptionReference/wsa:Address").removeprefix(visitor.camera.address)
        assert visitor.camera.subscriptions == 1
        inner = "<tev:Timeout>PT20S</tev:Timeout><tev:MessageLimit>10</tev:MessageLimit>"
        pull = f"<tev:PullMessages>{inner}</tev:PullMessages>"
        pulling = asyncio.ensure_future(visitor.ask(pull, path=path))
        await visitor.camera.wait_for("PullMessages")
        visitor.camera.motion(True)
        _, found = await pulling
        rule, alarm = "tns1:RuleEngine/CellMotionDetector/Motion", "tns1:VideoSource/MotionAlarm"
        assert found.all("//wsnt:Topic") == [rule, alarm]
        assert found.all("//tt:SimpleItem[@Name='IsMotion']/@Value") == ["true"]
        visitor.camera.raise_event("tns1:Device/Trigger/DigitalInput", {"InputToken": "1"}, {"LogicalState": "true"})
        _, found = await visitor.ask(pull, path=path)
        assert found.all("//tt:Source/tt:SimpleItem/@Value") == ["1"]
        await visitor.ask("<wsnt:Unsubscribe/>", path=path)
        assert visitor.camera.subscriptions == 0
        visitor.camera.motion(False, "lens_2")


# -- addresses and life


async def test_a_camera_behind_nat_names_its_inner_address() -> None:
    async with visiting(replace(SETTINGS, xaddr_host="192.168.1.64")) as visitor:
        outer = OnvifCamera(SETTINGS)
        body = enveloped("<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>",
                         security("admin", "pw-0815", datetime.now(UTC)))  # fmt: skip
        async with visitor.session.post(f"http://127.0.0.1:{visitor.camera.port}/", data=body) as response:
            found = Found(body_of(await response.read()))
        assert found.all("//tds:XAddr")[0] == f"http://192.168.1.64:{visitor.camera.port}/onvif/device_service"
        assert (outer.address, outer.discovery_port) == ("http://127.0.0.1:0", 0)


async def test_a_camera_that_restarts_is_where_it_was_and_has_forgotten_subscriptions() -> None:
    async with visiting(discovery=DiscoverySettings(port=0, group="")) as visitor:
        camera = visitor.camera
        before = camera.address, camera.discovery_port
        await visitor.ask("<tev:CreatePullPointSubscription/>")
        await visitor.ask(MOVE)
        await camera.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await visitor.ask(CLOCK)
        await camera.start()
        assert ((camera.address, camera.discovery_port), camera.subscriptions) == (before, 0)
        assert (await visitor.ask(CLOCK))[0] == 200
        assert (await camera.wait_for("ContinuousMove")).pan == 0.5


async def test_a_taken_port_is_told_and_nothing_is_left_open() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await OnvifCamera(replace(SETTINGS, port=taken.getsockname()[1])).start()


async def test_a_source_without_profiles_is_no_trouble() -> None:
    async with visiting(CameraSettings(username="", sources=(VideoSource("blind", ()),))) as visitor:
        assert (await visitor.ask("<trt:GetVideoSources/>", header=""))[1].one("//tt:Width") == "1920"
