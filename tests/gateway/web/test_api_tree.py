"""The trees of the catalogue over the API, on a real node with a hand-written camera below it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from catalog import Item
from catalog.store import CatalogStore
from gateway.web.api_tree import REGIONS_KEPT_S, Regions
from tests.stand.street import CHANNEL, DEVICE_ID, Api, Street, running_street, settings

URL = "/api/v1/tree"
SHELF, GROUP, ORG = "34020000001180000009", "34020000002150000001", "34020000002160000001"


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with running_street(settings(tmp_path)) as started:
        yield started


@pytest.fixture
async def api(street: Street) -> AsyncIterator[Api]:
    async with street.api() as client:
        yield client


def camera(count: int, **elements: Any) -> Item:
    return Item(code=f"3402000000132{count:07d}", name=f"机{count}", civil_code="340202", **elements)


async def stock(street: Street, items: list[Item]) -> None:
    generation = await street.node.catalog.begin_sync(SHELF)
    await street.node.catalog.stage(generation, items)
    await street.node.catalog.commit_sync(generation, complete=True)


async def got(api: Api, path: str) -> Any:
    status, body = await api.call("GET", URL + path)
    assert status == 200, body
    return body


async def test_the_peers_are_the_roots_with_their_state_and_what_hangs_below(api: Api) -> None:
    body = await got(api, "/peers")
    assert body["total"] == 1
    [peer] = body["items"]
    assert (peer["peer_id"], peer["kind"], peer["online"]) == (DEVICE_ID, "device", True)
    rows = await got(api, f"/children?peer_id={DEVICE_ID}")
    assert rows["total"] == peer["total"] == len(rows["items"])
    assert CHANNEL in [row["code"] for row in rows["items"]]
    assert await got(api, "/peers?offset=1") == {"items": [], "total": 1}


async def test_a_camera_that_is_called_is_online_when_it_answers(street: Street, api: Api) -> None:
    body = {"id": SHELF, "kind": "rtsp", "url": "rtsp://127.0.0.1:1/live"}
    assert (await api.call("POST", "/api/v1/devices", body))[0] == 201
    state = "offline"
    street.node.web.source_state = lambda peer_id: {"state": state} if peer_id == SHELF else None

    async def online() -> bool:
        return {peer["peer_id"]: peer["online"] for peer in (await got(api, "/peers"))["items"]}[SHELF]

    assert not await online()
    state = "online"
    assert await online()


async def test_a_window_of_many_children_is_cut_by_position(street: Street, api: Api) -> None:
    await stock(street, [camera(count) for count in range(1, 31)])
    body = await got(api, f"/children?peer_id={SHELF}&offset=25&limit=3")
    assert body["total"] == 30
    assert [row["name"] for row in body["items"]] == ["机26", "机27", "机28"]
    assert (await got(api, f"/children?peer_id={SHELF}&offset=30"))["items"] == []
    assert (await api.call("GET", f"{URL}/children"))[0] == 400


async def test_groups_hold_organisations_hold_cameras(street: Street, api: Api) -> None:
    org = Item(code=ORG, name="大队", business_group_id=GROUP)
    await stock(street, [Item(code=GROUP, name="治安"), org, camera(1, parent_ids=(ORG,))])
    groups = await got(api, "/groups")
    assert (groups["total"], groups["items"][0]["name"], groups["items"][0]["has_children"]) == (1, "治安", True)
    assert [row["name"] for row in (await got(api, f"/children?peer_id={SHELF}&parent={GROUP}"))["items"]] == ["大队"]
    assert [row["name"] for row in (await got(api, f"/children?peer_id={SHELF}&parent={ORG}"))["items"]] == ["机1"]


async def test_divisions_are_opened_level_by_level_with_what_is_filed_under_them(street: Street, api: Api) -> None:
    await stock(street, [camera(count) for count in range(1, 4)])
    [province] = (await got(api, "/regions"))["items"]
    assert (province["code"], province["name"], province["has_parts"]) == ("34", "安徽省", True)
    [city] = (await got(api, "/regions?parent=34"))["items"]
    assert (city["code"], city["name"], city["has_parts"]) == ("3402", "芜湖市", True)
    [county] = (await got(api, "/regions?parent=3402"))["items"]
    assert county == {"code": "340202", "name": "镜湖区", "total": 3, "direct": 3, "has_parts": False}
    rows = (await got(api, "/region?code=340202&offset=1&limit=1"))["items"]
    assert [row["name"] for row in rows] == ["机2"]
    assert (await api.call("GET", f"{URL}/regions?parent=x"))[0] == 400


async def test_a_viewer_is_not_told_of_secret_cameras_not_even_by_a_number(street: Street, api: Api) -> None:
    await stock(street, [camera(1), camera(2, secrecy=1)])
    assert (await got(api, f"/children?peer_id={SHELF}"))["total"] == 2
    assert (await got(api, "/regions?parent=3402"))["items"][0]["total"] == 2
    async with street.api("ding", "viewer") as viewer:
        body = await got(viewer, f"/children?peer_id={SHELF}")
        assert (body["total"], [row["name"] for row in body["items"]]) == (1, ["机1"])
        assert (await got(viewer, "/regions?parent=3402"))["items"][0]["total"] == 1
        assert [row["name"] for row in (await got(viewer, "/region?code=340202"))["items"]] == ["机1"]


@dataclass
class Counted:
    """A catalogue that counts how often its divisions are counted."""

    counts: dict[str, int]
    asked: int = 0

    async def regions(self, *, secret: bool = True) -> dict[str, int]:
        self.asked += 1
        return self.counts


async def shown(counts: dict[str, int], parent: str) -> list[tuple[str, str, int, int]]:
    rows = await Regions().below(cast(CatalogStore, Counted(counts)), parent)
    return [(row["code"], row["name"], row["total"], row["direct"]) for row in rows]


async def test_a_part_smaller_than_the_table_knows_is_named_by_what_it_is_in() -> None:
    counts = {"340202": 2, "34020201": 3, "3402": 1, "35": 4}
    assert await shown(counts, "") == [("34", "安徽省", 6, 0), ("35", "福建省", 4, 4)]
    assert await shown(counts, "3402") == [("340202", "镜湖区", 5, 2)]
    assert await shown(counts, "340202") == [("34020201", "镜湖区 01", 3, 3)]


async def test_codes_that_are_no_division_stand_at_the_top_under_themselves() -> None:
    assert await shown({"": 2, "99": 1, "x1": 1}, "") == [("", "", 2, 2), ("99", "", 1, 1), ("x1", "", 1, 1)]
    assert await shown({"99": 1}, "34") == []


async def test_counts_are_good_for_a_few_seconds() -> None:
    now = [0.0]
    catalogue, regions = Counted({"34": 1}), Regions(clock=lambda: now[0])
    for _ in range(3):
        await regions.below(cast(CatalogStore, catalogue), "")
    assert catalogue.asked == 1
    now[0] = REGIONS_KEPT_S
    await regions.below(cast(CatalogStore, catalogue), "")
    assert catalogue.asked == 2
