"""Networks of WebRTC viewers beside the usual one: each has its own address and ports for candidates (RFC 8445 5.1)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

from media.worker.candidates import CandidatePorts, Reach, told_addresses


class ViewerNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Viewers in ``networks`` (CIDR) are told ``hosts``, else ``bind``, the address media sockets bind to (see
    `told_addresses`). ``ports``: first and last UDP port, (0, 0) any."""

    bind: str = ""
    hosts: tuple[str, ...] = ()
    ports: tuple[int, int] = (0, 0)
    networks: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> ViewerNetwork:
        """The network of a JSON object. Raises ValueError."""
        made = msgspec.json.decode(text, type=cls)
        for network in made.networks:
            ip_network(network)
        return made

    def to_text(self) -> str:
        """The JSON object."""
        return msgspec.json.encode(self).decode()


class ViewerNetworks:
    """Finds the network of a viewer: that of the longest prefix his address is in, else the usual one."""

    def __init__(self, usual: ViewerNetwork, others: Iterable[ViewerNetwork] = ()) -> None:
        self._usual, self._others = usual, tuple(others)
        self._prefixes: list[tuple[IPv4Network | IPv6Network, ViewerNetwork]] = sorted(
            ((ip_network(text), one) for one in self._others for text in one.networks),
            key=lambda entry: -entry[0].prefixlen,
        )
        every = (usual, *self._others)
        self._ports = {id(one): CandidatePorts(one.bind, *one.ports) for one in every}

    def of(self, viewer: str) -> ViewerNetwork:
        """The network of a viewer at an address."""
        try:
            address = ip_address(viewer)
        except ValueError:
            return self._usual
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return next((one for network, one in self._prefixes if address in network), self._usual)

    def open(self, viewer: str, seen: str, own: Iterable[str]) -> list[Reach]:
        """Sockets where a viewer who reached us at ``seen`` can send to. Of ``own``, the addresses of our cards, he is
        not told those that are for other networks. Raises `media.worker.candidates.NoPort`."""
        network = self.of(viewer)
        foreign = {one.bind for one in (self._usual, *self._others) if one is not network} - {network.bind, seen}
        told = told_addresses(network.hosts, network.bind, seen, [host for host in own if host not in foreign])
        return self._ports[id(network)].open(told)
