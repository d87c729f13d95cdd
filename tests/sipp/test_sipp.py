"""An independent SIP program as the device: registration, keepalive, catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sipp.program import Registrar, Sipp
from tests.stand.node import NODE_ID, PASSWORD, config, enrol, running_node
from tests.stand.registrar import SmallRegistrar

pytestmark = pytest.mark.sipp

SERVER, DEVICE = "34020000002000000001", "34020000001180000001"


@pytest.fixture
async def platform() -> AsyncIterator[SmallRegistrar]:
    async with SmallRegistrar(SERVER, "12345678") as up:
        yield up


@pytest.fixture
def registrar_address(platform: SmallRegistrar) -> Registrar:
    return Registrar("127.0.0.1", platform.port, SERVER, DEVICE, "12345678")


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_sipp_registers_with_digest_and_keeps_alive(
    platform: SmallRegistrar, registrar_address: Registrar, tmp_path: Path, transport: str
) -> None:
    async with Sipp("register.xml", registrar_address, tmp_path, transport=transport) as run:
        await run.passed()
    assert list(platform.bindings) == [DEVICE]
    assert platform.keepalives == [DEVICE]


async def test_sipp_with_a_wrong_password_is_not_let_in(
    platform: SmallRegistrar, registrar_address: Registrar, tmp_path: Path
) -> None:
    wrong = Registrar("127.0.0.1", registrar_address.port, SERVER, DEVICE, "wrong")
    async with Sipp("refused.xml", wrong, tmp_path) as run:
        await run.passed()
    assert platform.bindings == {}


async def test_sipp_answers_the_catalogue_query_in_two_fragments(
    platform: SmallRegistrar, registrar_address: Registrar, tmp_path: Path
) -> None:
    async with Sipp("register.xml", registrar_address, tmp_path) as run:
        await run.passed()
    async with Sipp("catalog.xml", registrar_address, tmp_path, port=run.port) as answering:
        await answering.listening()
        items = await platform.catalog(DEVICE, sn=17430)
        await answering.passed()
    assert [(item.device_id[-1], item.name) for item in items] == [
        ("1", "东门枪机"),
        ("2", "大厅半球"),
        ("3", "后门枪机"),
    ]
    assert [len(fragment.items) for fragment in platform.answers[17430]] == [2, 1]


async def test_sipp_at_a_whole_node(tmp_path: Path) -> None:
    logs = tmp_path / "sipp"
    logs.mkdir()
    async with running_node(config(tmp_path / "data")) as node:
        await enrol(node, DEVICE)
        address = Registrar("127.0.0.1", node.sip_port, NODE_ID, DEVICE, PASSWORD)
        async with Sipp("register.xml", address, logs) as run:
            await run.passed()
        # The node asks for the catalogue at once; until the second sipp has the port, the query is repeated.
        async with Sipp("catalog.xml", address, logs, port=run.port) as answering:
            await answering.passed()
        async with asyncio.timeout(10):
            while await node.catalog.count(DEVICE) < 3:
                await asyncio.sleep(0.05)
        stored = [row.item.name async for row in node.catalog.all_items(DEVICE)]
        assert sorted(stored) == sorted(["东门枪机", "大厅半球", "后门枪机"])
