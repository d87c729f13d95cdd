"""The connections that come before the other side has said who it is: kept within bounds, used only if it is theirs.

A receiver may connect before its ACK, a camera before its 200 arrives; so may anybody else. Nobody reads them yet.
"""

from __future__ import annotations

import socket

from media.worker.control import Address

CONNECTIONS_PER_HOST = 2
MOST_CONNECTIONS = 16


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
