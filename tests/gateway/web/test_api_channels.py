"""The catalogue over the API, on a real node with a hand-written camera below it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from catalog import Item
from gateway.compliance.entry import Entry
from gateway.web.api_channels import PtzBody, ptz_command
from interop.wire.device import Deviations
from interop.wire.manscdp import WireChannel
from tests.stand.street import CHANNEL, DEVICE_ID, Api, Street, running_street, settings, until

URL = "/api/v1/channels"
ONE = f"{URL}/{DEVICE_ID}/{CHANNEL}"
SHELF, GROUP, ORG = "34020000001180000009", "34020000002150000001", "34020000002160000001"


def number(count: int, type_code: str = "132") -> str:
    return f"3402000000{type_code}{count:07d}"


async def stock(street: Street, items: list[Item], peer: str = SHELF) -> None:
    """File objects in the node's catalogue as those of a peer."""
    generation = await street.node.catalog.begin_sync(peer)
    await street.node.catalog.stage(generation, items)
    await street.node.catalog.commit_sync(generation, complete=True)


async def listed(api: Api, query: str = "") -> list[str]:
    """Names of what is listed, the recorder itself aside."""
    status, body = await api.call("GET", URL + query)
    assert status == 200, body
    return [row["name"] for row in body["items"] if row["code"] != DEVICE_ID]


async def newest(street: Street) -> Entry:
    return (await street.ledger())[-1].entry


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with running_street(settings(tmp_path)) as started:
        yield started


@pytest.fixture
async def api(street: Street) -> AsyncIterator[Api]:
    async with street.api() as client:
        yield client


# -- browse, search, show


async def test_the_camera_below_is_browsed_searched_and_shown(street: Street, api: Api) -> None:
    assert await listed(api) == ["东门", "西门"]
    assert await listed(api, "?text=东") == ["东门"]
    assert await listed(api, "?text=门") == ["东门", "西门"]
    assert await listed(api, "?text=西门") == ["西门"]
    assert await listed(api, "?text=000002") == ["西门"]
    assert await listed(api, "?text=南") == []
    assert await listed(api, f"?text=门&peer_id={SHELF}") == []
    status, shown = await api.call("GET", ONE)
    assert status == 200
    assert (shown["name"], shown["kind"], shown["online"], shown["playable"]) == ("东门", "channel", True, True)
    assert (shown["peer_id"], shown["code"], shown["region"]) == (DEVICE_ID, CHANNEL, "3402")
    assert (shown["longitude"], shown["latitude"]) == (118.376451, 31.326319)
    assert shown["item"]["manufacturer"] == "WireCo"


async def test_a_camera_that_cannot_be_turned_is_told_apart_and_an_unknown_one_is_not_held_for_one(
    street: Street, api: Api
) -> None:
    rtsp = {
        "id": SHELF,
        "kind": "rtsp",
        "url": "rtsp://127.0.0.1:9/1",
        "channel_id": number(9, "131"),
        "enabled": False,
    }
    assert (await api.call("POST", "/api/v1/devices", rtsp))[0] == 201
    types = {number(1): {}, number(2): {"PTZType": "1"}, number(3): {"PTZType": "3"}, number(4): {"PTZType": "?"}}
    await stock(street, [Item(code=code, name="a", info=info) for code, info in types.items()], ORG)
    await stock(street, [Item(code=number(9, "131"), name="b", info={"PTZType": "1"})])
    found = [(await api.call("GET", f"{URL}/{ORG}/{code}"))[1]["no_ptz"] for code in types]
    assert found == ["", "", "fixed", ""]
    assert (await api.call("GET", f"{URL}/{SHELF}/{number(9, '131')}"))[1]["no_ptz"] == "no_commands"
    assert (await api.call("GET", ONE))[1]["no_ptz"] == ""


async def test_address_port_and_password_of_a_camera_are_shown_nowhere(street: Street, api: Api) -> None:
    stored = await street.node.catalog.get(DEVICE_ID, CHANNEL)
    assert stored is not None
    assert (stored.item.ip_address, stored.item.port) == ("192.168.1.64", 8000)
    assert "<Password>***</Password>" in stored.item.raw and "secret" not in stored.item.raw
    told = [
        await api.call("GET", ONE),
        await api.call("GET", f"{ONE}/history"),
        await api.call("GET", URL),
        await api.call("GET", f"{URL}?text=东门"),
        await api.call("GET", f"{URL}?peer_id={DEVICE_ID}"),
    ]
    assert all(status == 200 for status, _ in told)
    for hidden in ("192.168.1.64", "8000", "secret", "ip_address", "password"):
        assert hidden not in str(told)


async def test_what_only_the_vendor_knows_is_not_for_everybody(street: Street) -> None:
    await stock(street, [Item(code=number(1), name="门", extra={"VendorIP": "10.1.2.3"}, info={"PTZType": "1"})])
    async with street.api("ding", "viewer") as viewer, street.api("zhao", "operator") as operator:
        shown = (await viewer.call("GET", f"{URL}/{SHELF}/{number(1)}"))[1]["item"]
        assert shown == {"code": number(1), "name": "门", "info": {"PTZType": "1"}}
        assert (await operator.call("GET", f"{URL}/{SHELF}/{number(1)}"))[1]["item"]["extra"] == {
            "VendorIP": "10.1.2.3"
        }


async def test_children_come_in_pages(street: Street, api: Api) -> None:
    cameras = [Item(code=number(n), name=f"路口{n}", parent_ids=(GROUP,)) for n in range(1, 6)]
    await stock(street, [Item(code=GROUP, name="交通"), *cameras])
    status, top = await api.call("GET", f"{URL}?peer_id={SHELF}")
    assert status == 200 and top["next"] is None
    assert [(row["name"], row["has_children"], row["playable"]) for row in top["items"]] == [("交通", True, False)]
    seen, after = [], ""
    while True:
        page = (await api.call("GET", f"{URL}?peer_id={SHELF}&parent={GROUP}&limit=2{after}"))[1]
        seen.append([row["name"] for row in page["items"]])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [["路口1", "路口2"], ["路口3", "路口4"], ["路口5"]]


async def test_without_a_question_everything_playable_is_listed_whatever_its_code(street: Street, api: Api) -> None:
    await stock(
        street,
        [
            Item(code="Lobby", name="甲 vendor's own number"),
            Item(code="11111111111321111111", name="乙 code without a nought"),
            Item(code=number(1, "118"), name="丙 recorder's channel"),
            Item(code=number(1, "134"), name="alarm"),
            Item(code=number(1, "137"), name="loudspeaker"),
            Item(code=number(1, "142"), name="door"),
            Item(code=GROUP, name="group"),
        ],
    )
    everything = await listed(api)
    assert {name.split()[0] for name in everything} == {"东门", "西门", "甲", "乙", "丙"}
    first = (await api.call("GET", f"{URL}?limit=3"))[1]
    assert len(first["items"]) == 3
    assert await listed(api, "?limit=3") + await listed(api, f"?after={first['next']}") == everything


async def test_objects_are_found_by_region_and_counted(street: Street, api: Api) -> None:
    await stock(street, [Item(code=number(1), name="北京", civil_code="110105"), Item(code=number(2), status="OFF")])
    assert await listed(api, "?region=110105") == ["北京"]
    assert set(await listed(api, "?region=340200")) == set(await listed(api, "?region=3402")) >= {"东门", "西门"}
    assert await listed(api, "?region=999999") == []
    regions = (await api.call("GET", "/api/v1/regions"))[1]["regions"]
    assert set(regions) == {"110105", "3402"} and regions["110105"] == 1
    counts = (await api.call("GET", "/api/v1/counts"))[1]
    assert counts["channel"] == {"total": 4, "online": 3}


async def test_what_changed_is_told_with_who_and_when(street: Street, api: Api) -> None:
    await stock(street, [Item(code=number(1), name="旧", ip_address="10.1.2.3", port=554)])
    await stock(street, [Item(code=number(1), name="新", ip_address="10.1.2.4", port=8554)])
    items = (await api.call("GET", f"{URL}/{SHELF}/{number(1)}/history"))[1]["items"]
    assert [(row["event"], row["old"], row["new"]) for row in items] == [("UPDATE", {"name": "旧"}, {"name": "新"})]
    assert items[0]["who"] and items[0]["at"] > 0


async def test_what_does_not_exist_is_said_in_words(street: Street, api: Api) -> None:
    status, body = await api.call("GET", f"{URL}/{DEVICE_ID}/{number(77)}")
    assert (status, body["step"], body["channel"]) == (404, "unknown_channel", number(77))
    assert body["message"] and body["message_zh"] and body["hint"]
    status, body = await api.call("POST", f"{URL}/{DEVICE_ID}/{number(77)}/ptz", {"action": "stop"})
    assert (status, body["step"]) == (404, "unknown_channel")
    refused = await newest(street)
    assert (refused.result, refused.action, refused.code) == ("refused", "ptz", number(77))


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "text=" + "门" * 65, "surprise=1", "after=x.y", "after=zz"])
async def test_a_wrong_question_is_refused(api: Api, query: str) -> None:
    status, body = await api.call("GET", f"{URL}?{query}")
    assert status == 400 and body["message"]


# -- secrecy


async def test_secret_channels_exist_for_operators_only(street: Street) -> None:
    await stock(street, [Item(code=number(1), name="涉密", secrecy=1), Item(code=number(2), name="公开")])
    secret = f"{URL}/{SHELF}/{number(1)}"
    questions = ("", "?text=密", "?region=340200", f"?peer_id={SHELF}")
    async with street.api("ding", "viewer") as viewer:
        for question in questions:
            assert "涉密" not in await listed(viewer, question)
        assert "公开" in await listed(viewer, f"?peer_id={SHELF}")
        assert (await viewer.call("GET", secret))[1]["step"] == "unknown_channel"
        status, body = await viewer.call("GET", f"{secret}/snapshot")
        nothing = (await viewer.call("GET", f"{URL}/{SHELF}/{number(3)}/snapshot"))[1]
        assert (status, {**body, "channel": ""}) == (404, {**nothing, "channel": ""})
        await viewer.call("POST", "/api/v1/views", {"peer_id": SHELF, "code": number(1)})
        refused = await newest(street)
        assert (refused.result, refused.clause, refused.actor_id) == ("refused", "N8", "ding")
    async with street.api("zhao", "operator") as operator:
        for question in questions:
            assert "涉密" in await listed(operator, question)
        assert (await operator.call("GET", secret))[1]["name"] == "涉密"


async def test_no_number_tells_of_what_the_listing_hides(street: Street) -> None:
    hidden = Item(code=number(1), name="涉密", secrecy=1, civil_code="110105", parent_ids=(ORG,))
    org = Item(code=ORG, name="机关", business_group_id=GROUP)
    await stock(street, [Item(code=GROUP, name="业务"), org, hidden, Item(code=number(2), name="公开")])
    told: dict[str, Any] = {}
    for name, role in (("ding", "viewer"), ("zhao", "operator")):
        async with street.api(name, role) as person:  # type: ignore[arg-type]
            counted = (await person.call("GET", "/api/v1/counts"))[1]["channel"]["total"]
            regions = (await person.call("GET", "/api/v1/regions"))[1]["regions"]
            [unit] = (await person.call("GET", f"{URL}?peer_id={SHELF}&parent={GROUP}"))[1]["items"]
            found = (await person.call("GET", f"{URL}?text=机关"))[1]["items"][0]["has_children"]
            first = (await person.call("GET", f"{URL}?limit=1"))[1]
            assert len(first["items"]) == 1 and first["next"] is not None
            assert counted == len(await listed(person)) and found is unit["has_children"]
            told[role] = (counted, regions.get("110105"), unit["has_children"])
    assert told == {"viewer": (3, None, False), "operator": (4, 1, True)}


# -- synchronise


async def test_a_catalogue_is_read_again_when_asked(street: Street, api: Api) -> None:
    url = f"/api/v1/devices/{DEVICE_ID}/catalog-sync"
    assert (await api.call("GET", f"/api/v1/devices/{number(9)}/catalog-sync"))[1] == {"state": "never"}
    status, body = await api.call("POST", f"/api/v1/devices/{number(9)}/catalog-sync")
    assert (status, body["error"]) == (404, "not_found") and number(9) not in street.node.sync._followers
    street.node.sync._again_s = 0  # the pause after the one that ran when the camera registered
    street.device.channels.append(WireChannel(number(3), "南门"))
    assert await api.call("POST", url) == (202, {"state": "started"})
    status_of = street.node.sync.status
    await until(lambda: (status_of[DEVICE_ID].state, status_of[DEVICE_ID].received) == ("complete", 3))
    status, told = await api.call("GET", url)
    assert (status, told["state"], told["promised"], told["missing"]) == (200, "complete", 3, 0)
    assert set(await listed(api)) == {"东门", "南门", "西门"}


# -- PTZ


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"action": "stop"}, "A50F0100000000B5"),
        ({"action": "right", "speed": 0x40}, "A50F0101400000F6"),
        ({"action": "left", "speed": 0x40}, "A50F0102400000F7"),
        ({"action": "down", "speed": 0x40}, "A50F0104004000F9"),
        ({"action": "up", "speed": 0x40}, "A50F0108004000FD"),
        ({"action": "up_left", "speed": 0x40}, "A50F010A4040003F"),
        ({"action": "up_right", "speed": 0x40}, "A50F01094040003E"),
        ({"action": "down_left", "speed": 0x40}, "A50F01064040003B"),
        ({"action": "down_right", "speed": 0x40}, "A50F01054040003A"),
        ({"action": "focus_near", "speed": 0x40}, "A50F014240000037"),
        ({"action": "focus_far", "speed": 0x40}, "A50F014140000036"),
        ({"action": "iris_open", "speed": 0x40}, "A50F014400400039"),
        ({"action": "iris_close", "speed": 0x40}, "A50F01480040003D"),
        ({"action": "lens_stop"}, "A50F0140000000F5"),
        ({"action": "zoom_in", "speed": 0x50}, "A50F011000005015"),
        ({"action": "zoom_out", "speed": 0x50}, "A50F012000005025"),
        ({"action": "zoom_in", "speed": 0}, "A50F0110000010D5"),
        ({"action": "preset_set", "preset": 1}, "A50F018100010037"),
        ({"action": "preset_call", "preset": 1}, "A50F018200010038"),
        ({"action": "preset_delete", "preset": 1}, "A50F018300010039"),
    ],
)
def test_an_action_becomes_the_sixteen_digits_of_the_standard(body: dict[str, Any], code: str) -> None:
    assert ptz_command(PtzBody.model_validate(body)) == code


async def test_an_operator_moves_the_camera_and_the_ledger_knows(street: Street) -> None:
    async with street.api("zhao", "operator") as api:
        body = {"action": "left", "speed": 64, "purpose": "巡查"}
        assert await api.call("POST", f"{ONE}/ptz", body) == (200, {"sent": "A50F0102400000F7"})
        assert await api.call("POST", f"{ONE}/ptz", {"action": "stop"}) == (200, {"sent": "A50F0100000000B5"})
    await until(lambda: len(street.device.ptz) == 2)
    assert street.device.ptz == ["A50F0102400000F7", "A50F0100000000B5"]
    granted, ended = [row.entry for row in await street.ledger() if row.entry.actor_id == "zhao"][:2]
    assert (granted.action, granted.result, granted.purpose, granted.code) == ("ptz", "granted", "巡查", CHANNEL)
    assert (ended.grant_id, ended.detail) == (granted.grant_id, {"reason": "sent A50F0102400000F7"})
    assert street.node.grants.live() == []


async def test_a_viewer_may_look_but_not_move_the_camera(street: Street) -> None:
    async with street.api("ding", "viewer") as api:
        status, body = await api.call("POST", f"{ONE}/ptz", {"action": "left"})
        assert (status, body["error"]) == (403, "forbidden") and "operator" in body["message"]
        assert (await api.call("GET", f"{ONE}/history"))[0] == 403
        assert (await api.call("POST", f"/api/v1/devices/{DEVICE_ID}/catalog-sync"))[0] == 403
        assert (await api.call("GET", ONE))[0] == 200
    assert street.device.ptz == []


@pytest.mark.parametrize("body", [{}, {"action": "fly"}, {"action": "left", "speed": 256}, {"action": "up", "x": 1}])
async def test_a_wrong_movement_is_refused_before_anything_is_granted(
    street: Street, api: Api, body: dict[str, Any]
) -> None:
    before = len(await street.ledger())
    assert (await api.call("POST", f"{ONE}/ptz", body))[0] == 400
    assert len(await street.ledger()) == before


async def test_a_camera_that_is_away_cannot_be_moved(street: Street, api: Api) -> None:
    await street.device.unregister()
    await until(lambda: street.node.directory.lower(DEVICE_ID) is None)
    status, body = await api.call("POST", f"{ONE}/ptz", {"action": "left"})
    assert (status, body["step"]) == (503, "device_offline")
    ended = await newest(street)
    assert (ended.action, ended.detail) == ("ptz.ended", {"reason": "device_offline"})
    assert street.node.grants.live() == []


# -- snapshot


async def test_a_snapshot_is_a_picture_and_its_size_is_in_the_ledger(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path, stream_workers=1)) as street, street.api("ding", "viewer") as api:
        async with api.http.get(f"{api.url}{ONE}/snapshot") as reply:
            picture = await reply.read()
            assert (reply.status, reply.content_type) == (200, "image/jpeg")
            assert reply.headers["X-Picture-Codec"] == "H264"
            width, height = map(int, reply.headers["X-Picture-Size"].split("x"))
        assert picture[:3] == b"\xff\xd8\xff" and picture[-2:] == b"\xff\xd9" and width > 0 < height
        ended = await newest(street)
        assert (ended.action, ended.bytes, ended.detail) == ("snapshot.ended", len(picture), {"reason": "taken"})


async def test_a_snapshot_that_fails_says_why_and_is_entered(tmp_path: Path) -> None:
    made = settings(tmp_path, stream_workers=1)
    async with running_street(made, deviations=Deviations(refuse_invite=486)) as street, street.api() as api:
        status, body = await api.call("GET", f"{ONE}/snapshot")
        assert (status, body["step"], body["sip_code"]) == (502, "rejected", 486)
        assert body["message"] and body["message_zh"]
        granted, ended = [row.entry for row in await street.ledger()][-2:]
        assert (granted.action, granted.result) == ("snapshot", "granted")
        assert (ended.grant_id, ended.bytes, ended.detail) == (granted.grant_id, 0, {"reason": "rejected"})
        assert street.node.grants.live() == []
