"""News between the parts of a running node: what a change of a neighbour or of configuration does to what runs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.secrets import Secret
from gateway.signalling.uplink import CONNECTION_CLOSED
from interop.wire.port import WireTimeout
from interop.wire.sipwire import WireRefused
from tests.stand.street import CHANNEL, DEVICE_ID, KEY, UPPER_ID, running_street, settings, until


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


async def test_an_upper_platform_that_is_disabled_is_told_so_whoever_notices_first(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(3)
        await street.node.withdrawals.stop()  # as if it were still busy with an earlier change
        await street.node.stores.uppers.update(UPPER_ID, enabled=False)
        await asyncio.wait_for(call.ended.wait(), 5)
        assert call.goodbye is not None and call.goodbye.get("reason") == 'SIP;cause=403;text="Forbidden"'


async def test_a_new_password_has_to_be_proven(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        await street.node.stores.devices.update(DEVICE_ID, password=Secret("another"))
        await until(lambda: street.node.presence.bindings.get(DEVICE_ID) is None)
        with pytest.raises(WireRefused):
            await street.device.register()


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
        assert f"failed: {CONNECTION_CLOSED}" in uplink.status.trace


async def test_a_lower_platform_is_subscribed_to_and_one_that_is_nobody_is_not(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path), kind="platform") as street:
        await until(lambda: any(one.method == "SUBSCRIBE" for one in street.device.port.received))
        binding = street.node.presence.bindings.get(DEVICE_ID)
        assert binding is not None
        street.node.news.follow_catalogue(replace(binding, peer_id="34020000001110000099"), resume=False)
        assert "34020000001110000099" not in street.node.sync._followers


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"enabled": False}, "disabled by operator"), ({"password": Secret("x")}, "password changed by operator")],
)
async def test_what_an_operator_did_is_the_reason(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    async with running_street(settings(tmp_path)) as street:
        await street.node.stores.devices.update(DEVICE_ID, **changes)
        await until(lambda: street.node.presence.bindings.get(DEVICE_ID) is None)
        [why] = await street.node.stores.offline.of_device(DEVICE_ID)
        assert why.message == reason


async def test_of_a_device_that_was_removed_only_the_history_is_left(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        street.node.live.sessions.limits.busy(DEVICE_ID, 1, time.time())
        await street.node.stores.devices.delete(DEVICE_ID)
        await until(lambda: street.node.health.get(DEVICE_ID) is None)
        [why] = await street.node.stores.offline.of_device(DEVICE_ID)
        assert why.message == "removed by operator" and len(street.node.live.sessions.limits) == 0


async def test_a_limit_set_by_hand_ends_the_learned_one(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        street.node.live.sessions.limits.busy(DEVICE_ID, 1, time.time())
        await street.node.stores.devices.update(DEVICE_ID, name="x")
        assert len(street.node.live.sessions.limits) == 1
        await street.node.stores.devices.update(DEVICE_ID, max_sessions=9)
        assert len(street.node.live.sessions.limits) == 0 and street.node.presence.bindings.get(DEVICE_ID) is not None
