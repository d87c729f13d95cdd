"""A whole node inside the test process, with its workers, on free ports of 127.0.0.1."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.app import Node
from gateway.config import (
    CatalogConfig,
    Config,
    HttpConfig,
    MediaConfig,
    NodeConfig,
    SipConfig,
    UplinkConfig,
)
from gateway.secrets import Secret
from gateway.store.devices import Device
from gateway.store.rules import Rule
from gateway.store.uppers import Upper

NODE_ID, PASSWORD = "34020000002000000001", "12345678"


def config(folder: Path, *, device_transport: str = "udp", stream_workers: int = 0) -> Config:
    """Everything local, short waits."""
    return Config(
        node=NodeConfig(id=NODE_ID, data_dir=folder),
        sip=SipConfig(host="127.0.0.1", port=0),
        uplink=UplinkConfig(retry_seconds=1.0, retry_jitter_seconds=0.0),
        catalog=CatalogConfig(first_answer_seconds=5.0, next_answer_seconds=2.0),
        http=HttpConfig(port=0),
        media=MediaConfig(
            host="127.0.0.1", advertised_host="127.0.0.1", device_transport=device_transport, http_port=0,
            stream_workers=stream_workers, source_workers=0, linger_seconds=0.5,
        ),
    )  # fmt: skip


@contextlib.asynccontextmanager
async def running_node(settings: Config) -> AsyncIterator[Node]:
    """The node, started; stopped at the end."""
    node = await Node.open(settings, announce=lambda text: None)
    try:
        await node.start()
        yield node
    finally:
        await node.stop()


async def enrol(node: Node, device_id: str, password: str = PASSWORD) -> None:
    """Make a device or lower platform known to the node."""
    await node.stores.devices.create(Device(id=device_id, password=Secret(password)))


async def share_everything_with(node: Node, upper_id: str, port: int) -> None:
    """Register the node at an upper platform that may see and view every channel."""
    actions = ("live", "playback", "download", "ptz", "query", "alarm")
    await node.stores.rules.create(Rule(id="all", name="all", mode="all", actions=actions))
    await node.stores.uppers.create(
        Upper(id=upper_id, name="upper", host="127.0.0.1", port=port, password=Secret(PASSWORD), rule_id="all")
    )
