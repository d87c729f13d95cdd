"""The API of a running node reaches all of it."""

from __future__ import annotations

from pathlib import Path

from tests.stand.street import UPPER_ID, running_street, settings, until


async def test_the_api_shows_the_node_behind_it(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street, street.api() as api:
        assert await api.call("GET", "/healthz") == (200, {"status": "ok", "problems": {}})
        await until(lambda: (up := street.node.uplinks.get(UPPER_ID)) is not None and up.registered)
        status, upper = await api.call("GET", f"/api/v1/uppers/{UPPER_ID}")
        assert status == 200 and upper["state"]["state"] == "registered"
        for path in ("/api/v1/channels", "/api/v1/views", "/api/v1/streams", "/api/v1/traces"):
            assert (await api.call("GET", path))[0] == 200
        street.node.pool.workers[0].client = None
        problems = {"workers": "not connected: relay-1"}
        assert await api.call("GET", "/healthz") == (503, {"status": "failing", "problems": problems})
