"""Gateways in a row, each a process of its own: hand-written devices below, a hand-written upper platform above."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from interop.demo.node import NodeProcess
from interop.demo.story import together
from interop.device import Channel, DeviceSettings, PictureSettings, SimulatedDevice
from interop.wire.device import WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.platform import WirePlatform

UPPER_ID = "34000000002000000009"
UPPER_PASSWORD = "upper-4711"
DEVICE_PASSWORD = "device-0815"
EVERYTHING = {"id": "everything", "mode": "all", "actions": ["live", "ptz", "query"]}
Settings = dict[str, dict[str, Any]]
SHORT_WAITS: Settings = {
    "catalog": {"first_answer_seconds": 5.0, "next_answer_seconds": 2.0},
    "media": {"linger_seconds": 1.0},
}


def sip_trace(node: NodeProcess) -> Path:
    """Where a node writes its SIP messages."""
    return node.directory / "sip-trace.jsonl"


def node_id(level: int) -> str:
    """The code of the gateway `level` steps below the upper platform (1 is the topmost)."""
    return f"3402{level:02d}00002000000001"


class Chain:
    """`depth` gateways; `nodes[0]` is the topmost, `nodes[-1]` has the devices.

    `settings` are keys of their configuration, by section; each writes its SIP messages to `sip_trace(node)` on demand.
    """

    def __init__(
        self, depth: int, directory: Path, *, settings: Settings | None = None, sip_traces: bool = False
    ) -> None:
        taken: set[int] = set()
        self.nodes = [
            NodeProcess(node_id(level), f"level {level}", directory / f"level-{level}", taken)
            for level in range(1, depth + 1)
        ]
        for node in self.nodes:
            log: dict[str, Any] = {"sip_trace": str(sip_trace(node))} if sip_traces else {}
            for section, keys in (*SHORT_WAITS.items(), ("log", log), *(settings or {}).items()):
                node.settings.setdefault(section, {}).update(keys)
        self.upper = WirePlatform(UPPER_ID, UPPER_PASSWORD)
        self.devices: dict[str, WireDevice] = {}
        self.simulated: dict[str, SimulatedDevice] = {}

    @property
    def top(self) -> NodeProcess:
        return self.nodes[0]

    @property
    def bottom(self) -> NodeProcess:
        return self.nodes[-1]

    async def start(self) -> None:
        await self.upper.port.open()
        await together(self._start(node) for node in self.nodes)
        for above, below in zip(self.nodes, self.nodes[1:], strict=False):
            await register_below(above, below)
        await enter_upper(self.top, UPPER_ID, self.upper.port.port, UPPER_PASSWORD)
        await self.upper.wait_registered(self.top.id, 20)

    async def _start(self, node: NodeProcess) -> None:
        await node.start()
        await node.set_up()
        await node.call("POST", "/api/v1/rules", EVERYTHING)

    async def add_device(self, device_id: str, channel: str, *, codec: str, media: str, **options: Any) -> WireDevice:
        """Enrol and register a hand-written camera with one channel."""
        await self.bottom.call(
            "POST",
            "/api/v1/devices",
            {"id": device_id, "name": device_id, "password": DEVICE_PASSWORD, "media_transport": media},
        )
        device = WireDevice(
            device_id,
            DEVICE_PASSWORD,
            ("127.0.0.1", self.bottom.sip_port),
            self.bottom.id,
            channels=[WireChannel(channel)],
            codec=codec,
            **options,
        )
        await device.port.open()
        answer = await device.register()
        assert answer.status == 200, answer.start
        self.devices[channel] = device
        return device

    async def add_simulated(self, device_id: str, channel: str, *, codec: str, media: str) -> SimulatedDevice:
        """Enrol and register a simulated camera (`gbsim`) with a real encoder."""
        await self.bottom.call(
            "POST",
            "/api/v1/devices",
            {"id": device_id, "name": device_id, "password": DEVICE_PASSWORD, "media_transport": media},
        )
        device = SimulatedDevice(
            DeviceSettings(
                id=device_id,
                server_id=self.bottom.id,
                server_host="127.0.0.1",
                server_port=self.bottom.sip_port,
                password=DEVICE_PASSWORD,
                channels=(Channel(channel, "门口"),),
                picture=PictureSettings(
                    codec="H265" if codec == "H265" else "H264", width=320, height=180, fps=10, gop=10, bitrate=150_000
                ),
            )
        )
        await device.start()
        self.simulated[channel] = device
        return device

    async def channels_at(self, node: NodeProcess, wanted: int, timeout_s: float = 20.0) -> list[dict[str, Any]]:
        """Wait until a node lists that many channels."""
        rows: list[dict[str, Any]] = []
        async with asyncio.timeout(timeout_s):
            while True:
                page = await node.call("GET", "/api/v1/channels?limit=1000")
                rows = [row for row in page["items"] if row["kind"] == "channel"]
                if len(rows) >= wanted:
                    return rows
                await asyncio.sleep(0.1)

    async def set_link(self, link: int, media: str) -> None:
        """Over what the gateway `link` steps below the top (0 the topmost) takes in streams from the next one down."""
        above, below = self.nodes[link : link + 2]
        await above.call("PATCH", f"/api/v1/devices/{below.id}", {"media_transport": media})

    async def shown_above(self, *channels: str, timeout_s: float = 20.0) -> None:
        """Wait until the upper platform is shown these channels, and may therefore call them."""
        wanted = set(channels)

        async def shown() -> bool:
            return wanted <= set((await self.upper.catalog(self.top.id)).ids)

        await until(shown, timeout_s)

    async def stop(self) -> None:
        """The lower before the upper, so that everybody's last words are still heard."""
        async with contextlib.AsyncExitStack() as everything:
            everything.push_async_exit(self.upper)
            for device in self.devices.values():
                everything.push_async_exit(device)
            for simulated in self.simulated.values():
                everything.push_async_callback(simulated.stop, unregister=False)
            for node in self.nodes:
                everything.push_async_callback(node.stop)


async def until(ready: Callable[[], Awaitable[bool]], timeout_s: float = 20.0) -> None:
    """Ask again and again until it is so. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            if await ready():
                return
            await asyncio.sleep(0.1)


async def register_below(above: NodeProcess, below: NodeProcess) -> None:
    """Enter `below` as a lower platform of `above` and `above` as its upper platform."""
    password = f"link-{below.id[-4:]}-secret"
    await above.call(
        "POST",
        "/api/v1/devices",
        {"id": below.id, "name": below.name, "kind": "platform", "password": password},
    )
    await enter_upper(below, above.id, above.sip_port, password)

    async def online() -> bool:
        return bool((await above.call("GET", f"/api/v1/devices/{below.id}"))["online"])

    await until(online)


async def enter_upper(node: NodeProcess, upper_id: str, port: int, password: str) -> None:
    body = {"id": upper_id, "host": "127.0.0.1", "port": port, "password": password, "rule_id": "everything"}
    await node.call("POST", "/api/v1/uppers", body)


@contextlib.asynccontextmanager
async def running_chain(depth: int, directory: Path, **options: Any) -> AsyncIterator[Chain]:
    """A started chain; stopped at the end, with the nodes' last log lines shown when something went wrong."""
    chain = Chain(depth, directory, **options)
    try:
        await chain.start()
        yield chain
    except BaseException:
        for node in chain.nodes:
            if node.log_file.exists():
                print(f"--- {node.name}\n{node.log_file.read_text('utf-8', 'replace')[-6000:]}")
        raise
    finally:
        await chain.stop()
