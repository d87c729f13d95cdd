"""Where the packets of a sink leave: a datagram socket, or a connection behind a bounded record queue."""

from __future__ import annotations

import socket

from media.worker.control import Address
from media.worker.records import DEFAULT_LIMIT, RecordQueue


class UdpOutlet:
    """Sends each packet at once to one address. What the kernel does not take is lost and counted."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.remote: Address | None = None
        self.packets = 0
        self.bytes = 0
        self.dropped = 0
        self.error = ""
        """Why the kernel took nothing, the last time it did not."""
        self.ready = True
        self.queued = 0

    def put(self, packet: bytes) -> bool:
        """See `media.worker.sink.Outlet`."""
        try:
            self._sock.sendto(packet, self.remote or ("", 0))
        except OSError as error:
            self.dropped += 1
            self.error = error.strerror or type(error).__name__
            return True
        self.packets += 1
        self.bytes += len(packet)
        return True

    def forget(self) -> None:
        """See `media.worker.sink.Outlet`: nothing waits here."""


class TcpOutlet:
    """RFC 4571 records over one connection. `flush` after each round, and whenever the socket can be written again."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._queue = RecordQueue(limit)
        self._sock: socket.socket | None = None
        self.packets = 0
        self.bytes = 0
        self._skipped = 0

    @property
    def ready(self) -> bool:
        """See `media.worker.sink.Outlet`."""
        return self._queue.ready

    @property
    def dropped(self) -> int:
        """Packets left out or lost with a connection."""
        return self._queue.dropped + self._skipped

    @property
    def queued(self) -> int:
        """Bytes waiting for the receiver."""
        return self._queue.size

    def connect(self, sock: socket.socket | None) -> None:
        """Send over this connection from now on; what waited for the former one is lost."""
        self._queue.clear()
        self._sock = sock

    def forget(self) -> None:
        """See `media.worker.sink.Outlet`."""
        self._queue.forget()

    def skip(self, count: int) -> None:
        """Count packets that were not even offered."""
        self._skipped += count

    def put(self, packet: bytes) -> bool:
        """See `media.worker.sink.Outlet`."""
        if self._sock is None:
            self._skipped += 1
            return True
        if not self._queue.push(packet):
            return False
        self.packets += 1
        self.bytes += len(packet)
        return True

    def flush(self) -> bool:
        """Send what the socket takes; True when something is left. Raises OSError when the connection is broken."""
        while self._sock is not None and len(self._queue):
            data = self._queue.next_bytes()
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                return True
            self._queue.sent(sent)
            if sent < len(data):
                return True
        return False
