"""A whole node with a hand-written camera below it and a hand-written upper platform above it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from gateway.app import Node
from gateway.compliance.access import AccessRequest, Action, Actor, Facts
from gateway.compliance.entry import Entry, LedgerRow
from gateway.compliance.grant import Grant
from gateway.compliance.ledger import LedgerQuery
from gateway.config import Config
from gateway.relay.hub import StreamKey, UpstreamState
from gateway.relay.pool import Worker
from gateway.secrets import Secret
from gateway.store.devices import Device
from gateway.store.users import Role, User
from interop.demo.ports import free_port
from interop.wire.device import WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.platform import WirePlatform
from tests.stand.node import NODE_ID, PASSWORD, config, running_node, share_everything_with

DEVICE_ID, CHANNEL, SECOND = "34020000001110000001", "34020000001320000001", "34020000001320000002"
UPPER_ID = "34000000002000000001"
KEY = StreamKey(DEVICE_ID, CHANNEL)


async def until(true: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something of this process holds."""
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.01)


def settings(folder: Path, *, stream_workers: int = 0, **sections: dict[str, Any]) -> Config:
    """The stand's configuration with some keys changed: `media={"max_streams": 1}`."""
    made = config(folder, stream_workers=stream_workers)
    made = replace(made, media=replace(made.media, http_port=free_port()))
    return replace(made, **{name: replace(getattr(made, name), **keys) for name, keys in sections.items()})


class Street:
    """The node and its two neighbours."""

    def __init__(self, node: Node, device: WireDevice, upper: WirePlatform) -> None:
        self.node, self.device, self.upper = node, device, upper

    async def grant(self, action: Action = Action.LIVE, key: StreamKey = KEY, lifetime: float | None = None) -> Grant:
        """A grant for an operator, who has an account: rights nobody has are withdrawn."""
        if "wang" not in self.node.stores.users:
            await self.node.stores.users.create(User("wang", password_hash="", role="operator"))
        request = AccessRequest(Actor("user", "wang"), action, key.peer_id, key.code, facts=Facts(role="operator"))
        return await self.node.grants.issue(request, lifetime_seconds=lifetime)

    async def ledger(self) -> list[LedgerRow]:
        """All entries, oldest first."""
        return (await self.node.ledger.entries(LedgerQuery(limit=1000)))[::-1]

    async def end(self) -> Entry:
        """The newest entry once it is the end of a use."""
        async with asyncio.timeout(10):
            while (entry := (await self.ledger())[-1].entry).result != "ended":
                await asyncio.sleep(0.01)
        return entry

    async def token(self, name: str = "root", role: Role = "admin") -> str:
        """A login."""
        users, auth = self.node.stores.users, self.node.web.auth
        user = users.get(name) or await users.create(User(name, password_hash="", role=role))
        text, _ = await auth._issue(user, "session", role, time.time() + 3600, "", "127.0.0.1")
        return text

    @contextlib.asynccontextmanager
    async def api(self, name: str = "root", role: Role = "admin") -> AsyncIterator[Api]:
        """The HTTP API as that user."""
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {await self.token(name, role)}"}) as http:
            yield Api(http, f"http://127.0.0.1:{self.node.http_port}")

    def worker(self, kind: str = "relay") -> Worker:
        return next(worker for worker in self.node.pool.workers if worker.spec.kind == kind)

    async def kill_worker(self, kind: str = "relay") -> None:
        """kill -9."""
        worker = self.worker(kind)
        assert worker.client is not None
        gone = worker.client
        os.kill(gone.hello.pid, signal.SIGKILL)
        await until(lambda: not gone.connected)

    async def legs(self) -> list[str]:
        """What the relay worker holds."""
        return sorted(stats.leg for stats in await self.worker().link.leg_stats())

    async def lingers(self, key: StreamKey = KEY) -> None:
        """Until nobody reads a stream any more: a BYE is answered before what belongs to it is given back."""
        await until(lambda: (up := self.node.live.hub.get(key)) is not None and up.state is UpstreamState.LINGERING)

    async def quiet(self) -> None:
        """Until nothing runs any more."""
        await until(lambda: not self.node.live.lower_calls and not self.node.live.upper_calls)


class Api:
    """A logged-in client."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url = http, url

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Status and decoded body."""
        async with self.http.request(method, self.url + path, json=body, **options) as reply:
            if reply.content_type == "application/json":
                return reply.status, await reply.json()
            return reply.status, await reply.read()


@contextlib.asynccontextmanager
async def running_street(
    made: Config,
    *,
    media: Any = "udp",
    kind: Any = "device",
    tolerances: tuple[Any, ...] = (),
    prepare: Callable[[Node], Awaitable[object]] | None = None,
    **device: Any,
) -> AsyncIterator[Street]:
    """The three of them, registered and with the camera's two channels in the catalogue."""
    channels = [WireChannel(CHANNEL, "东门"), WireChannel(SECOND, "西门")]
    camera = WireDevice(DEVICE_ID, PASSWORD, ("", 0), NODE_ID, channels=channels, **device)
    # The node stops first: its neighbours are still there to hear it.
    async with WirePlatform(UPPER_ID, PASSWORD) as upper, camera, running_node(made) as node:
        await share_everything_with(node, UPPER_ID, upper.port.port)
        await node.stores.devices.create(
            Device(DEVICE_ID, password=Secret(PASSWORD), media_transport=media, kind=kind, tolerances=tolerances)
        )
        if prepare is not None:
            await prepare(node)
        camera.server = ("127.0.0.1", node.sip_port)
        await camera.register()
        await upper.wait_registered(NODE_ID)
        async with asyncio.timeout(10):
            while (await node.cascade.shared(UPPER_ID)).real(SECOND) is None:
                await asyncio.sleep(0.02)
        yield Street(node, camera, upper)
