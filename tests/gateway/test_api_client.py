from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp import web

from gateway.api_client import ApiClient, ApiFailure, Login, TokenFile
from gateway.store.devices import Device
from gateway.web.route import Call, Route


async def test_a_call_gives_the_decoded_answer_or_none(api) -> None:
    client = ApiClient(api.url + "/", api.tokens["root"])
    created = await asyncio.to_thread(client.call, "POST", "/api/v1/rules", {"id": "city", "name": "市局"})
    assert created["name"] == "市局"
    assert await asyncio.to_thread(client.call, "DELETE", "/api/v1/rules/city") is None
    listed = await asyncio.to_thread(client.call, "GET", "/api/v1/rules", query={"text": "a&b", "after": None})
    assert listed["items"] == []


async def test_a_refusal_carries_status_message_and_hint(api) -> None:
    with pytest.raises(ApiFailure, match="Log in first") as caught:
        await asyncio.to_thread(ApiClient(api.url).call, "GET", "/api/v1/me")
    assert caught.value.status == 401 and caught.value.hint == ""


async def test_an_answer_that_is_not_json_is_told_by_its_status(start_api) -> None:
    async def odd(_call: Call) -> web.Response:
        return web.Response(text="[1]", status=502)

    api = await start_api(extra=(Route("GET", "/odd", odd, "odd", "public", "x"),))
    with pytest.raises(ApiFailure, match="HTTP 502"):
        await asyncio.to_thread(ApiClient(api.url).call, "GET", "/odd")

    async def broken(_call: Call) -> web.Response:
        return web.Response(text="<html>", status=500)

    api = await start_api(extra=(Route("GET", "/broken", broken, "x", "public", "x"),))
    with pytest.raises(ApiFailure, match="HTTP 500"):
        await asyncio.to_thread(ApiClient(api.url).call, "GET", "/broken")


async def test_a_picture_is_no_answer_to_print(start_api) -> None:
    async def picture(_call: Call) -> web.Response:
        return web.Response(body=b"\xff\xd8", content_type="image/jpeg")

    api = await start_api(extra=(Route("GET", "/picture", picture, "x", "public", "x"),))
    with pytest.raises(ApiFailure, match="/picture is image/jpeg, not JSON"):
        await asyncio.to_thread(ApiClient(api.url).call, "GET", "/picture")


def test_a_node_that_does_not_answer_is_said_with_its_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ApiFailure, match=url) as caught:
            ApiClient(url).call("GET", "/healthz")
    assert caught.value.status == 0 and "GBGATEWAY_URL" in caught.value.hint


async def test_every_page_of_a_list_is_fetched(api) -> None:
    for number in range(1003):
        device = Device(f"{34020000001320000000 + number}")
        api.ctx.stores.devices._records[device.id] = device
    items = await asyncio.to_thread(ApiClient(api.url, api.tokens["root"]).pages, "/api/v1/devices", text="")
    assert len(items) == 1003 and len({item["id"] for item in items}) == 1003


def test_another_certificate_can_be_trusted(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        ApiClient("https://127.0.0.1:1", certificate=str(tmp_path / "none.pem"))


def test_logins_are_kept_per_node_for_their_owner_alone(tmp_path: Path) -> None:
    logins = TokenFile(tmp_path / "x" / "tokens.json")
    assert logins.get("http://a") is None and logins.last() is None
    logins.put(Login("http://a/", "t1", "/ca.pem"))
    logins.put(Login("http://b", "t2"))
    assert logins.get("http://a") == Login("http://a", "t1", "/ca.pem")
    assert TokenFile(logins.path).get("http://b/") == logins.last() == Login("http://b", "t2")
    assert logins.path.stat().st_mode & 0o777 == 0o600
    logins.forget("http://a")
    assert logins.get("http://a") is None and logins.last() == Login("http://b", "t2")
    logins.forget("http://b/")
    assert logins.last() is None


@pytest.mark.parametrize(
    "content", ["not json", "[]", '{"logins": 1}', '{"last": "http://b", "logins": {"http://b": "t"}}', '{"last": 1}']
)
def test_a_file_that_is_none_of_ours_keeps_no_login(content: str, tmp_path: Path) -> None:
    logins = TokenFile(tmp_path / "tokens.json")
    logins.path.write_text(content)
    assert logins.get("http://b") is None and logins.last() is None
    logins.put(Login("http://b", "t"))
    assert logins.last() == Login("http://b", "t")


def test_the_place_of_the_tokens_follows_the_users_configuration(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert TokenFile().path == tmp_path / "gbgateway" / "tokens.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert TokenFile().path == tmp_path / ".config" / "gbgateway" / "tokens.json"
