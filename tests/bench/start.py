"""From POST /api/v1/views at the top of three platforms to the first access unit that decodes: warm and cold."""

from __future__ import annotations

import asyncio
import io
import tempfile
import time
from pathlib import Path

import aiohttp
import av

from interop.demo.node import NodeProcess
from interop.wire.device import WireDevice
from tests.bench.figure import Figure, at_most, percentile
from tests.e2e.chain import Chain

CAMERA, CHANNEL = "34020300001320000001", "34020300001310000001"
LINGER_S = 0.2
WITHIN_S = 10.0
KEY_INTERVAL_S = 1.0
"""Of the hand-written camera; a call begins at a key frame."""


def has_fragment(data: bytes) -> bool:
    """Whether MP4 bytes hold one whole media fragment."""
    at = 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if size < 8 or at + size > len(data):
            return False
        if kind == b"mdat":
            return True
        at += size
    return False


def decodes(data: bytes) -> bool:
    """Whether a picture comes out of it."""
    try:
        with av.open(io.BytesIO(data), format="mp4") as container:
            return next(iter(container.decode(video=0)), None) is not None
    except (av.error.FFmpegError, IndexError):
        return False


async def start_view(session: aiohttp.ClientSession, node: NodeProcess, peer_id: str) -> tuple[float, str]:
    """Open a view, read until the first access unit is there; the seconds, and the view's id."""
    body = {"peer_id": peer_id, "code": CHANNEL, "purpose": "bench"}
    began, received = time.monotonic(), b""
    view = await node.call("POST", "/api/v1/views", body)
    async with asyncio.timeout(WITHIN_S), session.get(view["mp4_url"]) as response:
        assert response.status == 200, await response.text()
        async for chunk in response.content.iter_any():
            received += chunk
            if has_fragment(received):
                took = time.monotonic() - began
                assert decodes(received), "the first fragment does not decode"
                return took, str(view["id"])
    raise TimeoutError("the stream ended without an access unit")


async def _until_idle(device: WireDevice) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            if not device.live:
                return
            await asyncio.sleep(0.02)


async def _starts(chain: Chain, device: WireDevice, peer_id: str, times: int) -> tuple[list[float], list[float]]:
    top, cold, warm = chain.top, [], []
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            took, view = await start_view(session, top, peer_id)
            cold.append(took)
            await top.call("DELETE", f"/api/v1/views/{view}")
            await _until_idle(device)
        _, kept = await start_view(session, top, peer_id)
        view = await top.call("POST", "/api/v1/views", {"peer_id": peer_id, "code": CHANNEL, "purpose": "keeps it up"})
        async with session.get(view["mp4_url"]):  # a viewer that stays: the stream runs all the way
            for _ in range(times):
                took, other = await start_view(session, top, peer_id)
                warm.append(took)
                await top.call("DELETE", f"/api/v1/views/{other}")
        for one in (kept, view["id"]):
            await top.call("DELETE", f"/api/v1/views/{one}")
    return cold, warm


async def run(*, quick: bool) -> list[Figure]:
    """Three nodes, a hand-written camera at the bottom, a viewer at the top."""
    times = 5 if quick else 20
    with tempfile.TemporaryDirectory(prefix="sb") as folder:
        chain = Chain(3, Path(folder))
        for node in chain.nodes:
            node.settings["media"]["linger_seconds"] = LINGER_S
        try:
            await chain.start()
            device = await chain.add_device(CAMERA, CHANNEL, codec="H264", media="udp")
            rows = await chain.channels_at(chain.top, 1)
            cold, warm = await _starts(chain, device, rows[0]["peer_id"], times)
        finally:
            await chain.stop()
    figures = []
    for name, values, bar in (("cold start", cold, KEY_INTERVAL_S + 0.3), ("start of a running stream", warm, 0.3)):
        p95, note = percentile(values, 0.95), f"p50 {percentile(values, 0.5) * 1000:.0f} ms, {times} starts"
        figures.append(Figure("start", f"{name}, p95", p95 * 1000, "ms", at_most(bar * 1000), note))
        figures.append(Figure("start", f"{name}, p95, sanity", p95 * 1000, "ms", at_most(2000, firm=True)))
    return figures
