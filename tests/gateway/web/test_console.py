"""The console's files over HTTP: what is served where, what may be kept, and what a page may do."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.web.console import FOREVER, Console, built_files, policy

PAGE = "<!doctype html><title>门</title>"
SCRIPT = "export const gate = '门';" + " " * 2000


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A console of three files."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE, "utf-8")
    (tmp_path / "favicon.svg").write_text("<svg/>", "utf-8")
    (tmp_path / "assets" / "main-abc123.js").write_text(SCRIPT, "utf-8")
    return tmp_path


@pytest.fixture
async def browser(built: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of an application with one route of its own and the console."""

    async def mine(_request: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/api/v1/setup", mine)
    app.router.add_post("/api/v1/login", mine)
    app.router.add_get("/healthz", mine)
    Console(lambda seen_host, viewer: [f"http://{seen_host}:8081"], built).mount(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    session = aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}", auto_decompress=False)
    try:
        yield session
    finally:
        await session.close()
        await runner.cleanup()


@pytest.mark.parametrize("path", ["/", "/index.html", "/watch", "/devices/34020000001320000001", "/apis", "/healthzz"])
async def test_every_page_of_the_console_is_the_one_page_and_asked_for_again(
    browser: aiohttp.ClientSession, path: str
) -> None:
    async with browser.get(path) as answer:
        assert (answer.status, await answer.text()) == (200, PAGE)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"]


async def test_a_file_with_a_hash_in_its_name_is_kept_for_ever_and_sent_packed(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/assets/main-abc123.js", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Cache-Control"] == FOREVER
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
        assert gzip.decompress(await answer.read()).decode() == SCRIPT
    async with browser.get("/assets/main-abc123.js", headers={"Accept-Encoding": "identity"}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert (await answer.read()).decode() == SCRIPT


async def test_what_a_browser_has_already_is_not_sent_again(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/favicon.svg") as answer:
        etag = answer.headers["ETag"]
        assert answer.headers["Content-Type"] == "image/svg+xml"
    async with browser.get("/favicon.svg", headers={"If-None-Match": f'W/"other", {etag}'}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
        assert answer.headers["ETag"] == etag


async def test_only_the_head_is_sent_where_only_the_head_is_asked_for(browser: aiohttp.ClientSession) -> None:
    async with browser.head("/watch") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/setup", 200),
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 404),
        ("GET", "/api", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/login", 405),
        ("POST", "/watch", 405),
        ("GET", "/assets/gone.js", 404),
        ("GET", "/assets/../../secrets.toml", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd.txt", 404),
        ("GET", "/etc/shadow.bak", 404),
    ],
)
async def test_what_is_not_the_consoles_is_left_alone(
    browser: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with browser.request(method, path) as answer:
        assert answer.status == status
        assert PAGE not in await answer.text()


def test_a_page_may_run_its_own_scripts_and_reach_the_stream_workers_and_nothing_else() -> None:
    said = policy(["http://192.0.2.1:8081", "https://video.example/s"])
    rules = dict(rule.split(" ", 1) for rule in said.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"].split() == [
        "'self'", "http://192.0.2.1:8081", "https://video.example", "ws://192.0.2.1:8081", "wss://video.example",
    ]  # fmt: skip
    assert rules["media-src"] == "'self' blob:"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in said and "*" not in said


async def test_a_node_without_a_built_console_serves_its_api_only(tmp_path: Path) -> None:
    assert built_files(tmp_path / "missing") == {}
    app = web.Application()
    Console(lambda _host, _viewer: [], tmp_path / "missing").mount(app)
    assert not list(app.router.routes())


def test_the_package_has_its_console_with_it() -> None:
    app = web.Application()
    Console(lambda _host, _viewer: []).mount(app)
    assert [route.method for route in app.router.routes()] == ["HEAD", "GET"]
