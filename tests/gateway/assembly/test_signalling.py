"""The signalling of a running node as it is configured."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.assembly.signalling import NEVER_S, flap_policy, keepalive_policy
from gateway.device_health.keepalives import KeepalivePolicy
from gateway.device_health.standing import FlapPolicy
from gateway.store.uppers import Upper
from interop.wire.media import bound_udp
from interop.wire.sipwire import Path as WirePath
from interop.wire.sipwire import answer_bytes, split
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


@pytest.mark.parametrize("tolerances", [("answer_from_elsewhere",), ()])
async def test_an_upper_platform_with_two_cards_is_understood_where_that_is_tolerated(
    tmp_path: Path, tolerances: tuple[str, ...]
) -> None:
    """It takes REGISTER on one card and answers from the other."""
    loop = asyncio.get_running_loop()
    with bound_udp("127.0.0.1") as asked, bound_udp("127.0.0.2") as other:
        async with running_node(settings(tmp_path)) as node:
            upper = Upper(
                "34000000002000000001",
                host="127.0.0.1",
                port=asked.getsockname()[1],
                source_addresses=("127.0.0.2",),
                tolerances=tolerances,
            )
            await node.stores.uppers.create(upper)
            data, source = await asyncio.wait_for(loop.sock_recvfrom(asked, 65_535), 5)
            path = WirePath("UDP", *source)
            answer = answer_bytes(split(data), 200, source=path, to_tag="t", lines=["Expires: 3600"])
            await loop.sock_sendto(other, answer, source)
            counters = node.stack.counters
            async with asyncio.timeout(5):
                while not counters.answers_from_elsewhere and not counters.foreign_responses:
                    await asyncio.sleep(0.01)
                uplink = node.uplinks.get(upper.id)
                while tolerances and not (uplink is not None and uplink.registered):
                    await asyncio.sleep(0.01)
            assert uplink is not None and uplink.registered is bool(tolerances)


def test_what_is_configured_of_keepalives_and_returns_is_what_holds(tmp_path: Path) -> None:
    registrar = {
        "keepalive_interval_seconds": 30, "keepalive_misses": 5, "keepalive_learned_min_seconds": 7,
        "keepalive_learned_max_seconds": 90, "flaps_allowed": 2, "flap_window_seconds": 50, "settle_seconds": 9,
    }  # fmt: skip
    made = settings(tmp_path, registrar=registrar)
    assert keepalive_policy(made) == KeepalivePolicy(30, 5, 7, 90) and flap_policy(made) == FlapPolicy(2, 50, 9)
