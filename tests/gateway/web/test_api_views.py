"""Live views, streams and traces over the API, on a real node with a hand-written camera below it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import yarl

from gateway.web import api_views
from interop.wire.device import Deviations
from tests.stand.street import CHANNEL, DEVICE_ID, KEY, SECOND, Api, Street, running_street, settings, until

URL = "/api/v1/views"
OFFER = Path(__file__).parents[2] / "media" / "worker" / "chromium-offer.sdp"
WANTED = {"peer_id": DEVICE_ID, "code": CHANNEL, "purpose": "找人"}


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with running_street(settings(tmp_path, stream_workers=1)) as started:
        yield started


async def started(api: Api, **changed: str) -> dict[str, Any]:
    status, view = await api.call("POST", URL, WANTED | changed)
    assert status == 201, view
    return dict(view)


async def test_a_view_is_started_watched_shown_and_ended(street: Street) -> None:
    async with street.api("ding", "viewer") as api:
        view = await started(api)
        assert (view["peer_id"], view["code"], view["actor"], view["viewers"]) == (DEVICE_ID, CHANNEL, "user:ding", 0)
        async with aiohttp.ClientSession() as stranger, stranger.get(view["mp4_url"]) as video:
            assert (video.status, video.content_type) == (200, "video/mp4")
            assert (await video.content.readexactly(8))[4:] == b"ftyp"
            await until(lambda: street.node.views.all()[0].viewers == 1)
            status, shown = await api.call("GET", f"{URL}/{view['id']}")
            assert status == 200
            assert (shown["state"], shown["codec"], shown["viewers"], shown["failure"]) == ("playing", "H264", 1, None)
            assert shown["width"] > 0 and shown["height"] > 0
            assert (await api.call("DELETE", f"{URL}/{view['id']}"))[0] == 204
            await video.content.read()
        assert (await api.call("GET", f"{URL}/{view['id']}"))[0] == 404
        assert (await api.call("GET", URL))[1] == {"items": []}
        async with aiohttp.ClientSession() as late, late.get(view["mp4_url"]) as video:
            assert video.status == 410
    begun, ended = [row.entry for row in await street.ledger() if row.entry.grant_id == view["grant_id"]]
    assert (begun.actor_id, begun.action, begun.result, begun.purpose) == ("ding", "live", "granted", "找人")
    assert begun.destination == "browser 127.0.0.1"
    assert (ended.action, ended.detail) == ("live.ended", {"reason": "ended by ding"}) and (ended.bytes or 0) > 0


async def test_webrtc_is_offered_for_the_same_view_with_the_same_token(street: Street) -> None:
    async with street.api() as api:
        view = await started(api)
        whep, mp4 = urlsplit(view["whep_url"]), urlsplit(view["mp4_url"])
        assert (whep.netloc, whep.query, whep.path) == (mp4.netloc, mp4.query, f"/whep/{view['id']}")
        sdp = {"Content-Type": "application/sdp"}
        async with aiohttp.ClientSession(headers=sdp) as stranger:
            async with stranger.post(view["whep_url"], data="hello") as refused:
                assert (refused.status, (await refused.json())["step"]) == (400, "bad_request")
            async with stranger.post(view["whep_url"] + "x", data="hello") as refused:
                assert refused.status == 403
            async with stranger.post(view["whep_url"], data=OFFER.read_bytes()) as answer:
                assert answer.status == 201 and "a=rtpmap:102 H264/90000" in await answer.text()
                session = str(answer.url.join(yarl.URL(answer.headers["Location"])))
            await until(lambda: street.node.views.all()[0].viewers == 1)
            async with stranger.delete(session) as ended:
                assert ended.status == 200
            await until(lambda: street.node.views.all()[0].viewers == 0)


async def test_a_node_without_webrtc_offers_none(tmp_path: Path) -> None:
    made = settings(tmp_path, stream_workers=1, media={"webrtc_viewers": 0})
    async with running_street(made) as street, street.api() as api:
        assert (await started(api))["whep_url"] is None


async def test_the_websocket_address_gives_the_same_picture(street: Street) -> None:
    async with street.api() as api:
        view = await started(api)
        assert view["ws_url"].startswith("ws://127.0.0.1:")
        async with aiohttp.ClientSession() as http, http.ws_connect(view["ws_url"]) as ws:
            hello = await ws.receive_json(timeout=15)
            assert hello["codec"].startswith("avc1.")
            assert (await ws.receive_bytes(timeout=15))[4:8] == b"ftyp"


async def test_the_token_is_given_out_once_and_kept_as_a_hash(street: Street) -> None:
    async with street.api() as api:
        view = await started(api)
        token = parse_qs(urlsplit(view["mp4_url"]).query)["token"][0]
        assert len(token) >= 32
        told = [
            await api.call("GET", f"{URL}/{view['id']}"),
            await api.call("GET", URL),
            await api.call("GET", "/api/v1/streams"),
            await api.call("GET", "/api/v1/traces"),
            await street.ledger(),
            street.node.stores.views.live(),
        ]
        assert token not in str(told)
        async with aiohttp.ClientSession() as http, http.get(view["mp4_url"].replace(token, "x" * len(token))) as video:
            assert video.status == 403


async def test_the_views_of_others_are_invisible_but_to_administrators(street: Street) -> None:
    async with street.api("ding", "viewer") as ding, street.api("zhao", "operator") as zhao, street.api() as root:
        mine, his = await started(ding), await started(zhao, code=SECOND)
        assert [view["id"] for view in (await ding.call("GET", URL))[1]["items"]] == [mine["id"]]
        assert [view["id"] for view in (await zhao.call("GET", URL))[1]["items"]] == [his["id"]]
        assert {view["id"] for view in (await root.call("GET", URL))[1]["items"]} == {mine["id"], his["id"]}
        for method in ("GET", "DELETE"):
            status, body = await ding.call(method, f"{URL}/{his['id']}")
            assert (status, body["step"]) == (404, "unknown_dialog")
            assert body == (await ding.call(method, f"{URL}/0000"))[1]
        assert len(street.node.views.all()) == 2
        assert (await root.call("GET", f"{URL}/{his['id']}"))[1]["actor"] == "user:zhao"
        assert (await root.call("DELETE", f"{URL}/{his['id']}"))[0] == 204
    assert (await street.ledger())[-1].entry.detail == {"reason": "ended by root"}


async def test_nobody_opens_more_views_than_one_person_watches(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_views, "MAX_VIEWS_PER_USER", 1)
    async with street.api("ding", "viewer") as ding, street.api("zhao", "operator") as zhao:
        await started(ding)
        status, body = await ding.call("POST", URL, WANTED)
        assert (status, body["step"]) == (503, "busy") and len(street.node.views.all()) == 1
        await started(zhao)


async def test_a_view_that_fails_says_why_closes_the_books_and_is_counted(tmp_path: Path) -> None:
    made = settings(tmp_path, stream_workers=1)
    async with running_street(made, deviations=Deviations(refuse_invite=486)) as street, street.api() as api:
        status, body = await api.call("POST", URL, WANTED)
        assert (status, body["step"], body["sip_code"], body["channel"]) == (502, "rejected", 486, CHANNEL)
        assert body["message"] and body["message_zh"] and body["hint"]
        assert (await api.call("GET", URL))[1] == {"items": []}
        granted, ended = [row.entry for row in await street.ledger()][-2:]
        assert (granted.action, granted.result) == ("live", "granted")
        assert (ended.grant_id, ended.bytes, ended.detail) == (granted.grant_id, 0, {"reason": "rejected"})
        assert street.node.grants.live() == [] and street.node.stores.views.live() == []
        metrics = street.node.metrics.exposition()
        assert b'gbgateway_failures_total{operation="view",reason="rejected"} 1.0' in metrics


async def test_what_is_not_in_the_catalogue_is_not_called(street: Street) -> None:
    async with street.api() as api:
        status, body = await api.call("POST", URL, WANTED | {"code": "34020000001320000077"})
        assert (status, body["step"], body["channel"]) == (404, "unknown_channel", "34020000001320000077")
        assert (await api.call("POST", URL, {"peer_id": DEVICE_ID}))[0] == 400
    assert street.device.calls == [] and (await street.ledger())[-1].entry.result == "refused"


async def test_the_address_is_that_of_the_worker_that_carries_the_stream(tmp_path: Path) -> None:
    """Two workers on free ports of every address: the viewer is sent where he reached the API."""
    made = settings(tmp_path, stream_workers=2, media={"http_host": "0.0.0.0", "http_port": 0})
    async with running_street(made) as street, street.api() as api:
        views = [await started(api), await started(api, code=SECOND)]
        for view, key in zip(views, (KEY, KEY._replace(code=SECOND)), strict=True):
            source = street.node.views.inputs.get(key)
            assert source is not None and source.worker.client is not None
            address = urlsplit(view["mp4_url"])
            assert (address.hostname, address.port) == ("127.0.0.1", source.worker.client.hello.http_port)
            assert address.port != 0 and urlsplit(view["ws_url"]).port == address.port
            async with aiohttp.ClientSession() as http, http.get(view["mp4_url"]) as video:
                assert (await video.content.readexactly(8))[4:] == b"ftyp"
        status, view = await api.call("POST", URL, WANTED, headers={"Host": "gateway.example:8080"})
        assert status == 201 and urlsplit(view["mp4_url"]).hostname == "gateway.example"


async def test_behind_a_public_address_that_is_given_out(tmp_path: Path) -> None:
    made = settings(tmp_path, stream_workers=1, media={"public_url": "https://video.example/{port}/"})
    async with running_street(made) as street, street.api() as api:
        view = await started(api)
        base = f"video.example/{made.media.http_port}/live/{view['id']}"
        assert view["mp4_url"].startswith(f"https://{base}.mp4?token=")
        assert view["ws_url"].startswith(f"wss://{base}.ws?token=")


async def test_operators_see_the_streams_and_the_trace_of_every_call(street: Street) -> None:
    async with street.api("zhao", "operator") as api, street.api("ding", "viewer") as viewer:
        view = await started(api)
        async with aiohttp.ClientSession() as http, http.get(view["mp4_url"]) as video:
            await video.content.readexactly(8)
            [stream] = (await api.call("GET", "/api/v1/streams"))[1]["items"]
        assert (stream["peer_id"], stream["code"], stream["state"]) == (DEVICE_ID, CHANNEL, "running")
        assert stream["source"]["packets"] > 0 and stream["readers"] == 1
        traces = (await api.call("GET", "/api/v1/traces"))[1]["items"]
        assert stream["id"] in [trace["id"] for trace in traces]
        status, trace = await api.call("GET", f"/api/v1/traces/{stream['id']}")
        steps = [step["what"] for step in trace["steps"]]
        assert status == 200 and trace["stream"] == f"{DEVICE_ID}/{CHANNEL}"
        for before, after in (("> INVITE", "< SIP/2.0 200"), ("< SIP/2.0 200", "first packet")):
            assert _index(steps, before) < _index(steps, after)
        of_channel = f"/api/v1/channels/{DEVICE_ID}/{CHANNEL}/traces"
        assert (await api.call("GET", of_channel))[1]["items"][0]["id"] == stream["id"]
        assert (await api.call("GET", f"/api/v1/channels/{DEVICE_ID}/{SECOND}/traces"))[1] == {"items": []}
        assert (await api.call("GET", "/api/v1/traces/0000"))[0] == 404
        for path in ("/api/v1/streams", "/api/v1/traces", f"/api/v1/traces/{stream['id']}"):
            assert (await viewer.call("GET", path))[0] == 403


def _index(steps: list[str], start: str) -> int:
    return next(number for number, step in enumerate(steps) if step.startswith(start))
