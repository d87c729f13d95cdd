"""The worker processes of a configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.config import Config, MediaConfig
from gateway.config_zones import ZoneConfig
from gateway.relay.processes import next_epoch, worker_specs
from media.worker.viewer_network import ViewerNetwork


def test_each_relay_worker_has_its_own_part_of_the_ports() -> None:
    media = MediaConfig(port_min=30000, port_max=30999, relay_workers=3, stream_workers=0, orphan_seconds=12.5)
    specs = worker_specs(replace(Config(), media=media))
    ranges = [(spec.arguments[1], spec.arguments[3]) for spec in specs if spec.kind == "relay"]
    assert ranges == [("30000", "30331"), ("30332", "30663"), ("30664", "30995")]
    assert all(spec.arguments[-2:] == ("--orphan-seconds", "12.5") for spec in specs)
    assert specs[0].module == "media.worker.relay" and specs[0].name == "relay-1"


def test_what_is_configured_of_the_cache_reaches_the_worker() -> None:
    specs = worker_specs(replace(Config(), media=MediaConfig(gop_cache_bytes=1234)))
    assert specs[0].arguments[specs[0].arguments.index("--gop-bytes") + 1] == "1234"


def test_stream_workers_listen_one_port_after_the_other() -> None:
    media = MediaConfig(http_host="127.0.0.1", http_port=8081, stream_workers=2)
    streams = [spec for spec in worker_specs(replace(Config(), media=media)) if spec.kind == "stream"]
    assert [spec.arguments[1] for spec in streams] == ["127.0.0.1:8081", "127.0.0.1:8082"]
    free = worker_specs(replace(Config(), media=replace(media, http_port=0)))
    assert free[-1].arguments[1] == "127.0.0.1:0"


def test_source_workers_are_as_many_as_configured_and_live_as_long_without_us() -> None:
    specs = worker_specs(replace(Config(), media=MediaConfig(source_workers=2, orphan_seconds=7)))
    sources = [spec for spec in specs if spec.kind == "source"]
    assert [spec.name for spec in sources] == ["source-1", "source-2"]
    assert {(spec.module, spec.arguments) for spec in sources} == {("media.worker.pull", ("--orphan-seconds", "7"))}
    assert not [s for s in worker_specs(replace(Config(), media=MediaConfig(source_workers=0))) if s.kind == "source"]


def test_where_webrtc_viewers_reach_a_worker() -> None:
    def told(**keys: Any) -> list[str]:
        media = MediaConfig(stream_workers=1, port_min=30000, port_max=30999, **keys)
        arguments = worker_specs(replace(Config(), media=media))[-1].arguments
        return list(arguments[2:-2])

    ports = ["--webrtc-port-min", "30000", "--webrtc-port-max", "30999", "--webrtc-viewers", "200"]
    assert told() == ["--media-host", "0.0.0.0", *ports]
    assert told(advertised_host="203.0.113.1")[2:4] == ["--webrtc-host", "203.0.113.1"]
    several = told(
        webrtc_hosts=("10.0.0.1", "203.0.113.1"), webrtc_port_min=40000, webrtc_port_max=40099, webrtc_viewers=5
    )
    assert several[2:] == [
        "--webrtc-host", "10.0.0.1", "--webrtc-host", "203.0.113.1",
        "--webrtc-port-min", "40000", "--webrtc-port-max", "40099", "--webrtc-viewers", "5",
    ]  # fmt: skip


def test_webrtc_viewers_of_a_zone_have_its_address_and_ports() -> None:
    media = MediaConfig(host="10.1.0.1", stream_workers=1)
    zones = {
        "above": ZoneConfig(networks=("10.2.0.0/16",), sip_host="10.2.0.1", port_min=41000, port_max=41999),
        "nat": ZoneConfig(networks=("10.3.0.0/16",), sip_host="10.1.0.1", sip_advertised_host="203.0.113.7"),
        "devices": ZoneConfig(sip_host="10.4.0.1"),
    }
    arguments = worker_specs(replace(Config(), media=media, zones=zones))[-1].arguments
    given = [arguments[at + 1] for at, name in enumerate(arguments) if name == "--webrtc-network"]
    assert [ViewerNetwork.parse(text) for text in given] == [
        ViewerNetwork("10.2.0.1", (), (41000, 41999), ("10.2.0.0/16",)),
        ViewerNetwork("10.1.0.1", ("203.0.113.7",), (30000, 34999), ("10.3.0.0/16",)),
    ]


def test_every_start_commands_with_a_higher_number(tmp_path: Path) -> None:
    first = next_epoch(tmp_path)
    assert [next_epoch(tmp_path), next_epoch(tmp_path)] == [first + 1, first + 2]
    (tmp_path / "epoch").write_text("nonsense")
    assert next_epoch(tmp_path) >= first
    assert [path.name for path in tmp_path.iterdir()] == ["epoch"]
