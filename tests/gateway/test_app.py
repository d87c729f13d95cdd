"""The composed node: what a change of configuration, of a neighbour or of time does to what is running."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.app import Node
from gateway.compliance.access import Action
from gateway.errors import Failure
from gateway.secrets import Secret
from gateway.signalling.uplink import CONNECTION_CLOSED
from interop.wire.port import WireTimeout
from interop.wire.sipwire import WireRefused
from sip.aio import WireEvent
from tests.stand.node import NODE_ID, PASSWORD, running_node
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


async def test_a_device_that_is_disabled_is_offline_at_once_and_its_pictures_end(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(3)
        await street.node.stores.devices.update(DEVICE_ID, enabled=False)
        await street.quiet()
        assert street.node.presence.bindings.get(DEVICE_ID) is None
        assert (await street.device.keepalive()).status == 403


async def test_a_device_that_is_removed_takes_its_catalogue_along(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        await street.node.stores.devices.delete(DEVICE_ID)
        async with asyncio.timeout(10):
            while await street.node.catalog.count(DEVICE_ID):
                await asyncio.sleep(0.02)
        assert await street.node.catalog.get(*KEY) is None


async def test_an_upper_platform_that_is_removed_sees_nothing_any_more(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(3)
        await street.node.stores.uppers.delete(UPPER_ID)
        await street.quiet()
        await until(lambda: street.node.uplinks.get(UPPER_ID) is None)


async def test_a_new_password_has_to_be_proven(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        await street.node.stores.devices.update(DEVICE_ID, password=Secret("another"))
        await until(lambda: street.node.presence.bindings.get(DEVICE_ID) is None)
        with pytest.raises(WireRefused):
            await street.device.register()


async def test_a_use_whose_time_is_over_ends(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path, access={"grant_seconds": 60})) as street:
        grant = await street.grant(lifetime=0.0)
        await street.node.expire_uses()
        entry = await street.end()
        assert (entry.grant_id, entry.detail["reason"]) == (grant.id, "expired")


async def test_a_snapshot_and_the_address_of_a_view(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path, stream_workers=1)) as street:
        node = street.node
        picture = await node.snapshot(KEY, await street.grant(Action.SNAPSHOT))
        assert picture.jpeg.startswith(b"\xff\xd8")
        url = node.stream_url(KEY, "127.0.0.1")
        assert url.startswith("http://127.0.0.1:") and not url.endswith(":0")
        view, _ = await node.views.open(KEY, await street.grant())
        await node.views.close(view.record.id, "seen enough")
        entry = await street.end()
        assert entry.action in ("live.ended", "snapshot.ended")


async def test_without_a_stream_worker_there_is_no_address(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        with pytest.raises(Failure):
            street.node.stream_url(KEY, "127.0.0.1")


async def test_a_closed_connection_is_the_end_of_what_registered_on_it(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path), transport="TCP") as street:
        binding = street.node.presence.bindings.get(DEVICE_ID)
        assert binding is not None and binding.source.transport == "TCP"
        with contextlib.suppress(WireTimeout):
            await street.device.port.close()
        await until(lambda: street.node.presence.bindings.get(DEVICE_ID) is None)


async def test_a_closed_connection_to_an_upper_platform_is_registered_on_again(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        await street.node.stores.uppers.update(UPPER_ID, transport="tcp")
        await until(lambda: (up := street.node.uplinks.get(UPPER_ID)) and up.peer.transport == "TCP" and up.registered)
        uplink = street.node.uplinks.get(UPPER_ID)
        assert uplink is not None
        first = uplink.status.since
        for writer in list(street.upper.port._writers):
            writer.close()
        await until(lambda: uplink.status.since > first and uplink.registered)
        assert CONNECTION_CLOSED in uplink.status.trace


async def test_a_lost_worker_is_counted_and_comes_back(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(3)
        await street.kill_worker()
        await until(lambda: b'gbgateway_worker_restarts_total{kind="relay"} 1.0' in street.node.metrics.exposition())
        await until(lambda: street.worker().connected)


async def test_a_chore_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    async with running_node(settings(tmp_path)) as node:
        tries = 0

        async def chore() -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise ValueError("a fault of ours")

        with capture_logs() as lines:
            task = asyncio.create_task(node._repeat(0.0, chore))
            await until(lambda: tries > 1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert [line["event"] for line in lines if line["log_level"] == "error"] == ["housekeeping failed"]
        assert node.config.node.id == NODE_ID
        assert PASSWORD not in str(lines)


async def test_background_work_that_fails_is_told(tmp_path: Path) -> None:
    async with running_node(settings(tmp_path)) as node:

        async def work() -> None:
            raise ValueError("a fault of ours")

        with capture_logs() as lines:
            node._spawn(work(), "some work")
            await until(lambda: any(line["event"] == "background work failed" for line in lines))
