"""Where a pull's RTP goes: a source leg of a relay worker, over TCP (RFC 4571) or UDP."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from media.rtp_over_tcp import frame
from media.worker.control import Address, PullTransport

CONNECT_S = 3.0
SEND_S = 5.0
"""A relay that takes nothing for that long is as good as gone."""


class PullOutlet:
    """One connection. Blocks: it belongs to the thread of a pull. Raises OSError when it cannot be made."""

    def __init__(self, destination: Address, via: PullTransport) -> None:
        self._via = via
        self._destination = destination
        if via == "tcp":
            self._sock = socket.create_connection(destination, timeout=CONNECT_S)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sock.settimeout(SEND_S)
        else:
            family = socket.AF_INET6 if ":" in destination[0] else socket.AF_INET
            self._sock = socket.socket(family, socket.SOCK_DGRAM)
            self._sock.settimeout(SEND_S)

    def send(self, packets: Iterable[bytes]) -> None:
        """Send the packets of one unit. Raises OSError, TimeoutError among them."""
        if self._via == "tcp":
            self._sock.sendall(b"".join(map(frame, packets)))
        else:
            for packet in packets:
                self._sock.sendto(packet, self._destination)

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()
