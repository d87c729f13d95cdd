"""The camera's two datagram ports, for RTP and RTCP, shared by its sessions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

TRIES = 200

Heard = Callable[[str, int], None]
"""Called with host and port of whoever sent RTCP."""


class DatagramPair:
    """An even port and the one above (RFC 3550 11). What the system does not take at once is lost, and counted."""

    def __init__(self) -> None:
        self._sockets: tuple[socket.socket, socket.socket] | None = None
        self._ear: asyncio.DatagramTransport | None = None
        self.ports = (0, 0)
        self.lost = 0

    async def open(self, host: str, heard: Heard) -> None:
        """Bind both. OSError when there is no such pair."""
        rtp, rtcp = self._sockets = even_pair(host)
        self.ports = (rtp.getsockname()[1], rtcp.getsockname()[1])
        self._ear, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Ear(heard), sock=rtcp)

    def send(self, packet: bytes, target: tuple[str, int], *, control: bool) -> None:
        """One datagram from the RTP port, or from the RTCP port."""
        if self._sockets is None:
            return
        try:
            self._sockets[control].sendto(packet, target)
        except OSError:  # no room, or the client's port is closed
            self.lost += 1

    def close(self) -> None:
        """Give the ports back."""
        sockets, self._sockets = self._sockets, None
        if self._ear is not None:
            self._ear.close()
        if sockets is not None:
            sockets[0].close()


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._heard(addr[0], addr[1])


def even_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Two bound sockets: an even port and the one above. OSError when none is found."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(TRIES):
        first = _bound(family, host, 0)
        port = first.getsockname()[1]
        try:
            # An odd one is the upper half of a pair, if its lower neighbour is free.
            second = _bound(family, host, port ^ 1)
        except OSError:
            first.close()
            continue
        return (second, first) if port % 2 else (first, second)
    raise OSError("no two datagram ports side by side")


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
