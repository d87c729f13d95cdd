"""A real node as a process, and its API from outside."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp.web
import pytest

from interop.demo import node as node_module
from interop.demo.node import ApiFailure, NodeProcess

REGION = "54000000002000000001"


def _node(directory: Path, **changed: dict[str, object]) -> NodeProcess:
    return NodeProcess(REGION, 'a "quoted" name\\', directory / "n", set(), dict(changed))


def test_the_configuration_file_says_what_was_chosen(tmp_path: Path) -> None:
    one = _node(tmp_path, media={"linger_seconds": 1.5}, http={"tls": True, "cors": ["a", "b"]})
    one.write_config()
    first = one.config_file.read_text("utf-8")
    one.write_config()
    assert one.config_file.read_text("utf-8") == first
    read = tomllib.loads(first)
    assert read["node"] == {"id": REGION, "name": 'a "quoted" name\\', "data_dir": str(tmp_path / "n" / "data")}
    assert read["sip"] == {"host": "127.0.0.1", "port": one.sip_port}
    assert read["http"] == {"host": "127.0.0.1", "port": one.http_port, "tls": True, "cors": ["a", "b"]}
    assert read["media"]["linger_seconds"] == 1.5
    assert read["media"]["port_max"] - read["media"]["port_min"] == 199


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    one = _node(tmp_path)
    assert one.password not in repr(one)


async def test_a_node_starts_is_set_up_answers_survives_a_kill_and_stops(tmp_path: Path) -> None:
    one = _node(tmp_path)
    await one.start()
    try:
        await one.set_up()
        assert (await one.call("GET", "/api/v1/channels?limit=5"))["items"] == []
        with pytest.raises(ApiFailure) as failure:
            await one.call("GET", "/api/v1/devices/34020000001320000001")
        assert failure.value.status == 404
        with pytest.raises(ApiFailure):
            await one.fetch("/api/v1/channels/34020000001320000001/34020000001310000001/snapshot")
        rule = {"id": "everything", "mode": "all", "actions": ["live"]}
        await one.call("POST", "/api/v1/rules", rule)
        assert await one.call("DELETE", "/api/v1/rules/everything") is None
        workers = sorted(one.workers())
        assert len(workers) == 3
        await one.kill()
        assert sorted(one.workers()) == workers
        await one.start()
        await one.log_in()
        assert sorted(one.workers()) == workers
        assert (await one.call("GET", "/api/v1/channels?limit=5"))["items"] == []
    finally:
        await one.kill()
        await one.stop()
        assert one.workers() == []
        await one.stop()
    assert one.log_file.stat().st_size > 0


async def test_a_node_whose_accounts_are_reset_has_a_new_code(tmp_path: Path) -> None:
    one = _node(tmp_path)
    await one.start()
    try:
        first = await one.one_time_code()
        replaced = asyncio.create_task(one.another_code())
        for _ in range(10):
            body = {"code": "A" * 20, "username": "admin", "password": one.password}
            with pytest.raises(ApiFailure):
                await one.call("POST", "/api/v1/setup", body)
        first, former = await asyncio.wait_for(replaced, 10), first
        assert first != former
        await one.set_up()
        assert not any(code in one.log_file.read_text("utf-8") for code in (first, former))
        with pytest.raises(RuntimeError, match="in use by process"):
            await one.command("reset-accounts", "--yes")
        await one.stop()
        await one.command("reset-accounts", "--yes")
        await one.start()
        second = await one.one_time_code()
        assert second and second != first
        with pytest.raises(ApiFailure, match="401"):
            await one.call("GET", "/api/v1/channels")
        await one.set_up()
    finally:
        await one.stop()


async def test_a_node_that_cannot_start_is_told_with_its_log(tmp_path: Path) -> None:
    one = _node(tmp_path, node={"id": "54"})
    with pytest.raises(RuntimeError, match=r"ended with [1-9]\d*; see .*gbgateway.log"):
        await one.start()
    await one.stop()
    assert b"id" in one.log_file.read_bytes()


async def test_a_node_that_never_becomes_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module, "START_TIMEOUT_S", 0.0)
    monkeypatch.setattr(node_module, "STOP_TIMEOUT_S", 0.0)
    one = _node(tmp_path)
    with pytest.raises(RuntimeError, match="did not become ready"):
        await one.start()
    await one.stop()
    assert one.process is not None
    assert one.process.returncode


@pytest.fixture
async def stream() -> AsyncIterator[str]:
    """A server of an endless stream at /live and an error everywhere else."""

    async def live(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        response = aiohttp.web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"picture" * 100)
            await asyncio.sleep(0.01)

    async def other(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.json_response({"step": "no_packet", "message": "nothing came"}, status=504)

    app = aiohttp.web.Application()
    app.router.add_get("/live", live)
    app.router.add_get("/{any}", other)
    runner = aiohttp.web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_stream_is_read_for_a_while_and_an_error_has_its_message(stream: str, tmp_path: Path) -> None:
    one = _node(tmp_path)
    one._session = aiohttp.ClientSession()
    size = await one.download(f"{stream}/live", 0.1, tmp_path / "live.mp4")
    assert (tmp_path / "live.mp4").read_bytes() == b"picture" * (size // 7)
    with pytest.raises(ApiFailure, match="504: nothing came"):
        await one.download(f"{stream}/gone", 0.1, tmp_path / "gone.mp4")
    await one.stop()
