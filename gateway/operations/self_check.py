"""Looks over an installation before it is needed: what is good, to be looked at, in the way, and what to change."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.config import Config
from gateway.operations.checks.addresses import check_addresses
from gateway.operations.checks.clock import check_clock
from gateway.operations.checks.files import check_configuration_file, check_tls
from gateway.operations.checks.finding import Finding
from gateway.operations.checks.machine import (
    check_buffers,
    check_media_ports,
    check_open_files,
    check_processors,
    check_versions,
)
from gateway.operations.checks.ports import check_ports
from gateway.operations.checks.storage import check_storage
from gateway.operations.checks.uppers import check_uppers
from gateway.operations.checks.zones import check_zones


def look_over(config: Config, config_file: Path | None, *, now: float) -> list[Finding]:
    """Every finding, in the order of the chapters: files, storage, network, machine, platforms."""
    return [
        *check_configuration_file(config, config_file),
        *check_tls(config, now),
        *check_storage(config.node.data_dir),
        *check_ports(config),
        *check_addresses(config),
        *check_zones(config),
        *check_media_ports(config),
        *check_buffers(),
        *check_open_files(config),
        *check_processors(config),
        *check_clock(),
        *check_versions(),
        *asyncio.run(check_uppers(config.node.data_dir, config.node.id)),
    ]
