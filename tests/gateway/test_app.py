"""The composed node: it starts, carries pictures, serves the API, and stops."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app import Node
from gateway.assembly import relay
from gateway.compliance.access import Action
from gateway.config import Config
from gateway.config_zones import ZoneConfig
from gateway.errors import Failure
from gateway.relay.pool import WorkerSpec
from sip.aio import WireEvent
from tests.stand.node import running_node
from tests.stand.street import CHANNEL, DEVICE_ID, KEY, UPPER_ID, running_street, settings, until


async def test_a_node_makes_its_data_directory_private_and_starts_again_where_it_stopped(tmp_path: Path) -> None:
    made = settings(tmp_path / "data")
    codes: list[str] = []
    node = await Node.open(made, announce=codes.append)
    await node.start()
    assert node.sip_port and node.http_port
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert len(codes) == 1
    await node.stop()
    async with running_node(made) as again:
        assert again.live.lower_calls == []


async def test_a_picture_passes_and_every_message_can_be_seen(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        seen: list[WireEvent] = []
        street.node.on_wire(seen.append)
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(5)
        assert len(await street.node.stream_status()) == 1
        await until(lambda: street.node.ladder.has_calls)
        await call.bye()
        await street.quiet()
        assert any(event.data.startswith(b"INVITE ") and event.direction == ">" for event in seen)
        entry = await street.end()
        assert (entry.actor_id, entry.action) == (UPPER_ID, "live.ended")
        assert entry.bytes and entry.bytes > 0


async def test_a_snapshot_and_the_address_of_a_view(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path, stream_workers=1)) as street:
        node = street.node
        picture = await node.snapshot(KEY, await street.grant(Action.SNAPSHOT))
        assert picture.jpeg.startswith(b"\xff\xd8")
        url = node.stream_url(KEY, "127.0.0.1", "127.0.0.1")
        assert url.startswith("http://127.0.0.1:") and not url.endswith(":0")
        view, _ = await node.views.open(KEY, await street.grant())
        await node.views.close(view.record.id, "seen enough")
        entry = await street.end()
        assert entry.action in ("live.ended", "snapshot.ended")


async def test_a_viewer_of_another_zone_is_given_the_address_of_that_zone(tmp_path: Path) -> None:
    made = settings(tmp_path, stream_workers=1)
    zone = ZoneConfig(networks=("10.2.0.0/16",), sip_host="127.0.0.2", public_url="https://video.example/{port}")
    async with running_street(replace(made, zones={"above": zone})) as street:
        there, here = (street.node.stream_url(KEY, "127.0.0.1", viewer) for viewer in ("10.2.9.9", "127.0.0.1"))
        assert there.startswith("https://video.example/") and here.startswith("http://127.0.0.1:")
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(1)
        await call.bye()


async def test_without_a_stream_worker_there_is_no_address(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        with pytest.raises(Failure):
            street.node.stream_url(KEY, "127.0.0.1", "127.0.0.1")


async def test_a_node_that_cannot_be_built_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(config: Config) -> list[WorkerSpec]:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(relay, "worker_specs", broken)
    with pytest.raises(ValueError, match="a fault of ours"):
        await Node.open(settings(tmp_path), announce=lambda code: None)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_why_a_device_was_offline_is_known_after_a_restart(tmp_path: Path) -> None:
    made = settings(tmp_path)
    async with running_street(made) as street:
        await street.device.unregister()
        await until(lambda: street.node.presence.bindings.get(DEVICE_ID) is None)
    async with running_node(made) as node:
        health = node.health.get(DEVICE_ID)
        assert health is not None and health.last_offline is not None
        assert health.last_offline.message == "unregistered by itself"
