"""The catalogue on its way up: complete over a bad UDP path, and changes told to the top within a second."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from interop.wire.device import Deviations, WireDevice
from interop.wire.manscdp import WireChannel
from tests.e2e.chain import DEVICE_PASSWORD, running_chain, until
from tests.e2e.lossy import LossyPath

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PLATFORM = "34020199002000000001"
CHANNELS = 10_000


def channel_code(number: int) -> str:
    return f"34020199001320{number:06d}"


async def test_ten_thousand_channels_arrive_complete_over_a_bad_path(tmp_path: Path) -> None:
    channels = [WireChannel(channel_code(number), f"模拟点位{number}") for number in range(CHANNELS)]
    random.Random(28181).shuffle(channels)
    deviations = Deviations(
        items_per_message=16, shuffle=True, duplicate=frozenset(range(0, 625, 17)), lose=frozenset({3, 500, 555, 624})
    )
    async with running_chain(1, tmp_path) as chain:
        node = chain.top
        await node.call("POST", "/api/v1/devices", {"id": PLATFORM, "kind": "platform", "password": DEVICE_PASSWORD})
        server = ("127.0.0.1", node.sip_port)
        async with (
            LossyPath(server, loss=0.01, duplicate=0.02, reorder=0.02) as path,
            WireDevice(
                PLATFORM, DEVICE_PASSWORD, path.address, node.id, channels=channels, deviations=deviations
            ) as device,
        ):
            began = time.monotonic()
            assert (await device.register()).status == 200
            status = await until_synchronised(node, {"incomplete"})
            # What was never sent is missing, nothing that came is lost, and the node says how many.
            assert (status["received"], status["missing"]) == (CHANNELS - 64, 64)
            assert status["duplicates"] > 0
            deviations.lose = frozenset({1, 2, 600})
            status = await until_synchronised(node, {"complete", "incomplete"}, after=status["at"])
            deviations.lose = frozenset()
            if status["state"] != "complete":
                await node.call("POST", f"/api/v1/devices/{PLATFORM}/catalog-sync")
                status = await until_synchronised(node, {"complete"}, after=status["at"])
            print(f"{CHANNELS} channels in {time.monotonic() - began:.1f} s, {path.lost} datagrams lost on the way")
            assert status["received"] == CHANNELS
            assert path.lost and path.duplicated and path.reordered
            counts = await node.call("GET", "/api/v1/counts")
            assert counts["channel"] == {"total": CHANNELS, "online": CHANNELS}
            found = await node.call("GET", f"/api/v1/channels?text={channel_code(9999)}")
            assert [row["name"] for row in found["items"]] == ["模拟点位9999"]


async def until_synchronised(node, states, *, after: float = 0.0):  # type: ignore[no-untyped-def]
    """Wait for a synchronisation that ended later than `after` in one of the states."""
    async with asyncio.timeout(120):
        while True:
            status = await node.call("GET", f"/api/v1/devices/{PLATFORM}/catalog-sync")
            if status["state"] in states and status["at"] > after:
                return status
            await asyncio.sleep(0.2)


async def test_a_subscription_brings_every_change_to_the_top_within_a_second(tmp_path: Path) -> None:
    channels = [WireChannel(channel_code(number), f"点位{number}") for number in range(5)]
    async with running_chain(3, tmp_path) as chain:
        bottom = chain.bottom
        await bottom.call("POST", "/api/v1/devices", {"id": PLATFORM, "kind": "platform", "password": DEVICE_PASSWORD})
        server = ("127.0.0.1", bottom.sip_port)
        async with WireDevice(PLATFORM, DEVICE_PASSWORD, server, bottom.id, channels=channels) as device:
            assert (await device.register()).status == 200
            await chain.channels_at(chain.top, len(channels))

            async def subscribed() -> bool:
                return bool(device.subscriptions)

            await until(subscribed)
            subscription = await chain.upper.subscribe_catalog(chain.top.id)
            await asyncio.sleep(1)
            new = channel_code(99)
            device.channels.append(WireChannel(new, "新增点位"))
            steps = [
                (channel_code(1), "OFF"),
                (channel_code(1), "ON"),
                (new, "ADD"),
                (channel_code(2), "UPDATE"),
                (channel_code(3), "DEL"),
            ]
            device.channels[2].name = "改名点位"
            for code, event in steps:
                began = time.monotonic()
                assert (await device.notify_catalog([(code, event)])).status == 200
                await subscription.wait_event(code, event, 1.0)
                print(f"{event} at the top after {time.monotonic() - began:.2f} s")
            answer = await chain.upper.catalog(chain.top.id)
            names = {item["DeviceID"]: item.get("Name") for item in answer.items}
            assert names[new] == "新增点位"
            assert names[channel_code(2)] == "改名点位"
            assert channel_code(3) not in names
            told = [fragment for fragment in answer.bodies if b"192.168.1.64" in fragment or b"secret" in fragment]
            assert not told, "address and password of a camera went upward"
            assert not chain.upper.faults
