"""The media side of a running node."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from gateway.assembly.relay import call_environment, session_policy
from gateway.device_health.session_limit import SessionPolicy
from tests.stand.node import NODE_ID
from tests.stand.street import CHANNEL, KEY, running_street, settings, until


async def test_a_lost_worker_is_counted_and_comes_back(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(3)
        await street.kill_worker()
        await until(lambda: b'gbgateway_worker_restarts_total{kind="relay"} 1.0' in street.node.metrics.exposition())
        await until(lambda: street.worker().connected)


async def test_what_the_legs_carried_is_counted_and_what_ends_is_entered(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path, stream_workers=1)) as street:
        call = await street.upper.play(CHANNEL, transport="udp")
        await call.frames(5)
        await street.node.reconciler.round()
        assert street.node.traffic.totals["received"] > 0
        await call.bye()
        entry = await street.end()
        assert entry.action == "live.ended" and entry.bytes
        view, _ = await street.node.views.open(KEY, await street.grant())
        await street.node.views.close(view.record.id, "seen enough")
        await until(lambda: not street.node.grants.live())


async def test_calls_work_with_what_is_configured(tmp_path: Path) -> None:
    made = settings(tmp_path, media={"first_packet_seconds": 1.5, "gop_cache_bytes": 0})
    async with running_street(made) as street:
        node = street.node
        built = call_environment(made, node.stores, node.stack, node.addresses, node.ladder, node.metrics)
        assert (built.first_packet_s, built.gop_cache, built.me.id) == (1.5, False, NODE_ID)


async def test_pictures_pass_on_a_node_whose_data_directory_has_a_long_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="gb", dir="/tmp") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        async with running_street(settings(tmp_path / ("long-" * 20))) as street:
            assert street.worker().socket_path.is_relative_to(place)
            call = await street.upper.play(CHANNEL, transport="udp")
            await call.frames(3)
            await call.bye()


def test_what_is_configured_of_sessions_is_what_holds(tmp_path: Path) -> None:
    made = settings(tmp_path, media={"session_limit_hours": 0.5, "session_probe_seconds": 30.0})
    assert session_policy(made) == SessionPolicy(1800.0, 30.0)
