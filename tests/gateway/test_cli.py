from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway import cli, config
from gateway.compliance.entry import Entry
from gateway.compliance.ledger import Ledger
from gateway.web.route import Call, Route

ID = "34020000001320000001"
CHANNEL = "34020000001310000001"
PASSWORD = "Correct-Horse-7"
Invoke = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture(autouse=True)
def own_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GBGATEWAY_TOKEN", raising=False)
    monkeypatch.delenv("GBGATEWAY_URL", raising=False)
    monkeypatch.delenv("GBGATEWAY_CERTIFICATE", raising=False)


async def at(api: Any, *arguments: str, typed: str = "") -> Result:
    """Run one command against ``api``, with ``typed`` answered to its questions."""
    command = ["--url", api.url, *arguments]
    return await asyncio.to_thread(CliRunner().invoke, cli.app, command, typed)


async def logged_in(api: Any) -> None:
    assert (await at(api, "login", "--username", "root", typed=PASSWORD + "\n")).exit_code == 0


def output(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


async def test_the_first_start_from_set_up_to_a_device(start_api) -> None:
    api = await start_api(fresh=True)
    answers = f"{PASSWORD}\n{PASSWORD}\n"
    result = await at(api, "setup", "--username", "chief", "--code", api.announced[0], typed=answers)
    assert f"gbgateway --url {api.url} login" in output(result)
    assert "chief (admin)" in output(await at(api, "login", "--username", "chief", typed=PASSWORD + "\n"))
    assert "chief" in output(await at(api, "whoami"))
    result = await at(api, "devices", "add", ID, "name=东门", "media_transport=udp", "--ask-password", typed="p\np\n")
    assert "东门" in output(result)
    assert api.ctx.stores.devices.require(ID).password.reveal() == "p"
    assert ID in output(await at(api, "devices", "list"))
    output(await at(api, "logout"))
    assert isinstance((await at(api, "whoami")).exception, cli.ApiFailure)


async def anywhere(*arguments: str, typed: str = "", **variables: str) -> Result:
    """Run one command that names no node."""
    return await asyncio.to_thread(CliRunner().invoke, cli.app, arguments, typed, variables)


async def test_commands_go_to_the_node_last_logged_in_to_until_logout(start_api) -> None:
    first, second = await start_api(), await start_api()
    await logged_in(first)
    await logged_in(second)
    output(await anywhere("rules", "add", "here"))
    assert "here" in second.ctx.stores.rules and "here" not in first.ctx.stores.rules
    # A node that is named wins, by option or variable, and does not become the last by that.
    output(await at(first, "rules", "add", "there"))
    output(await anywhere("rules", "add", "too", GBGATEWAY_URL=first.url))
    assert {"there", "too"} <= {rule.id for rule in first.ctx.stores.rules}
    output(await anywhere("whoami"))
    assert cli.Target.url == second.url
    output(await at(first, "logout"))
    assert "root" in output(await anywhere("whoami"))
    output(await anywhere("logout"))
    await anywhere("whoami")
    assert cli.Target.url == "http://127.0.0.1:8080"


async def test_a_node_is_trusted_as_at_its_login(api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_text("")
    monkeypatch.setattr(cli.ApiClient, "__init__", lambda self, url, token=None, **_: None)
    monkeypatch.setattr(cli.ApiClient, "call", lambda *_, **__: {"token": "t", "username": "root", "role": "admin"})
    login = ["--url", "https://n", "--certificate", "ca.pem", "login", "--username", "root"]
    output(await anywhere(*login, typed="x\n"))
    output(await anywhere("whoami"))
    assert (cli.Target.url, cli.Target.certificate) == ("https://n", str(tmp_path / "ca.pem"))
    output(await anywhere("--certificate", "other.pem", "whoami"))
    assert cli.Target.certificate == "other.pem"


async def test_records_are_changed_shown_and_removed(api) -> None:
    await logged_in(api)
    output(await at(api, "rules", "add", "city", "mode=all"))
    output(await at(api, "uppers", "add", "34020000002000000099", "host=192.0.2.1", "rule_id=city"))
    output(await at(api, "uppers", "set", "34020000002000000099", "port=5061", "enabled=no"))
    shown = json.loads(output(await at(api, "uppers", "show", "34020000002000000099", "--json")))
    assert (shown["port"], shown["enabled"], shown["rule_id"]) == (5061, False, "city")
    assert "192.0.2.1" in output(await at(api, "uppers", "list", "--text", "34"))
    output(await at(api, "uppers", "remove", "34020000002000000099"))
    assert len(api.ctx.stores.uppers) == 0


async def test_keys_are_issued_used_listed_and_revoked(api, monkeypatch: pytest.MonkeyPatch) -> None:
    await logged_in(api)
    key = output(await at(api, "keys", "add", "wall", "--role", "viewer", "--days", "1")).strip()
    listed = output(await at(api, "keys", "list", "--json"))
    [key_id] = [item["id"] for item in json.loads(listed) if item["kind"] == "key"]
    monkeypatch.setenv("GBGATEWAY_TOKEN", key)
    assert json.loads(output(await at(api, "whoami", "--json")))["role"] == "viewer"
    monkeypatch.delenv("GBGATEWAY_TOKEN")
    output(await at(api, "keys", "remove", key_id))
    monkeypatch.setenv("GBGATEWAY_TOKEN", key)
    assert (await at(api, "whoami")).exit_code == 1


async def test_the_health_of_a_node_is_shown_and_is_the_exit_status(api) -> None:
    assert "ok" in output(await at(api, "status"))
    api.ctx.checks["sip"] = lambda: "not listening"
    result = await at(api, "status")
    assert result.exit_code == 1 and "not listening" in result.output


async def test_a_node_that_does_not_answer_is_not_well() -> None:
    result = CliRunner().invoke(cli.app, ["--url", "http://127.0.0.1:9", "status"])
    assert isinstance(result.exception, cli.ApiFailure)


async def test_the_health_of_a_device_is_shown_with_its_contacts_and_why_it_was_offline(
    start_api, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {
        "id": ID, "state": "unstable", "last_contact": 1_700_000_000.0, "clock": {"offset_seconds": -7200.0},
        "contacts": [{"at": 1_700_000_000.0, "kind": "MESSAGE Keepalive", "source": "192.0.2.7:5060",
                      "transport": "UDP"}],
        "offline": [{"at": 1.0, "reason": "expired", "message": "registration expired", "message_zh": "注册已过期"}],
    }  # fmt: skip

    async def health(call: Call) -> dict[str, Any]:
        return shown | {"id": call.path("id")}

    path = "/api/v1/devices/{id}/health"
    api = await start_api(extra=(Route("GET", path, health, "Health", "operator", "devices"),))
    await logged_in(api)
    text = output(await at(api, "devices", "health", ID))
    for words in ("unstable", "clock.offset_seconds", "-7200", "MESSAGE Keepalive", "192.0.2.7:5060", "expired"):
        assert words in text
    assert "1700000000" not in text
    assert json.loads(output(await at(api, "devices", "health", ID, "--json"))) == shown


async def test_any_route_can_be_called(api) -> None:
    await logged_in(api)
    assert json.loads(output(await at(api, "api", "post", "/api/v1/rules", '{"id": "city"}')))["id"] == "city"
    assert (
        json.loads(output(await at(api, "api", "PATCH", "/api/v1/rules/city", "-", typed='{"name": "x"}')))["name"]
        == "x"
    )
    assert (await at(api, "api", "post", "/api/v1/rules", "{")).exit_code == 2


async def test_an_empty_answer_prints_nothing(api) -> None:
    await logged_in(api)
    output(await at(api, "rules", "add", "city"))
    assert output(await at(api, "api", "delete", "/api/v1/rules/city")) == ""


async def test_the_catalogue_is_listed_and_a_channel_watched_by_its_url(start_api) -> None:
    asked: list[Any] = []

    async def browse(call: Call) -> dict[str, Any]:
        asked.append(dict(call.request.query))
        row = {"peer_id": ID, "code": CHANNEL, "name": "东门", "kind": "channel", "online": True}
        return {"items": [row], "next": None}

    async def view(call: Call) -> dict[str, Any]:
        asked.append(await call.request.json())
        return {"id": "1", "mp4_url": "http://127.0.0.1:8081/live/1.mp4?token=t"}

    api = await start_api(
        extra=(
            Route("GET", "/api/v1/channels", browse, "x", "viewer", "x"),
            Route("POST", "/api/v1/views", view, "x", "viewer", "x", status=201),
        )
    )
    await logged_in(api)
    assert "东门" in output(await at(api, "channels", "--text", "东", "--peer", ID))
    assert output(await at(api, "watch", ID, CHANNEL, "--purpose", "duty")).startswith("http://127.0.0.1:8081/live/1.")
    assert asked[0] == {"limit": "1000", "text": "东", "peer_id": ID}
    assert asked[1] == {"peer_id": ID, "code": CHANNEL, "purpose": "duty"}


async def test_the_ledger_is_listed(api) -> None:
    await logged_in(api)
    assert "login" in output(await at(api, "ledger", "list", "--actor", "user:root"))


def test_the_ledger_file_is_verified_and_the_first_bad_entry_named(tmp_path: Path) -> None:
    async def fill() -> None:
        ledger = Ledger.open(tmp_path)
        for _ in range(3):
            await ledger.append(Entry("user", "wang", "live", "granted"))
        await ledger.close()

    asyncio.run(fill())
    verify = ["ledger", "verify", "--data-dir", str(tmp_path)]
    result = CliRunner().invoke(cli.app, verify)
    head = output(result).split()[-1]
    assert "3 entries" in result.output and head.startswith("3:")
    assert CliRunner().invoke(cli.app, [*verify, "--head", head]).exit_code == 0
    assert CliRunner().invoke(cli.app, [*verify, "--head", "nonsense"]).exit_code == 2
    key = output(CliRunner().invoke(cli.app, ["ledger", "public-key", "--data-dir", str(tmp_path)])).strip()
    assert len(key) == 64 and CliRunner().invoke(cli.app, [*verify, "--key", key]).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("DROP TRIGGER ledger_no_delete")
        connection.execute("DELETE FROM ledger WHERE seq = 2")
    result = CliRunner().invoke(cli.app, verify)
    assert result.exit_code == 1 and "Entry 2 is bad" in result.output


def test_the_data_directory_of_the_configuration_is_the_ledgers(tmp_path: Path) -> None:
    file = tmp_path / "g.toml"
    file.write_text(f'[node]\ndata_dir = "{tmp_path}"\n')
    result = CliRunner().invoke(cli.app, ["ledger", "verify", "--config", str(file)])
    assert result.exit_code == 1 and "no such file" in str(result.exception)


def test_a_configuration_is_checked_by_file_line_and_key(tmp_path: Path) -> None:
    file = tmp_path / "g.toml"
    file.write_text("[sip]\nport = 5060\n")
    assert "good" in output(CliRunner().invoke(cli.app, ["check-config", str(file)]))
    file.write_text("[sip]\nport = -1\nprot = 2\n")
    result = CliRunner().invoke(cli.app, ["check-config", str(file)])
    assert result.exit_code == 1
    assert f"{file}:2: sip.port" in result.output and f"{file}:3: sip.prot" in result.output


def test_the_configuration_reference_is_printed() -> None:
    assert output(CliRunner().invoke(cli.app, ["config-reference"])) == config.reference()


def test_run_loads_the_configuration_and_runs_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gateway.run

    ran: list[config.Config] = []
    monkeypatch.setattr(gateway.run, "run", ran.append)
    file = tmp_path / "g.toml"
    file.write_text('[node]\nname = "n"\n')
    output(CliRunner().invoke(cli.app, ["run", "--config", str(file)]))
    assert ran[0].node.name == "n"


async def test_expected_failures_are_one_line_and_exit_status_1(
    api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main(*arguments: str) -> str:
        with pytest.raises(SystemExit) as caught:
            await asyncio.to_thread(cli.main, ["--url", api.url, *arguments])
        assert caught.value.code == 1
        return capsys.readouterr().err

    assert "gbgateway login" in await main("whoami")
    assert "KEY=VALUE" in await main("devices", "set", ID, "name")
    assert "no such file" in await main("ledger", "verify", "--data-dir", str(tmp_path))
    assert "cannot be read" in await main("run", "--config", str(tmp_path / "none.toml"))
    api.url = "http://127.0.0.1:9"
    assert "GBGATEWAY_URL" in await main("whoami")


async def test_a_command_that_asks_a_node_does_not_load_one() -> None:
    program = "import sys, gateway.cli\nprint(sorted({'aiohttp', 'sqlalchemy', 'pydantic', 'av'} & set(sys.modules)))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert (process.returncode, said) == (0, b"[]\n")
