"""Who handles what, on a running node."""

from __future__ import annotations

from pathlib import Path

from gateway.assembly.desks import registrar_policy
from interop.wire.manscdp import xml
from tests.gateway.signalling.raw import RawPeer, request_bytes
from tests.stand.node import NODE_ID
from tests.stand.street import CHANNEL, UPPER_ID, running_street, settings


def test_registrations_are_as_the_configuration_says(tmp_path: Path) -> None:
    made = settings(
        tmp_path,
        node={"edition": "2016"},
        registrar={"min_expires_seconds": 30, "max_expires_seconds": 600},
        sip={"ban_after_failures": 3, "strict_codes": True},
    )
    policy = registrar_policy(made)
    assert (policy.min_expires_s, policy.max_expires_s, policy.failures_allowed) == (30, 600, 3)
    assert policy.strict_codes and policy.gb_version == "2.0"


async def test_below_and_above_are_served_and_a_stranger_is_not(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street, RawPeer() as stranger:
        assert (await street.device.keepalive()).status == 200
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(1)
        await call.bye()
        body = xml("Query", "Catalog", 1, NODE_ID)
        assert (await stranger.ask(street.node.sip_port, request_bytes("MESSAGE", body=body))).status == 403
        assert street.node.registrar.counters["registered"] >= 1
        assert (await street.node.cascade.shared(UPPER_ID)).real(CHANNEL) is not None
