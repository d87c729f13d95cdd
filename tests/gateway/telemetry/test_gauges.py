"""The gauges of a running node."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.stand.street import CHANNEL, Street, running_street, settings, until


def shown(street: Street) -> dict[str, float]:
    """Every value of the exposition."""
    street.node.gauges.sample()
    rows = [row for row in street.node.metrics.exposition().decode().splitlines() if not row.startswith("#")]
    return {name: float(value) for name, _, value in (row.rpartition(" ") for row in rows)}


async def test_what_runs_is_what_is_shown(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path, stream_workers=1)) as street:
        idle = shown(street)
        assert idle['gbgateway_registered_peers{kind="device"}'] == 1
        assert idle['gbgateway_registered_peers{kind="platform"}'] == 0
        assert idle['gbgateway_uplinks{state="registered"}'] == 1
        assert idle['gbgateway_streams{state="running"}'] == idle['gbgateway_views{actor="upper"}'] == 0
        assert idle['gbgateway_workers{kind="relay",state="connected"}'] == 1
        assert idle['gbgateway_workers{kind="stream",state="away"}'] == 0
        call = await street.upper.play(CHANNEL)
        await call.first_key()
        await street.node.reconciler.round()
        await street.node.gauges.sample_catalogue()
        busy = shown(street)
        assert busy['gbgateway_streams{state="running"}'] == busy['gbgateway_views{actor="upper"}'] == 1
        assert busy['gbgateway_channels{status="online"}'] == 2
        assert busy['gbgateway_relay_packets_total{what="received"}'] > 0
        assert busy["gbgateway_first_frame_seconds_count"] == 1
        assert [value for name, value in busy.items() if "leaked" in name] == [0.0] * 4
        assert busy["gbgateway_loop_lag_seconds"] >= 0
        street.node.pool._stopping = True
        await street.kill_worker("stream")
        assert shown(street)['gbgateway_workers{kind="stream",state="away"}'] == 1


async def test_whoever_goes_off_line_is_no_longer_counted(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        await street.device.unregister()
        await until(lambda: shown(street)['gbgateway_registered_peers{kind="device"}'] == 0)
        async with asyncio.timeout(5):
            while shown(street).get('gbgateway_channels{status="offline"}') != 2:
                await street.node.gauges.sample_catalogue()
