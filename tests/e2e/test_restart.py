"""kill -9: of the middle platform's control process the picture does not notice; of all its processes it comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from interop.demo.node import NodeProcess
from interop.demo.trace import read_messages
from interop.wire.device import WireDevice
from interop.wire.manscdp import WireChannel
from tests.e2e.chain import DEVICE_PASSWORD, Chain, running_chain, sip_trace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

DEVICE, CHANNEL = "34020100001110000001", "34020100001320000001"
GUARD, GUARD_CHANNEL = "34020200001110000009", "34020200001320000009"
BACK_WITHIN_S = 10.0
"""From the start of the killed gateway's process until everything is as before: the service promised."""
HISTORY_FIELDS = ("peer_id", "code", "name", "status", "online", "parent_ids")


async def catalogue(node: NodeProcess) -> list[dict[str, Any]]:
    page = await node.call("GET", "/api/v1/channels?limit=1000")
    return [{name: row[name] for name in HISTORY_FIELDS} for row in page["items"]]


async def test_a_killed_control_process_costs_no_picture(tmp_path: Path) -> None:
    async with running_chain(3, tmp_path) as chain:
        device = await chain.add_device(DEVICE, CHANNEL, codec="H264", media="udp")
        await chain.shown_above(CHANNEL)
        call = await chain.upper.play(CHANNEL, transport="udp")
        await call.first_key(15)
        await call.frames(10)
        middle = chain.nodes[1]
        await middle.kill()
        await asyncio.sleep(3)
        assert len(middle.workers()) == 3, "the workers outlive the control process"
        await middle.start()
        before = len(call.units)
        await call.frames(before + 30, 20)
        await asyncio.sleep(2)
        # Adopted, not set up again: one call below, still up, and it ends when the viewer leaves.
        assert len(device.calls) == 1
        await middle.log_in()
        streams = (await middle.call("GET", "/api/v1/streams"))["items"]
        assert [stream["state"] for stream in streams] == ["running"]
        sent = [unit.sha256 for unit in device.calls[0].units]
        received = [unit.sha256 for unit in call.units]
        start = sent.index(received[0])
        assert received == sent[start : start + len(received)], "a gap in the video"
        assert not call.faults
        await call.bye()
        async with asyncio.timeout(15):
            await device.calls[0].ended.wait()


async def test_after_kill_9_of_everything_the_middle_platform_carries_on(tmp_path: Path) -> None:
    async with running_chain(3, tmp_path, sip_traces=True) as chain:
        top, middle, bottom = chain.nodes
        device = await chain.add_device(DEVICE, CHANNEL, codec="H264", media="udp")
        rows = await chain.channels_at(top, 1)
        body = {"peer_id": rows[0]["peer_id"], "code": CHANNEL}
        view = await top.call("POST", "/api/v1/views", body)
        assert await first_bytes(view["mp4_url"]) > 1000
        guard = await add_guard(chain, middle)
        before = await catalogue(middle)
        registrations = count_registers(middle)
        assert registrations >= 6, "two rounds each: the gateway below, the guard, the middle itself above"
        for pid in middle.workers():
            os.kill(pid, signal.SIGKILL)
        await middle.kill()
        await asyncio.sleep(3)
        assert not middle.workers()
        started = time.monotonic()
        async with asyncio.timeout(BACK_WITHIN_S):
            await middle.start()
            # The next keepalive is answered 200: a registration survives, nobody registers anew.
            assert (await guard.keepalive()).status == 200
            answered = time.monotonic() - started
            await middle.log_in()
            assert await catalogue(middle) == before
            # The same address plays again, without anybody doing anything but looking.
            while await first_bytes(view["mp4_url"]) < 1000:
                await asyncio.sleep(0.5)
        waited = time.monotonic() - started
        print(f"keepalive answered {answered:.1f} s, the same view played again {waited:.1f} s after the start")
        # Nobody registered again, neither at the middle nor the middle above; the lower gateway is still registered.
        state = await bottom.call("GET", f"/api/v1/uppers/{middle.id}")
        assert state["state"]["state"] == "registered"
        assert count_registers(middle) == registrations
        live = [one for one in device.calls if not one.ended.is_set()]
        assert len(live) == 1, "a device stream is left over"
        streams = (await middle.call("GET", "/api/v1/streams"))["items"]
        assert len(streams) == 1
        await guard.__aexit__(None, None, None)


async def add_guard(chain: Chain, node: NodeProcess) -> WireDevice:
    """A camera registered directly at the node that will be killed."""
    await node.call("POST", "/api/v1/devices", {"id": GUARD, "password": DEVICE_PASSWORD, "media_transport": "udp"})
    guard = WireDevice(
        GUARD, DEVICE_PASSWORD, ("127.0.0.1", node.sip_port), node.id, channels=[WireChannel(GUARD_CHANNEL)]
    )
    await guard.port.open()
    assert (await guard.register()).status == 200
    await chain.channels_at(node, 2)
    await asyncio.sleep(1)  # a registration is durable at most a second after its 200
    return guard


def count_registers(node: NodeProcess) -> int:
    """How many REGISTERs a node received and sent."""
    return sum(one.text.startswith("REGISTER ") for one in read_messages(node.name, sip_trace(node)))


async def first_bytes(url: str) -> int:
    """Open a view's address and read a little; 0 when it does not play."""
    size = 0
    timeout = aiohttp.ClientTimeout(total=15)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            if response.status != 200:
                return 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > 20_000:
                    break
    except (aiohttp.ClientError, TimeoutError):
        return size
    return size
