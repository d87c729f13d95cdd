"""Are the configured ports free, and can they be bound by whoever runs this? Those of our running node are as good."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.config import Config
from gateway.config_zones import DEFAULT
from gateway.operations.checks.finding import Finding, ok, problem, warning
from gateway.operations.occupancy import occupant
from gateway.relay.run_directory import NOTE
from gateway.zones import Zones

_KINDS = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A configured address to bind; ``key`` is the configuration key of the port, ``host_key`` that of the host."""

    key: str
    transport: str
    host: str
    port: int
    host_key: str

    def __str__(self) -> str:
        return f"{self.transport.upper()} {self.host}:{self.port}"


def check_ports(config: Config) -> list[Finding]:
    """One finding for every configured port, and one for a sample of the media ports."""
    pids = own_processes(config.node.data_dir)
    return [*(_check(endpoint, pids) for endpoint in endpoints(config)), *_check_media_of_all(config, pids)]


def endpoints(config: Config) -> Iterator[Endpoint]:
    """What a node listens on, apart from media; ports that are chosen at the start are left out."""
    for transport in config.sip.transports:
        if config.sip.port:
            yield Endpoint("sip.port", transport, config.sip.host, config.sip.port, "sip.host")
    yield from _zone_endpoints(config)
    if config.http.port:
        yield Endpoint("http.port", "tcp", config.http.host, config.http.port, "http.host")
    for number in range(config.media.stream_workers):
        if config.media.http_port:
            port = config.media.http_port + number
            yield Endpoint("media.http_port", "tcp", config.media.http_host, port, "media.http_host")


def _zone_endpoints(config: Config) -> Iterator[Endpoint]:
    """The SIP addresses of the zones; zones may share one."""
    seen = {(config.sip.host, config.sip.port)}
    for zone in Zones(config).all():
        if (zone.sip_host, zone.sip_port) in seen or not zone.sip_port:
            continue
        seen.add((zone.sip_host, zone.sip_port))
        section = f"zones.{zone.name}"
        for transport in config.sip.transports:
            yield Endpoint(f"{section}.sip_port", transport, zone.sip_host, zone.sip_port, f"{section}.sip_host")


def own_processes(data_dir: Path, proc: Path = PROC) -> frozenset[int]:
    """The running node of a data directory: its control process and its workers; none when it does not run."""
    with suppress(OSError):
        control = occupant(data_dir)
        if control:
            return frozenset({control, *_workers(data_dir, proc)})
    return frozenset()


def _workers(data_dir: Path, proc: Path) -> Iterator[int]:
    """The workers of a node, by the socket on their command line."""
    places = [data_dir.absolute() / "run"]
    with suppress(OSError, UnicodeDecodeError):
        places.append(Path((data_dir / NOTE).read_text().strip()))
    sockets = tuple(f"{place}{os.sep}".encode() for place in places)
    for entry in proc.iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and any(
                argument.startswith(sockets) for argument in (entry / "cmdline").read_bytes().split(b"\0")
            ):
                yield int(entry.name)


def _check(endpoint: Endpoint, pids: frozenset[int]) -> Finding:
    try:
        _bind(endpoint)
    except OSError as error:
        return _explained(endpoint, error, pids)
    return ok(endpoint.key, f"{endpoint} is free")


def _bind(endpoint: Endpoint) -> None:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family, _KINDS[endpoint.transport]) as probe:
        if endpoint.transport == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((endpoint.host, endpoint.port))
        if endpoint.transport == "tcp":
            probe.listen(1)


def _explained(endpoint: Endpoint, error: OSError, pids: frozenset[int]) -> Finding:
    key, host = endpoint.key, endpoint.host_key
    if error.errno == errno.EADDRINUSE:
        if pids and any(_listens(pid, endpoint) for pid in pids):
            return ok(key, f"{endpoint} is held by this node, which is running")
        found = f"{endpoint} is in use" + (" by another program than the running node" if pids else "")
        find = f"ss -lnp{endpoint.transport[0]} 'sport = :{endpoint.port}'"
        return problem(key, found, f"end the program that {find} shows, or change {key}")
    if error.errno == errno.EADDRNOTAVAIL:
        return problem(key, f"{endpoint.host} is not an address of this machine", f"correct {host}; `ip address` lists")
    if error.errno == errno.EACCES:
        change = "choose a port above 1023, or give the service AmbientCapabilities=CAP_NET_BIND_SERVICE"
        return problem(key, f"{endpoint} may not be bound by this account", change)
    return problem(key, f"{endpoint} cannot be bound: {error.strerror}", f"change {host} or {key}")


def _listens(pid: int, endpoint: Endpoint, proc: Path = PROC) -> bool:
    """Whether a process has a socket bound to that port."""
    inodes = set(_bound(endpoint, proc))
    with suppress(OSError):
        for link in (proc / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if os.readlink(link).removeprefix("socket:[").removesuffix("]") in inodes:
                    return True
    return False


def _bound(endpoint: Endpoint, proc: Path) -> Iterator[str]:
    """The inodes of the sockets at that port (proc(5), /proc/net/tcp)."""
    for name in (endpoint.transport, f"{endpoint.transport}6"):
        with suppress(OSError):
            for line in (proc / "net" / name).read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == endpoint.port:
                    yield fields[9]


def _check_media_of_all(config: Config, pids: frozenset[int]) -> Iterator[Finding]:
    """The media ports of every zone; what two zones share is tried once."""
    media, seen = config.media, set[tuple[str, int, int]]()
    for zone in Zones(config).all():
        section = "media" if zone.name == DEFAULT else f"zones.{zone.name}"
        first, last = zone.ports or (media.port_min, media.port_max)
        if (zone.media_host, first, last) not in seen:
            seen.add((zone.media_host, first, last))
            host_key = "media.host" if zone.name == DEFAULT else f"{section}.media_host"
            yield from _check_media(
                Endpoint(f"{section}.port_min", "udp", zone.media_host, first, host_key), last, pids
            )


def _check_media(begin: Endpoint, last: int, pids: frozenset[int]) -> Iterator[Finding]:
    """Every sixteenth media port: can it be bound, and how many are taken by others?"""
    key = begin.key
    taken: list[Endpoint] = []
    tried = range(begin.port, last + 1, 16)
    for port in tried:
        for transport in _KINDS:
            endpoint = replace(begin, transport=transport, port=port)
            try:
                _bind(endpoint)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    yield _explained(endpoint, error, pids)
                    return
                if not any(_listens(pid, endpoint) for pid in pids):
                    taken.append(endpoint)
    if taken:
        change = f"choose a range nobody else uses ({key}, {key.replace('_min', '_max')})"
        yield warning(key, f"other programs hold media ports, {taken[0]} for one", change)
    else:
        yield ok(key, f"media ports {begin.port} to {last} can be bound ({len(tried)} tried, UDP and TCP)")
