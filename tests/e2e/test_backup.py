"""Kill and restore: a backup taken while the node works brings everything back after its data are lost."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.compliance.verify import Verified, verify
from interop.demo.node import NodeProcess
from tests.e2e.chain import running_chain, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

DEVICE, CHANNEL = "34020100001110000001", "34020100001320000001"


async def gbgateway(*arguments: str | Path) -> tuple[int, str]:
    """Run the command; its status and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def kept(node: NodeProcess) -> dict[str, Any]:
    """What a restore has to bring back, as the API tells it."""
    lists = {}
    for name, fields in {
        "devices": ("id", "name", "kind", "media_transport"),
        "uppers": ("id", "host", "port", "rule_id"),
        "rules": ("id", "mode", "actions"),
        "users": ("id", "role"),
        "channels": ("peer_id", "code", "name"),
    }.items():
        items = (await node.call("GET", f"/api/v1/{name}?limit=1000"))["items"]
        lists[name] = [{field: item[field] for field in fields} for item in items]
    return lists


async def test_a_lost_node_is_back_from_its_backup(tmp_path: Path) -> None:
    async with running_chain(1, tmp_path) as chain:
        node = chain.top
        data, backup = node.directory / "data", tmp_path / "backup.tar.gz"
        device = await chain.add_device(DEVICE, CHANNEL, codec="H264", media="udp")
        await chain.channels_at(node, 1)
        await node.call("POST", "/api/v1/users", {"id": "wang", "password": "Correct-Horse-7", "role": "operator"})
        await chain.shown_above(CHANNEL)
        call = await chain.upper.play(CHANNEL, transport="udp")
        await call.first_key(15)
        before = await kept(node)

        status, said = await gbgateway("backup", "--config", node.config_file, backup, "--json")
        assert status == 0, said
        taken = json.loads(said)
        await call.frames(len(call.units) + 5)  # taking it disturbed nobody
        status, said = await gbgateway("restore", "--config", node.config_file, backup, "--replace")
        assert status == 1 and "in use by process" in said, said

        for pid in node.workers():
            os.kill(pid, signal.SIGKILL)
        await node.kill()
        shutil.rmtree(data)
        status, said = await gbgateway("restore", "--config", node.config_file, backup)
        assert status == 0 and "devices 1" in said, said
        outcome = verify(data / "ledger.db")
        assert isinstance(outcome, Verified)
        assert (outcome.entries, outcome.head) == (taken["counts"]["ledger"], taken["ledger_head"])

        began = time.monotonic()
        await node.start()
        await node.log_in()
        assert await kept(node) == before
        assert (await device.register()).status == 200, "the device's password opens with the key that was brought back"

        async def online() -> bool:
            return bool((await node.call("GET", f"/api/v1/devices/{DEVICE}"))["online"])

        await until(online)
        print(f"back {time.monotonic() - began:.1f} s after the start")
        assert isinstance(verify(data / "ledger.db"), Verified), "the chain goes on where the backup ended"
        status, said = await gbgateway("ledger", "verify", "--config", node.config_file)
        assert status == 0 and said.startswith("Whole: "), said


async def test_commands_of_a_running_node_look_it_over(tmp_path: Path) -> None:
    async with running_chain(1, tmp_path) as chain:
        node = chain.top
        status, said = await gbgateway("self-check", "--config", node.config_file, "--json")
        found = json.loads(said)["findings"]
        ports = [one for one in found if one["subject"] in ("sip.port", "http.port", "media.http_port")]
        assert len(ports) == 4 and all("held by this node" in one["text"] for one in ports), said
        [upper] = [one for one in found if one["subject"] == "upper platform"]
        assert upper["level"] in ("ok", "warning") and status in (0, 1), said


async def test_a_second_node_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with running_chain(1, tmp_path) as chain:
        status, said = await gbgateway("run", "--config", chain.top.config_file)
        assert status == 1 and "in use by process" in said
        assert (await chain.top.call("GET", "/healthz"))["status"] == "ok"
