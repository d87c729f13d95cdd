"""The worker processes a configuration asks for, and the number that says who commands them."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from gateway.config import Config, MediaConfig
from gateway.relay.pool import WorkerSpec
from gateway.zones import Zones
from media.worker.viewer_network import ViewerNetwork


def worker_specs(config: Config) -> list[WorkerSpec]:
    """The worker processes of a configuration; each relay worker has its own part of the port range."""
    media = config.media
    orphan = ("--orphan-seconds", f"{media.orphan_seconds:g}")
    specs = []
    for number in range(media.relay_workers):
        first, last = port_share(media.port_min, media.port_max, media.relay_workers, number)
        ports = ("--port-min", str(first), "--port-max", str(last))
        cache = ("--gop-bytes", str(media.gop_cache_bytes))
        arguments = (*ports, *cache, *orphan)
        specs.append(WorkerSpec("relay", f"relay-{number + 1}", "media.worker.relay", arguments, number))
    for number in range(media.source_workers):
        specs.append(WorkerSpec("source", f"source-{number + 1}", "media.worker.pull", orphan))
    webrtc = [*_webrtc(media), *_other_networks(config)]
    for number in range(media.stream_workers):
        http = ("--http", f"{media.http_host}:{media.http_port + number if media.http_port else 0}")
        specs.append(WorkerSpec("stream", f"stream-{number + 1}", "media.worker.stream", (*http, *webrtc, *orphan)))
    return specs


def _webrtc(media: MediaConfig) -> list[str]:
    """Where the WebRTC viewers of a stream worker send to, and how many there may be."""
    first, last = media.webrtc_ports
    told = media.webrtc_hosts or ((media.advertised_host,) if media.advertised_host else ())
    hosts = [part for host in told for part in ("--webrtc-host", host)]
    ports = ["--webrtc-port-min", str(first), "--webrtc-port-max", str(last)]
    return ["--media-host", media.host, *hosts, *ports, "--webrtc-viewers", str(media.webrtc_viewers)]


def _other_networks(config: Config) -> list[str]:
    """The zones whose networks have viewers, each with its own address and ports for WebRTC."""
    arguments = []
    for zone in Zones(config).all():
        if zone.networks:
            network = ViewerNetwork(
                bind=zone.media_host,
                hosts=(zone.media_advertised_host,) if zone.media_advertised_host else (),
                ports=zone.ports or config.media.webrtc_ports,
                networks=tuple(str(network) for network in zone.networks),
            )
            arguments += ["--webrtc-network", network.to_text()]
    return arguments


def port_share(first: int, last: int, workers: int, number: int) -> tuple[int, int]:
    """The part of a range of ports that one of several relay workers has (`number` from 0)."""
    share = (last - first + 1) // workers // 2 * 2
    return first + number * share, first + (number + 1) * share - 1


def next_epoch(data_dir: Path) -> int:
    """A number that grows with every start: workers obey the newest control process only."""
    path = data_dir / "epoch"
    try:
        epoch = int(path.read_text()) + 1
    except (OSError, ValueError):
        epoch = int(time.time())
    draft = path.with_name(f"epoch.{secrets.token_hex(4)}")
    draft.write_text(str(epoch))
    draft.replace(path)
    return epoch
