"""A NAT in user space between two namespaces: IPv4 packets from one tunnel to another, their addresses changed.

Inside looks out through one address. Each flow from inside gets a port of its own there; what comes to it from outside
goes back in only from an address that was sent to (address-restricted, as most boxes are). Forwarded ports keep their
number in both directions.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import threading
from ipaddress import ip_address

from tests.stand.namespace import Namespace, enter

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
TCP, UDP = 6, 17
FIRST_PORT = 20_000
Flow = tuple[int, bytes, int]


def tunnel(place: Namespace, name: str, address: str) -> int:
    """The descriptor of a new tunnel in a namespace, where it has that address (with prefix length)."""
    made: list[int] = []

    def make() -> None:
        enter(place.name)
        made.append(os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK))
        fcntl.ioctl(made[0], TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    place.ip("addr", "add", address, "dev", name)
    place.ip("link", "set", name, "up")
    return made[0]


class Nat:
    """Between `inside` (its tunnel has the address `inner`) and `outside` (`outer`); seen from there as `public`.

    `forwarded` ports of `public` lead to `inner`, unchanged. Its tunnels are called after `name`.
    """

    def __init__(
        self,
        inside: Namespace,
        inner: str,
        outside: Namespace,
        outer: str,
        public: str,
        name: str,
        forwarded: frozenset[int] = frozenset(),
    ) -> None:
        self.inner, self.public = ip_address(inner.partition("/")[0]).packed, ip_address(public).packed
        self._forwarded = forwarded
        self._inside = tunnel(inside, f"{name}-in", inner)
        self._outside = tunnel(outside, f"{name}-out", outer)
        inside.ip("route", "add", outer.rpartition(".")[0] + ".0/24", "dev", f"{name}-in")
        self._ports: dict[Flow, int] = {}
        self._flows: dict[tuple[int, int], Flow] = {}
        self._sent_to: set[tuple[int, int, bytes]] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="nat", daemon=True)

    def __enter__(self) -> Nat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(5)
        os.close(self._inside)
        os.close(self._outside)

    def _carry(self) -> None:
        ways = {self._inside: (self._outside, self._outward), self._outside: (self._inside, self._inward)}
        while not self._ending.is_set():
            for source in select.select(list(ways), [], [], 0.2)[0]:
                to, change = ways[source]
                with contextlib.suppress(BlockingIOError, OSError):
                    packet = change(bytearray(os.read(source, 65_536)))
                    if packet is not None:
                        os.write(to, packet)

    def _outward(self, packet: bytearray) -> bytearray | None:
        found = _parts(packet)
        if found is None or packet[12:16] != self.inner:
            return None
        protocol, at = found
        own = int.from_bytes(packet[at : at + 2], "big")
        port = own if own in self._forwarded else self._mapped((protocol, bytes(packet[12:16]), own))
        self._sent_to.add((protocol, port, bytes(packet[16:20])))
        packet[12:16] = self.public
        packet[at : at + 2] = port.to_bytes(2, "big")
        return _summed(packet, protocol, at)

    def _inward(self, packet: bytearray) -> bytearray | None:
        found = _parts(packet)
        if found is None or packet[16:20] != self.public:
            return None
        protocol, at = found
        port = int.from_bytes(packet[at + 2 : at + 4], "big")
        flow = self._flows.get((protocol, port))
        if port not in self._forwarded:
            if flow is None or (protocol, port, bytes(packet[12:16])) not in self._sent_to:
                return None
            packet[at + 2 : at + 4] = flow[2].to_bytes(2, "big")
        packet[16:20] = self.inner
        return _summed(packet, protocol, at)

    def _mapped(self, flow: Flow) -> int:
        port = self._ports.get(flow)
        if port is None:
            port = self._ports[flow] = FIRST_PORT + len(self._ports)
            self._flows[flow[0], port] = flow
        return port


def _parts(packet: bytearray) -> tuple[int, int] | None:
    """The protocol and where its header begins; None when it is neither UDP nor TCP over IPv4."""
    if len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] not in (TCP, UDP):
        return None
    if int.from_bytes(packet[6:8], "big") & 0x1FFF:
        return None
    return packet[9], (packet[0] & 15) * 4


def _summed(packet: bytearray, protocol: int, at: int) -> bytearray:
    """With both checksums right (RFC 1071)."""
    packet[10:12] = b"\0\0"
    packet[10:12] = _checksum(packet[:at])
    place = at + (16 if protocol == TCP else 6)
    packet[place : place + 2] = b"\0\0"
    if protocol == TCP:
        pseudo = bytes(packet[12:20]) + struct.pack("!BBH", 0, protocol, len(packet) - at)
        packet[place : place + 2] = _checksum(pseudo + packet[at:])
    return packet


def _checksum(data: bytes | bytearray) -> bytes:
    if len(data) % 2:
        data = bytes(data) + b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")
