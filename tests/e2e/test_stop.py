"""A stop ends every call on both sides in bounded time, whoever does not answer; a second signal ends at once."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from gateway.operations.stopping import ONE_SIGNAL_S, STOP_WITHIN_S
from interop.demo.node import NodeProcess
from interop.wire.call import WireCall
from interop.wire.device import WireDevice
from tests.e2e.chain import Chain, running_chain

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

DEVICE, CHANNEL = "34020100001110000001", "34020100001320000001"


async def playing(chain: Chain) -> tuple[WireDevice, WireCall]:
    device = await chain.add_device(DEVICE, CHANNEL, codec="H264", media="udp")
    await chain.shown_above(CHANNEL)
    call = await chain.upper.play(CHANNEL, transport="udp")
    await call.first_key(15)
    return device, call


async def ended(node: NodeProcess, within_s: float) -> int:
    """The exit status of a node that was told to stop."""
    assert node.process is not None
    return await asyncio.wait_for(node.process.wait(), within_s)


async def test_a_stop_ends_every_call_on_both_sides_and_the_workers(tmp_path: Path) -> None:
    async with running_chain(1, tmp_path) as chain:
        device, call = await playing(chain)
        assert chain.top.process is not None
        chain.top.process.send_signal(signal.SIGTERM)
        assert await ended(chain.top, STOP_WITHIN_S) == 0
        assert device.calls[0].ended_by == "BYE" and call.ended.is_set()
        assert call.goodbye is not None and not chain.top.workers()


async def test_peers_that_do_not_answer_hold_up_no_stop(tmp_path: Path) -> None:
    async with running_chain(1, tmp_path) as chain:
        device, _ = await playing(chain)
        await device.port.close()
        await chain.upper.port.close()
        assert chain.top.process is not None
        began = time.monotonic()
        chain.top.process.send_signal(signal.SIGTERM)
        assert await ended(chain.top, STOP_WITHIN_S) == 0
        print(f"stopped {time.monotonic() - began:.1f} s after SIGTERM, both neighbours silent")
        assert not chain.top.workers()
        assert "does not come to its end" not in chain.top.log_file.read_text("utf-8", "replace")


async def test_a_second_signal_ends_a_stop_at_once(tmp_path: Path) -> None:
    async with running_chain(1, tmp_path) as chain:
        device, _ = await playing(chain)
        await device.port.close()
        await chain.upper.port.close()
        assert chain.top.process is not None
        chain.top.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(ONE_SIGNAL_S + 0.2)
        chain.top.process.send_signal(signal.SIGINT)
        assert await ended(chain.top, STOP_WITHIN_S) == -signal.SIGINT
