"""The API of a running node reaches all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gateway.assembly.http import stream_origins
from gateway.config_zones import ZoneConfig
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


async def test_the_console_may_connect_to_the_stream_workers_and_nowhere_else(tmp_path: Path) -> None:
    made = settings(tmp_path, stream_workers=1)
    port = made.media.http_port
    async with running_street(made) as street, street.api() as api:
        async with api.http.get(f"{api.url}/watch") as page:
            policy = page.headers["Content-Security-Policy"]
        assert f"connect-src 'self' http://127.0.0.1:{port} ws://127.0.0.1:{port};" in policy
        street.worker("stream").client = None
        assert stream_origins(street.node, "gateway.example", "192.0.2.9") == [f"http://127.0.0.1:{port}"]


async def test_each_viewer_may_connect_to_the_streams_of_the_own_zone(tmp_path: Path) -> None:
    zone = ZoneConfig(networks=("10.2.0.0/16",), sip_host="127.0.0.2", public_url="https://video.example/{port}")
    made = replace(settings(tmp_path, stream_workers=1), zones={"above": zone})
    port = made.media.http_port
    async with running_street(made) as street:
        assert stream_origins(street.node, "h", "10.2.0.9") == [f"https://video.example/{port}"]
        assert stream_origins(street.node, "h", "10.3.0.9") == [f"http://127.0.0.1:{port}"]
