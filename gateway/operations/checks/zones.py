"""Is every device and upper platform given to a network zone that the configuration has?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

from gateway.config import Config
from gateway.operations.checks.finding import Finding, ok, warning
from gateway.store.engine import DATABASE_FILE
from gateway.zones import Zones

_GIVEN = "SELECT '{0}', id, zone FROM {0} WHERE zone IS NOT NULL"


def check_zones(config: Config) -> list[Finding]:
    """One finding for each peer whose zone there is not; it is in the zone of its address meanwhile."""
    names = Zones(config).names
    if len(names) == 1 and not (config.node.data_dir / DATABASE_FILE).exists():
        return []
    change = f"write [zones.NAME] for it, or give another: {', '.join(names)}"
    lost = [
        warning(
            "zones", f"{peer} is given to zone {zone}, which is not configured", f"{change} (gbgateway {table} set)"
        )
        for table, peer, zone in _given(config.node.data_dir)
        if zone not in names
    ]
    return [*(lost or [ok("zones", ", ".join(names))]), *_viewers(config)]


def _viewers(config: Config) -> list[Finding]:
    """Zones whose viewers are sent to an address of another network."""
    host = config.media.http_host
    if not host or ip_address(host).is_unspecified or ip_address(host).is_loopback:
        return []
    return [
        warning(
            f"zones.{zone.name}.public_url",
            f"viewers of zone {zone.name} are told {host} (media.http_host), which is not in its networks",
            f'set zones.{zone.name}.public_url, or media.http_host = "0.0.0.0"',
        )
        for zone in Zones(config).all()
        if zone.networks and not zone.public_url and zone.media_host != host and not zone.has(host)
    ]


def _given(data_dir: Path) -> list[tuple[str, str, str]]:
    """Table, id and zone of every peer that is given to one; none where the database cannot tell."""
    path = data_dir / DATABASE_FILE
    query = f"{_GIVEN.format('devices')} UNION ALL {_GIVEN.format('uppers')} ORDER BY 2"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return list(connection.execute(query))
    except sqlite3.Error:
        return []
