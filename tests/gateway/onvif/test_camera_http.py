"""HTTP to cameras, against servers of our own on real sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from gateway.onvif.camera_http import CameraHttp, HttpTrouble, Login, TooLarge
from gateway.secrets import Secret

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """A server that has everything handled; its base address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def calling(answer_s: float = 5.0, max_bytes: int = 1000) -> AsyncIterator[CameraHttp]:
    http = CameraHttp(answer_s=answer_s, max_bytes=max_bytes)
    try:
        yield http
    finally:
        await http.close()


async def test_an_answer_has_status_body_and_type() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity" and "Authorization" not in request.headers
        return web.Response(status=400, body=b"got " + await request.read(), content_type="application/soap+xml")

    async with serving(handler) as url, calling() as http:
        answer = await http.post(f"{url}/x", b"hello", "text/xml", Login())
    assert (answer.status, answer.body, answer.content_type) == (400, b"got hello", "application/soap+xml")


async def test_a_server_that_asks_for_basic_gets_it_and_one_that_asks_for_digest_never_does() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        scheme = 'Basic realm="r"' if request.path == "/basic" else 'Digest realm="r", nonce="n", qop="auth"'
        if seen[-1].startswith(("Basic", "Digest")):
            return web.Response(body=b"in")
        return web.Response(status=401, headers={"WWW-Authenticate": scheme})

    async with serving(handler) as url, calling() as http:
        login = Login("u", Secret("p"))
        assert (await http.get(f"{url}/basic", login)).body == b"in"
        assert seen == ["", "Basic " + base64.b64encode(b"u:p").decode()]
        assert (await http.get(f"{url}/basic", login)).body == b"in" and len(seen) == 3
        seen.clear()
        assert (await http.get(f"{url}/digest", Login("u", Secret("p")))).body == b"in"
        assert seen[0] == "" and seen[1].startswith("Digest") and 'username="u"' in seen[1]
        seen.clear()
        assert (await http.get(f"{url}/digest", Login())).status == 401


async def test_a_redirection_is_followed_on_the_same_host_and_nowhere_else() -> None:
    target = ""

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/there":
            return web.Response(body=b"here")
        return web.Response(status=307, headers={"Location": target})

    async with serving(handler) as url, calling() as http:
        target = "/there"
        assert (await http.get(f"{url}/", Login())).body == b"here"
        for location, words in (
            ("http://127.0.0.2/x", "another host"),
            ("file:///etc/passwd", "another host"),
            ("/loop", "circle"),
        ):
            target = location
            with pytest.raises(HttpTrouble, match=words) as refused:
                await http.get(f"{url}/", Login())
            assert refused.value.what_zh


async def test_answers_are_bounded_in_size_and_time_and_not_unpacked() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/slow":
            await asyncio.sleep(30)
        packed = {"Content-Encoding": "gzip"} if request.path == "/packed" else {}
        return web.Response(body=b"x" * 2000, headers=packed)

    async with serving(handler) as url, calling() as http, calling(answer_s=0.3) as hasty:
        with pytest.raises(TooLarge):
            await http.get(f"{url}/", Login())
        assert len((await http.get(f"{url}/", Login(), max_bytes=2000)).body) == 2000
        with pytest.raises(HttpTrouble, match="compress"):
            await http.get(f"{url}/packed", Login())
        with pytest.raises(HttpTrouble, match=r"no answer within 0\.3 s"):
            await hasty.get(f"{url}/slow", Login())


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x46"])
async def test_who_does_not_speak_http_is_told_so(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, calling() as http:
        with pytest.raises(HttpTrouble, match="HTTP"):
            await http.get(f"http://127.0.0.1:{port}/", Login())
        with pytest.raises(HttpTrouble):
            await http.get(f"https://127.0.0.1:{port}/", Login(), verify=False)


async def test_an_idle_connection_the_camera_closed_is_no_trouble() -> None:
    taken = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        await reader.readuntil(b"\r\n\r\n")
        if taken > 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, calling() as http:
        assert (await http.get(url, Login())).body == b"ok"
        server.close()
        taken = -5
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    taken = -5
    async with server, calling() as http:
        with pytest.raises(HttpTrouble, match="broke"):
            await http.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", Login())


async def test_nobody_there_is_said_in_the_systems_words() -> None:
    async with calling() as http:
        with pytest.raises(HttpTrouble, match="Connection refused"):
            await http.get("http://127.0.0.1:1/", Login())
        with pytest.raises(HttpTrouble, match="resolved"):
            await http.get("http://camera.invalid/", Login())
        with pytest.raises(HttpTrouble):
            await http.get("http://[::bad/", Login())
