"""What the hostile tests share: a camera of good behaviour that is watched all the time, and books kept of the node.

`Stage` is one gateway with that camera; whatever a test throws at the gateway, `Stage.untouched()` must hold around it:
the picture goes on without a gap, nothing stored is lost, nothing raised inside the node, memory stays bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from interop.demo.node import NodeProcess
from interop.wire import sipwire
from interop.wire.call import WireCall
from interop.wire.device import Deviations, WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.sipwire import Path as WirePath
from interop.wire.sipwire import Split
from tests.e2e.chain import DEVICE_PASSWORD, Chain

WITNESS, WITNESS_CHANNEL = "34020100001110000001", "34020100001320000001"
GROWTH_MB = 120
"""What a node's memory may grow by while one test of many thousand messages runs."""
OWN_FAULTS = ("message not processed", "request failed", "request handler failed", "callback failed", "task failed")
"""Log events that mean an exception inside the node: a peer's bytes must never lead there."""


class Stage:
    """A gateway (`node`), an upper platform (`chain.upper`) that watches the camera `witness` over `call`."""

    def __init__(self, chain: Chain, witness: WireDevice, call: WireCall) -> None:
        self.chain, self.node, self.witness, self.call = chain, chain.top, witness, call
        self._log_at = 0

    @property
    def address(self) -> tuple[str, int]:
        """Where the node hears SIP."""
        return ("127.0.0.1", self.node.sip_port)

    @contextlib.asynccontextmanager
    async def untouched(self) -> AsyncIterator[None]:
        """Around a test: all that must be the same afterwards."""
        self.log()
        self._log_at = self.node.log_file.stat().st_size
        before, memory = await self.books(), resident_mb(self.node)
        yield
        lines = self.log()
        faults = [line for line in lines if line.get("event") in OWN_FAULTS or "exception" in line]
        assert not faults, faults[:3]
        assert await self.books() == before
        grown = resident_mb(self.node) - memory
        assert grown < GROWTH_MB, f"the node grew by {grown} MB"
        assert (await self.witness.keepalive()).status == 200
        await self.watched()
        verdict = await self.node.call("POST", "/api/v1/ledger/verify")
        assert verdict["whole"], verdict

    async def books(self) -> dict[str, Any]:
        """What is stored about the witness: its catalogue, its registration, its call."""
        rows = (await self.node.call("GET", f"/api/v1/channels?peer_id={WITNESS}&limit=1000"))["items"]
        device = await self.node.call("GET", f"/api/v1/devices/{WITNESS}")
        streams = (await self.node.call("GET", "/api/v1/streams"))["items"]
        uppers = (await self.node.call("GET", "/api/v1/uppers"))["items"]
        return {
            "channels": sorted((row["code"], row["name"], row["status"]) for row in rows if row["peer_id"] == WITNESS),
            "online": device["online"],
            "address": [device["registration"][name] for name in ("host", "port")],
            "streams": [(row["id"], row["state"], len(row["sinks"])) for row in streams if row["peer_id"] == WITNESS],
            "calls": len(self.witness.live),
            "uppers": sorted((row["id"], row["state"]["state"]) for row in uppers),
        }

    async def watched(self, more: int = 5) -> None:
        """The upper platform's picture goes on and is the witness's, from first frame to last, without a gap."""
        assert not self.call.ended.is_set(), "the upper platform's call was ended"
        await self.call.frames(len(self.call.units) + more, 20)
        received = [unit.sha256 for unit in self.call.units]
        sent = [unit.sha256 for unit in self.witness.calls[0].units]
        start = sent.index(received[0])
        assert received == sent[start : start + len(received)], "another picture, or a gap"
        assert not self.call.faults

    def log(self) -> list[dict[str, Any]]:
        """The node's log lines since `untouched` began."""
        with self.node.log_file.open("rb") as file:
            file.seek(self._log_at)
            text = file.read().decode("utf-8", "replace")
        lines = []
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return [line for line in lines if isinstance(line, dict)]

    async def logged(self, peer: str, timeout_s: float = 5.0) -> dict[str, Any]:
        """The first line that names this address (`host:port`) together with a reason."""
        async with asyncio.timeout(timeout_s):
            while True:
                for line in self.log():
                    names = any(peer in str(line.get(key, "")) for key in ("peer", "source"))
                    if names and any(line.get(key) for key in ("reason", "what", "problem", "step")):
                        return line
                await asyncio.sleep(0.05)

    async def counts(self, family: str) -> dict[str, float]:
        """One family of counters of the node's metrics, by its one label."""
        text = (await self.node.fetch("/metrics")).decode()
        found = re.findall(rf'^{family}_total{{what="([^"]+)"}} (\S+)$', text, re.M)
        return {name: float(value) for name, value in found}


@contextlib.asynccontextmanager
async def stage(
    directory: Path, *, media: str = "udp", host: str = "127.0.0.1", settings: dict[str, dict[str, Any]] | None = None
) -> AsyncIterator[Stage]:
    """One gateway whose camera is being watched. `settings`: keys of its configuration, by section."""
    chain = Chain(1, directory, settings=settings)
    try:
        await chain.start()
        witness = await chain.add_device(WITNESS, WITNESS_CHANNEL, codec="H264", media=media, host=host)
        await chain.shown_above(WITNESS_CHANNEL)
        call = await chain.upper.play(WITNESS_CHANNEL)
        await call.first_key(15)
        yield Stage(chain, witness, call)
    finally:
        await chain.stop()


def resident_mb(node: NodeProcess) -> float:
    """Memory of the node's control process."""
    assert node.process is not None
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def descriptors(node: NodeProcess) -> int:
    """How many file descriptors the node's control process holds."""
    assert node.process is not None
    return len(list(Path(f"/proc/{node.process.pid}/fd").iterdir()))


async def enrolled(
    stage: Stage, device_id: str, *, host: str, channels: list[WireChannel] | None = None, transport: str = "UDP",
    deviations: Deviations | None = None, media: str = "udp", kind: str = "device", port: int = 0,
) -> WireDevice:  # fmt: skip
    """Another device of the node, registered from an address of its own; the caller closes it with `async with`."""
    body = {"id": device_id, "name": device_id, "password": DEVICE_PASSWORD, "media_transport": media, "kind": kind}
    with contextlib.suppress(Exception):
        await stage.node.call("POST", "/api/v1/devices", body)
    return WireDevice(
        device_id, DEVICE_PASSWORD, stage.address, stage.node.id,
        host=host, channels=channels, transport=transport, deviations=deviations, port=port,
    )  # fmt: skip


async def listed(stage: Stage, peer_id: str, wanted: int = 1, timeout_s: float = 20.0) -> list[dict[str, Any]]:
    """Wait until the node stores at least so many objects of a peer; they."""
    async with asyncio.timeout(timeout_s):
        while True:
            rows = (await stage.node.call("GET", f"/api/v1/channels?peer_id={peer_id}&limit=1000"))["items"]
            if len(rows) >= wanted:
                return list(rows)
            await asyncio.sleep(0.1)


async def shown_above(stage: Stage, channel: str) -> None:
    """Wait until the upper platform is shown a channel, and may therefore call it."""
    await stage.chain.shown_above(channel)


async def until(reached: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait for something that is about to happen."""
    async with asyncio.timeout(timeout_s):
        while True:
            if reached():
                return
            await asyncio.sleep(0.05)


async def forgotten(stage: Stage, device_id: str) -> None:
    """Remove a device of a test again."""
    await stage.node.call("DELETE", f"/api/v1/devices/{device_id}")


def keepalive_of(device_id: str, server_id: str, *, via: str, call_id: str = "k", branch: str = "z9hG4bKk") -> bytes:
    """A keepalive in bytes."""
    body = (
        '<?xml version="1.0" encoding="GB2312"?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType>\r\n<SN>1</SN>\r\n'
        f"<DeviceID>{device_id}</DeviceID>\r\n<Status>OK</Status>\r\n</Notify>\r\n"
    ).encode()
    lines = [
        f"Via: SIP/2.0/{via};rport;branch={branch}",
        f"From: <sip:{device_id}@{server_id[:10]}>;tag=a",
        f"To: <sip:{server_id}@{server_id[:10]}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 MESSAGE",
        "Max-Forwards: 70",
        "Content-Type: Application/MANSCDP+xml",
    ]
    return sipwire.build(f"MESSAGE sip:{server_id}@{server_id[:10]} SIP/2.0", lines, body)


def status_of(data: bytes) -> int:
    """Status code of an answer, 0 when there is none."""
    found = re.match(rb"SIP/2\.0 (\d{3})", data)
    return int(found[1]) if found else 0


async def invite(stage: Stage, channel: str, body: bytes, *lines: str, path: WirePath | None = None) -> Split:
    """An INVITE of the upper platform with any body; its final answer, acknowledged when it is a refusal or not."""
    upper = stage.chain.upper
    path = path or upper.path_to(None)
    headers = upper.lines(path, f"<sip:{channel}@{channel[:10]}>", sipwire.fresh("bad"), "1 INVITE", sipwire.fresh())
    headers += [upper.contact(), f"Subject: {channel}:0,{upper.id}:0", *(lines or ("Content-Type: application/sdp",))]
    data = sipwire.build(f"INVITE sip:{channel}@{path.host}:{path.port} SIP/2.0", headers, body)
    answer = await upper.port.ask(data, path)
    request = sipwire.split(data)
    again = [
        f"Via: {request.need('via')}",
        f"From: {request.need('from')}",
        f"To: {answer.need('to')}",
        f"Call-ID: {request.need('call-id')}",
        "CSeq: 1 ACK",
    ]
    upper.port.send(sipwire.build(f"ACK sip:{channel}@{path.host}:{path.port} SIP/2.0", again), path)
    if answer.status == 200:
        again[0] = upper.port.via(path)
        again[4] = "CSeq: 2 BYE"
        bye = sipwire.build(f"BYE sip:{channel}@{path.host}:{path.port} SIP/2.0", again)
        # 481: the node ended the call first, because the ACK brought no answer to its own offer.
        assert (await upper.port.ask(bye, path)).status in ((200,) if body else (200, 481))
    return answer
