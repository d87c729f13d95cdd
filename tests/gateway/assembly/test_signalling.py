"""The signalling of a running node as it is configured."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.assembly.signalling import NEVER_S
from interop.wire.sipwire import Path as WirePath
from tests.gateway.signalling.raw import RawPeer, request_bytes
from tests.stand.node import running_node
from tests.stand.street import settings


@pytest.mark.parametrize(("edition", "version"), [("2022", "3.0"), ("2016", "2.0")])
async def test_every_answer_to_register_names_the_edition(tmp_path: Path, edition: str, version: str) -> None:
    made = settings(tmp_path, node={"edition": edition}, catalog={"sync_interval_seconds": 0})
    async with running_node(made) as node, RawPeer() as peer:
        answer = await peer.ask(node.sip_port, request_bytes("REGISTER", to="<sip:34020000001320000001@3402000000>"))
        assert answer.status == 401 and answer.need("x-gb-ver") == version
        assert node.uplinks.target_of is not None and node.sync._interval_s == NEVER_S


async def test_udp_and_tcp_are_heard_on_one_number(tmp_path: Path) -> None:
    async with running_node(settings(tmp_path)) as node, RawPeer() as peer:
        over = await peer.port.dial("127.0.0.1", node.sip_port)
        assert isinstance(over, WirePath)
        line = peer.port.via(over)
        data = request_bytes("REGISTER", to="<sip:34020000001320000001@3402000000>", via=line)
        assert (await peer.port.ask(data, over)).status == 401
