"""The latest alarms over the API."""

from __future__ import annotations

from pathlib import Path

from catalog import Item
from gateway.alarms.alarm import Alarm
from tests.stand.node import running_node
from tests.stand.street import Street, settings

PEER, OPEN, SECRET = "34020000001110000007", "34020000001320000007", "34020000001320000008"


async def test_alarms_are_listed_newest_first_and_those_of_secret_channels_to_operators_alone(tmp_path: Path) -> None:
    async with running_node(settings(tmp_path)) as node:
        generation = await node.catalog.begin_sync(PEER)
        items = [Item(code=OPEN, parent_ids=(PEER,)), Item(code=SECRET, secrecy=1, parent_ids=(PEER,))]
        await node.catalog.stage(generation, items)
        await node.catalog.commit_sync(generation)
        for number, code in enumerate((OPEN, SECRET, OPEN, "34020000001320000099")):
            node.alarms.raise_(Alarm(float(number), PEER, code, "5", "2", time=f"t{number}"))
        street = Street(node, None, None)  # type: ignore[arg-type]  # nobody around it
        async with street.api("anna", "operator") as api:
            status, body = await api.call("GET", "/api/v1/alarms")
            assert status == 200 and [alarm["at"] for alarm in body["items"]] == [3.0, 2.0, 1.0, 0.0]
            _, body = await api.call("GET", f"/api/v1/alarms?code={OPEN}&device_id={PEER}&limit=1")
            assert [alarm["at"] for alarm in body["items"]] == [2.0]
            assert (await api.call("GET", "/api/v1/alarms?limit=0"))[0] == 400
        async with street.api("bob", "viewer") as api:
            _, body = await api.call("GET", "/api/v1/alarms")
            assert [alarm["code"] for alarm in body["items"]] == ["34020000001320000099", OPEN, OPEN]
