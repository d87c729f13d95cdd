"""Network zones (网络区域) as they are in force: which addresses of ours a zone has, and whom its networks take in."""

from __future__ import annotations

import errno
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gateway.config import Config
from gateway.config_zones import DEFAULT, WILDCARDS, ZoneConfig
from gateway.errors import GatewayError

Network = IPv4Network | IPv6Network
_REMEMBERED = 65_536


class UnknownZone(GatewayError):
    """A name that is no zone of this node."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        names = ", ".join(known)
        self.zh = f"没有网络区域“{name}”；已配置的有：{names}。"
        super().__init__(f"no zone {name!r}; there are {names}")


class ZoneNotListening(GatewayError):
    """The SIP address of a zone cannot be listened on: `reason` says why."""

    def __init__(self, zone: Zone, error: OSError) -> None:
        self.zone = zone.name
        key = "sip.host" if zone.name == DEFAULT else f"zones.{zone.name}.sip_host"
        away = error.errno == errno.EADDRNOTAVAIL
        self.reason = "it is not an address of this machine" if away else error.strerror or str(error)
        where = f"{zone.sip_host} port {zone.sip_port} ({key})"
        super().__init__(f"cannot listen on {where}: {self.reason}; gbgateway self-check says what to change")


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone. A host "" means: no other than the one bound, or the one the kernel routes from.

    ports  the range of the media ports; None: that of the workers
    connect_to_devices  "auto", "yes" or "no", see `gateway.signalling.reachability`
    """

    name: str
    networks: tuple[Network, ...]
    sip_host: str
    sip_port: int
    sip_advertised_host: str
    media_host: str
    media_advertised_host: str
    ports: tuple[int, int] | None
    public_url: str
    connect_to_devices: str = "auto"

    @property
    def sip_shown(self) -> str:
        """The address written into Via and Contact; "" when every address is bound and none is configured."""
        return self.sip_advertised_host or ("" if self.sip_host in WILDCARDS else self.sip_host)

    @property
    def media_shown(self) -> str:
        """The address written into SDP; "" when every address is bound and none is configured."""
        return self.media_advertised_host or ("" if self.media_host in WILDCARDS else self.media_host)

    def has(self, host: str) -> bool:
        """Whether an address is in a network of the zone."""
        return any(ip_address(host) in network for network in self.networks)


class Zones:
    """All zones of a node; without any configured there is the default zone alone."""

    def __init__(self, config: Config) -> None:
        self.default = _default(config)
        self._by_name = {DEFAULT: self.default}
        self._by_name |= {name: _zone(name, zone, config) for name, zone in config.zones.items()}
        self._networks = sorted(
            ((network, zone) for zone in self._by_name.values() for network in zone.networks),
            key=lambda entry: -entry[0].prefixlen,
        )
        self._known: OrderedDict[str, Zone] = OrderedDict()

    @property
    def several(self) -> bool:
        """Whether there is more than the default zone."""
        return len(self._by_name) > 1

    @property
    def names(self) -> list[str]:
        """All names, the default zone first."""
        return list(self._by_name)

    def all(self) -> list[Zone]:
        """All zones, the default zone first."""
        return list(self._by_name.values())

    def get(self, name: str) -> Zone | None:
        """The zone of that name."""
        return self._by_name.get(name)

    def require(self, name: str) -> Zone:
        """The zone of that name. Raises UnknownZone."""
        zone = self._by_name.get(name)
        if zone is None:
            raise UnknownZone(name, self.names)
        return zone

    def of_host(self, host: str) -> Zone:
        """The zone of an address: that of the longest network it is in, else the default zone (of a name, too)."""
        if not self._networks:
            return self.default
        known = self._known.get(host)
        if known is None:
            known = self._known[host] = self._search(host)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _search(self, host: str) -> Zone:
        try:
            address = ip_address(host)
        except ValueError:
            return self.default
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return next((zone for network, zone in self._networks if address in network), self.default)


def _default(config: Config) -> Zone:
    sip, media = config.sip, config.media
    return Zone(
        name=DEFAULT,
        networks=(),
        sip_host=sip.host,
        sip_port=sip.port,
        sip_advertised_host=sip.advertised_host,
        media_host=media.host,
        media_advertised_host=media.advertised_host,
        ports=None,
        public_url=media.public_url,
        connect_to_devices=media.connect_to_devices,
    )


def _zone(name: str, zone: ZoneConfig, config: Config) -> Zone:
    return Zone(
        name=name,
        networks=tuple(ip_network(text) for text in zone.networks),
        sip_host=zone.sip_host,
        sip_port=zone.sip_port or config.sip.port,
        sip_advertised_host=zone.sip_advertised_host,
        media_host=zone.media_host or zone.sip_host,
        media_advertised_host=zone.media_advertised_host or zone.sip_advertised_host,
        ports=(zone.port_min, zone.port_max) if zone.port_min else None,
        public_url=zone.public_url or config.media.public_url,
        connect_to_devices=zone.connect_to_devices or config.media.connect_to_devices,
    )
