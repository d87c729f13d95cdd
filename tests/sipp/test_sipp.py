"""An independent SIP program as the device: registration, keepalive, catalogue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app import Node
from tests.sipp.program import Registrar, Sipp
from tests.stand.node import NODE_ID, PASSWORD, config, enrol, running_node
from tests.stand.registrar import SmallRegistrar

pytestmark = pytest.mark.sipp

SERVER, DEVICE = "34020000002000000001", "34020000001180000001"
CHANNELS = {
    "34020000001320000001": "东门枪机",
    "34020000001320000002": "大厅半球",
    "34020000001320000003": "后门枪机",
}
"""What catalog.xml lists."""


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
    assert [(item.device_id, item.name) for item in items] == list(CHANNELS.items())
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
        # The device itself, which never said what it is called, and what it has listed.
        wanted = [(DEVICE, DEVICE), *CHANNELS.items()]
        assert await rows_of(node, DEVICE, wanted) == wanted


async def rows_of(node: Node, peer_id: str, wanted: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Code and name of every object stored of a peer, once they are the wanted ones or ten seconds are over."""
    rows: list[tuple[str, str]] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while rows != wanted:
                await asyncio.sleep(0.05)
                rows = sorted([(row.item.code, row.item.name) async for row in node.catalog.all_items(peer_id)])
    return rows
