"""Looking for ONVIF cameras in the networks of this node (WS-Discovery): a probe from each address of the chosen
zones."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import Iterable
from ipaddress import ip_address

import ifaddr
import structlog

from gateway.config_zones import WILDCARDS
from gateway.onvif.ws_discovery import FoundCamera, matches, probe
from gateway.zones import Zone, Zones

log = structlog.get_logger("onvif")

MAX_FOUND = 512
MAX_WAITING = 4096
MAX_CARDS = 32
SENDS = 2
"""A probe is sent twice: datagrams get lost."""
AGAIN_S = 0.25
HOPS = 2


class Discovery:
    """`targets` are addresses with ports, the multicast group of the standard or single ones."""

    def __init__(self, zones: Zones, targets: Iterable[str]) -> None:
        self._zones = zones
        self._targets = [(host, int(port)) for host, _, port in (target.rpartition(":") for target in targets)]

    async def search(self, zone: str | None, seconds: float) -> list[FoundCamera]:
        """The cameras that answer within that time, by address. Raises UnknownZone, OSError when nothing can be
        sent."""
        asked = [self._zones.require(zone)] if zone is not None else self._zones.all()
        message_id = str(uuid.uuid4())
        searches: list[_Search] = []
        async with contextlib.AsyncExitStack() as opened:
            transports = []
            for sock in _sockets(dict.fromkeys(host for one in asked for host in self._addresses(one))):
                transport, search = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Search(message_id), sock=sock
                )
                opened.callback(transport.close)
                transports.append(transport)
                searches.append(search)
            for _ in range(SENDS):
                for transport in transports:
                    for target in self._targets:
                        transport.sendto(probe(message_id), target)
                await asyncio.sleep(min(AGAIN_S, seconds / SENDS))
            await asyncio.sleep(max(0.0, seconds - AGAIN_S * SENDS))
        for search in searches:
            if search.trouble is not None and not search.found:
                log.info("probe not delivered", problem=str(search.trouble))
        found = {camera.endpoint: camera for search in searches for camera in search.found.values()}
        return sorted(found.values(), key=lambda camera: (_order(camera.address), camera.url))

    def _addresses(self, zone: Zone) -> list[str]:
        """The addresses of a zone to ask from; "" is that of the kernel's choice."""
        if zone.sip_host not in WILDCARDS:
            return [zone.sip_host if ":" not in zone.sip_host else ""]
        # Who listens at every address asks from every card; a single address is reached the way the kernel knows.
        several = any(ip_address(host).is_multicast for host, _ in self._targets)
        return ["", *(own_addresses() if several else ())]


def own_addresses() -> list[str]:
    """The IPv4 addresses of this machine's network cards, the loopback left out."""
    found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
    return [host for host in found if not ip_address(host).is_loopback][:MAX_CARDS]


class _Search(asyncio.DatagramProtocol):
    """The answers to one probe from one address."""

    def __init__(self, message_id: str) -> None:
        self._message_id = message_id
        self._taken = 0
        self.found: dict[str, FoundCamera] = {}
        self.trouble: Exception | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._taken += 1
        if self._taken > MAX_WAITING or len(self.found) >= MAX_FOUND:
            return
        for camera in matches(data, addr[0], self._message_id):
            self.found.setdefault(camera.endpoint, camera)

    def error_received(self, exc: Exception) -> None:
        self.trouble = exc


def _sockets(hosts: Iterable[str]) -> list[socket.socket]:
    """One for each address; an address that cannot be sent from keeps nobody from looking from the others. Raises
    OSError when there is none."""
    made, trouble = [], None
    for host in hosts:
        try:
            made.append(_socket(host))
        except OSError as error:
            trouble = error
            log.warning("no cameras looked for", address=host, problem=str(error))
    if trouble is not None and not made:
        raise trouble
    return made


def _socket(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
        if host and host not in WILDCARDS:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host))
            made.bind((host, 0))
        else:
            made.bind(("", 0))
    except OSError:
        made.close()
        raise
    return made


def _order(address: str) -> tuple[int, str]:
    return int(ip_address(address)), address
