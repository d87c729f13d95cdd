"""What comes before the other side has said who it is: kept within bounds, used only for whoever is accepted then.

A camera may send before its 200 arrives, and a receiver may connect before its ACK; so may anybody else. Nothing here
is looked into before the answer.
"""

from __future__ import annotations

import socket
from collections import deque

from media.worker.control import Address

PACKETS_PER_SENDER = 64
BYTES_PER_SENDER = 128 * 1024
MOST_SENDERS = 3
CONNECTIONS_PER_HOST = 2
MOST_CONNECTIONS = 16


class EarlyPackets:
    """The newest packets of the first few senders."""

    def __init__(self) -> None:
        self._senders: dict[Address, deque[bytes]] = {}
        self._sizes: dict[Address, int] = {}
        self.counts: dict[Address, int] = {}

    def put(self, remote: Address, packet: bytes | bytearray | memoryview) -> None:
        """Keep one packet, if its sender is one of the first few."""
        packets = self._senders.get(remote)
        if packets is None:
            if len(self._senders) >= MOST_SENDERS:
                return
            packets = self._senders[remote] = deque()
            self._sizes[remote] = self.counts[remote] = 0
        packets.append(bytes(packet))
        self.counts[remote] += 1
        self._sizes[remote] += len(packet)
        while len(packets) > PACKETS_PER_SENDER or self._sizes[remote] > BYTES_PER_SENDER:
            self._sizes[remote] -= len(packets.popleft())

    def of(self, remote: Address) -> list[bytes]:
        """What is kept of one sender, in order of arrival; without a hole up to the newest."""
        return list(self._senders[remote])

    def clear(self) -> None:
        """Forget everything."""
        self._senders.clear()
        self._sizes.clear()
        self.counts.clear()


class EarlyConnections:
    """Accepted connections that nobody reads yet, so that strangers cannot keep the right peer out.

    A host that connects too often replaces its own oldest connection. When there are too many altogether, the oldest
    of the host with the most is replaced.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[socket.socket, Address]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, sock: socket.socket, remote: Address) -> None:
        """Keep a connection; another may be closed for it."""
        if self._count(remote[0]) >= CONNECTIONS_PER_HOST:
            self._close_oldest(remote[0])
        elif len(self._waiting) >= MOST_CONNECTIONS:
            self._close_oldest(max((address[0] for _, address in self._waiting), key=self._count))
        self._waiting.append((sock, remote))

    def take(self) -> list[tuple[socket.socket, Address]]:
        """Hand over all, the oldest first."""
        taken, self._waiting = self._waiting, []
        return taken

    def close(self) -> None:
        """Close all."""
        for sock, _ in self.take():
            sock.close()

    def _count(self, host: str) -> int:
        return sum(address[0] == host for _, address in self._waiting)

    def _close_oldest(self, host: str) -> None:
        at = next(n for n, (_, address) in enumerate(self._waiting) if address[0] == host)
        self._waiting.pop(at)[0].close()
