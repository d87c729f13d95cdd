"""The web side of a view, with a scripted input."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from media.worker.broadcast import Broadcast, Fragment
from media.worker.control import CloseView, Event, OpenView, StalledStep, ViewerJoined, ViewerLeft, ViewWanted
from media.worker.live_units import LiveUnits
from media.worker.viewing import Changes, Viewing
from media.worker.views import ViewTable


class Scripted:
    """An input whose pictures the test writes."""

    def __init__(self) -> None:
        self.broadcast = Broadcast()
        self.units = LiveUnits()
        self.missing: StalledStep = "no_key_frame"

    def description(self) -> dict[str, Any]:
        return {"codec": "avc1.42C01E", "mime": 'video/mp4; codecs="avc1.42C01E"', "width": 2, "height": 2}

    def play(self) -> None:
        self.broadcast.start(b"INIT")
        self.broadcast.send(Fragment(b"KEY", True))


class Setting:
    """A viewing application on a real port with one view ``v`` of input ``in``."""

    def __init__(self) -> None:
        self.views = ViewTable()
        self.inputs: dict[str, Scripted] = {}
        self.changes = Changes()
        self.events: list[Event] = []
        self.now = 1000.0
        self.options: dict[str, Any] = {}
        self.http = aiohttp.ClientSession()
        self.url = ""

    async def start(self, **options: Any) -> None:
        viewing = Viewing(
            self.views, self.inputs.get, self.changes, self.events.append, clock=lambda: self.now, **options
        )
        self.runner = web.AppRunner(viewing.application(), handler_cancellation=True, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/live/v"
        digest = hashlib.sha256(b"t").hexdigest()
        self.views.open(OpenView(view="v", input="in", token_sha256=digest, expires_at=2000.0, watermark="张三"))

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until_told(self, kind: type[Event]) -> Any:
        for _ in range(2000):
            if told := self.told(kind):
                return told[-1]
            await asyncio.sleep(0.005)
        raise AssertionError(f"no {kind.__name__} came")


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    place = Setting()
    yield place
    await place.http.close()
    await place.runner.cleanup()


async def test_pictures_flow_until_the_input_ends(setting: Setting) -> None:
    await setting.start(cors_origin="https://console.example")
    source = setting.inputs["in"] = Scripted()
    source.play()
    async with setting.http.get(setting.url + ".mp4?token=t") as response:
        assert response.headers["Content-Type"] == "video/mp4"
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert response.headers["Access-Control-Allow-Origin"] == "https://console.example"
        await setting.until_told(ViewerJoined)
        source.broadcast.send(Fragment(b"P", False))
        source.broadcast.end("input closed")
        assert await response.read() == b"INITKEYP"
    left = await setting.until_told(ViewerLeft)
    assert (left.viewer, left.bytes, left.reason) == (1, 8, "input closed")


async def test_an_old_client_without_chunks_is_served_too(setting: Setting) -> None:
    await setting.start()
    source = setting.inputs["in"] = Scripted()
    source.play()
    async with aiohttp.ClientSession(version=aiohttp.HttpVersion10) as old:
        request = asyncio.create_task(old.get(setting.url + ".mp4?token=t"))
        await setting.until_told(ViewerJoined)
        source.broadcast.end("done")
        async with await request as response:
            assert "Transfer-Encoding" not in response.headers
            assert await response.read() == b"INITKEY"


async def test_a_websocket_gets_the_description_then_binary(setting: Setting) -> None:
    await setting.start()
    source = setting.inputs["in"] = Scripted()
    source.play()
    async with setting.http.ws_connect(setting.url + ".ws?token=t") as ws:
        hello = await ws.receive_json(timeout=10)
        assert hello == {**source.description(), "watermark": "张三"}
        assert [await ws.receive_bytes(timeout=10), await ws.receive_bytes(timeout=10)] == [b"INIT", b"KEY"]
        await ws.send_str("ignored")
        source.broadcast.end("input closed")
        assert (await ws.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
    assert (await setting.until_told(ViewerLeft)).reason == "input closed"


async def test_a_view_that_ended_while_the_websocket_was_opened_shows_nothing(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = web.WebSocketResponse.prepare

    async def meanwhile(self: web.WebSocketResponse, request: web.BaseRequest) -> Any:
        setting.views.close(CloseView(view="v", reason="grant revoked"))
        return await prepare(self, request)

    await setting.start()
    source = setting.inputs["in"] = Scripted()
    source.play()
    monkeypatch.setattr(web.WebSocketResponse, "prepare", meanwhile)
    async with setting.http.ws_connect(setting.url + ".ws?token=t") as ws:
        assert (await ws.receive_json(timeout=10))["watermark"] == "张三"
        assert (await ws.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
    assert (await setting.until_told(ViewerLeft)).reason == "the view has ended"


async def test_a_websocket_that_closes_is_a_viewer_gone(setting: Setting) -> None:
    await setting.start()
    setting.inputs["in"] = Scripted()
    setting.inputs["in"].play()
    async with setting.http.ws_connect(setting.url + ".ws?token=t") as ws:
        await ws.receive_json(timeout=10)
    assert (await setting.until_told(ViewerLeft)).reason == "viewer left"


async def test_a_client_that_hangs_up_is_a_viewer_gone(setting: Setting) -> None:
    await setting.start()
    setting.inputs["in"] = Scripted()
    setting.inputs["in"].play()
    response = await setting.http.get(setting.url + ".mp4?token=t")
    await setting.until_told(ViewerJoined)
    response.close()
    assert (await setting.until_told(ViewerLeft)).reason == "viewer left"
    assert not setting.inputs["in"].broadcast.viewers


async def test_a_client_that_takes_nothing_is_cut(setting: Setting) -> None:
    await setting.start(write_timeout_s=0.1)
    source = setting.inputs["in"] = Scripted()
    source.play()
    response = await setting.http.get(setting.url + ".mp4?token=t")
    for _ in range(2000):  # until what lies between us and him is full
        source.broadcast.send(Fragment(bytes(1 << 20), True))
        await asyncio.sleep(0.005)
        if setting.told(ViewerLeft):
            break
    assert (await setting.until_told(ViewerLeft)).reason == "the viewer takes nothing"
    response.close()


async def test_an_idle_view_is_wanted_once_and_served_when_it_plays(setting: Setting) -> None:
    await setting.start()
    request = asyncio.create_task(setting.http.get(setting.url + ".mp4?token=t"))
    await setting.until_told(ViewWanted)
    setting.changes.tell()
    source = setting.inputs["in"] = Scripted()
    setting.changes.tell()
    await asyncio.sleep(0.01)
    source.play()
    setting.changes.tell()
    async with await request as response:
        assert response.status == 200
    assert setting.told(ViewWanted) == [ViewWanted(view="v")]


@pytest.mark.parametrize("kind", ["mp4", "ws"])
async def test_no_picture_in_time_names_the_step(setting: Setting, kind: str) -> None:
    await setting.start(picture_wait_s=0.02)
    setting.inputs["in"] = Scripted()
    async with setting.http.get(f"{setting.url}.{kind}?token=t") as response:
        assert response.status == 504
        body = await response.json()
    message = "The stream runs, but no key frame has come yet."
    assert body == {"error": "failure", "step": "no_key_frame", "message": message}


async def test_a_view_closed_while_somebody_waits_is_gone(setting: Setting) -> None:
    await setting.start()
    request = asyncio.create_task(setting.http.get(setting.url + ".mp4?token=t"))
    await setting.until_told(ViewWanted)
    setting.views.close(CloseView(view="v", reason="over"))
    setting.changes.tell()
    async with await request as response:
        assert response.status == 410 and (await response.json())["step"] == "ended"


async def test_an_expired_view_is_gone(setting: Setting) -> None:
    await setting.start()
    setting.now = 2000.0
    async with setting.http.get(setting.url + ".mp4?token=t") as response:
        assert response.status == 410
