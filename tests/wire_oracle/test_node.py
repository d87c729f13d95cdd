"""A whole node between a byte device and a byte platform: nothing it says on either side may be at fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interop.wire.device import WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.platform import WirePlatform
from tests.stand.node import NODE_ID, PASSWORD, config, enrol, running_node, share_everything_with

UPPER, DEVICE = "34000000002000000001", "34020000001180000001"
CAMERAS = [f"3402000000132000000{n}" for n in range(1, 6)]


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[tuple[WireDevice, WirePlatform]]:
    channels = [WireChannel(code, f"相机{n}") for n, code in enumerate(CAMERAS)]
    nvr = WireDevice(DEVICE, PASSWORD, ("127.0.0.1", 0), NODE_ID, channels=channels)
    async with WirePlatform(UPPER, PASSWORD) as up, nvr, running_node(config(tmp_path)) as node:
        nvr.server = ("127.0.0.1", node.sip_port)
        await enrol(node, DEVICE)
        await nvr.register()
        await nvr.keepalive()
        async with asyncio.timeout(10):
            while await node.catalog.count(DEVICE) < len(CAMERAS):
                await asyncio.sleep(0.05)
        await share_everything_with(node, UPPER, up.port.port)
        await up.wait_registered(NODE_ID)
        yield nvr, up


async def test_registration_catalogue_view_and_control_are_without_fault(
    between: tuple[WireDevice, WirePlatform],
) -> None:
    nvr, up = between
    answer = await up.catalog(NODE_ID)
    assert set(CAMERAS) <= set(answer.ids)
    assert set(answer.sums) == {len(answer.ids)}
    assert not any("Password" in item or "IPAddress" in item for item in answer.items)
    for transport in ("udp", "tcp_passive", "tcp_active"):
        call = await up.play(CAMERAS[0], transport=transport)
        got = await call.frames(3)
        sent = nvr.calls[-1].units
        at = sent.index(got[0])
        assert got[:3] == sent[at : at + 3]
        assert call.faults == []
        assert (await call.bye()).status == 200
    assert (await up.ptz(CAMERAS[0], "A50F01094030002E")).status == 200
    subscription = await up.subscribe_catalog(NODE_ID)
    await subscription.cancel()
    assert nvr.faults == []
    assert up.faults == []
