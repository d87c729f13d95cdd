from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway import cli
from gateway.operations.accounts import NothingThere
from gateway.operations.backup import BackupRefused
from gateway.operations.restore import RestoreRefused
from gateway.store.migrations.upgrade import newest
from interop.demo.ports import free_range
from tests.gateway.operations.lived_in import live_in


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The configuration of a node in `data` beside it, which has been lived in."""
    first, last = free_range(32, set())
    configuration = tmp_path / "g.toml"
    configuration.write_text(
        f'[node]\ndata_dir = "{tmp_path / "data"}"\n[sip]\nhost = "127.0.0.1"\nport = 0\n[http]\nport = 0\n'
        f'[media]\nhost = "127.0.0.1"\nport_min = {first}\nport_max = {last}\nhttp_port = 0\nmax_streams = 1\n'
    )
    return configuration


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_a_node_is_backed_up_lost_and_brought_back(file: Path, tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "b.tar.gz"
    asyncio.run(live_in(data))
    taken = run("backup", backup, "--config", file)
    assert taken.exit_code == 0, taken.output
    assert f"{backup}: {backup.stat().st_size} bytes, verified" in taken.output and "ledger head 4:" in taken.output
    assert "devices 1" in taken.output and backup.stat().st_mode & 0o777 == 0o600
    assert isinstance(run("backup", backup, "--config", file).exception, BackupRefused)
    assert isinstance(run("restore", backup, "--config", file).exception, RestoreRefused)
    done = run("restore", backup, "--config", file, "--replace")
    assert done.exit_code == 0, done.output
    assert "ledger 4" in done.output and f"What was there is in {data}/replaced-" in done.output.replace("\n", "")
    file.write_text(file.read_text() + "\n")
    assert "tar -xOzf" in run("restore", backup, "-c", file, "--replace").output


def test_an_older_backup_says_what_it_was_brought_to(file: Path, tmp_path: Path) -> None:
    asyncio.run(live_in(tmp_path / "data", "0001"))
    backup = tmp_path / "b.tar.gz"
    assert run("backup", backup, "--config", file).exit_code == 0
    done = run("restore", backup, "--config", file, "--replace")
    assert f"schema 0001 brought to {newest()}" in done.output


def test_programs_read_json(file: Path, tmp_path: Path) -> None:
    asyncio.run(live_in(tmp_path / "data"))
    taken = json.loads(run("backup", tmp_path, "--config", file, "--json").output)
    assert taken["file"].endswith(".tar.gz") and taken["counts"]["ledger"] == 4 and taken["schema"] == newest()
    done = json.loads(run("restore", taken["file"], "--config", file, "--replace", "--json").output)
    assert done["counts"]["devices"] == 1 and done["aside"].startswith(str(tmp_path / "data" / "replaced-"))


def test_the_self_check_ends_with_the_worst_it_found(file: Path) -> None:
    checked = run("self-check", "--config", file)
    assert checked.exit_code in (0, 1), checked.output
    assert "ok       node.data_dir: " in checked.output and "checks: 0 problems" in checked.output
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        file.write_text(file.read_text().replace("[http]\nport = 0", f"[http]\nport = {port}"))
        told = run("self-check", "--config", file, "--json")
    assert told.exit_code == 2
    content = json.loads(told.output)
    assert content["worst"] == "problem"
    [bad] = [one for one in content["findings"] if one["level"] == "problem"]
    assert bad["subject"] == "http.port" and str(port) in bad["text"] and "ss -lnpt" in bad["change"]


def test_accounts_are_reset_when_that_is_meant(file: Path, tmp_path: Path) -> None:
    assert isinstance(run("reset-accounts", "--yes", "--config", file).exception, NothingThere)
    asyncio.run(live_in(tmp_path / "data"))
    kept = CliRunner().invoke(cli.app, ["reset-accounts", "--config", str(file)], input="n\n")
    assert kept.exit_code == 1 and "removed" not in kept.output
    done = CliRunner().invoke(cli.app, ["reset-accounts", "--config", str(file)], input="y\n")
    assert done.exit_code == 0 and "1 accounts removed" in done.output and "set-up code" in done.output
    assert "There was no account." in run("reset-accounts", "--yes", "--config", file).output
