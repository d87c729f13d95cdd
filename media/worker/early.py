"""The packets that come before the answer has named the sender: kept within bounds, used only for whoever it names.

A camera may send before its 200 arrives; so may anybody else. Nothing here is looked into before the answer.
"""

from __future__ import annotations

from collections import deque

from media.worker.control import Address

PACKETS_PER_SENDER = 64
BYTES_PER_SENDER = 128 * 1024
MOST_SENDERS = 3


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
