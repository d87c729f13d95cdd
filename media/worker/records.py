"""What waits for one slow TCP receiver: RFC 4571 records, bounded, left out by whole frames.

A record is never cut. When the queue is full at the start of a frame, that frame is refused; a frame that outgrows the
queue half-way is taken back as long as none of it has been sent. After a refusal the sender stops feeding until the
next key frame, because a decoder cannot use frames whose reference is missing. Frames are told apart by RTP timestamp
and marker bit.
"""

from __future__ import annotations

import struct
from collections import deque

DEFAULT_LIMIT = 4 * 1024 * 1024
"""Bytes at which a new frame is refused; one frame may exceed it by as much again."""

_LENGTH = struct.Struct("!H")


class RecordQueue:
    """Packets in, bytes for the socket out."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.size = 0
        self.dropped = 0
        self._limit = limit
        self._records: deque[tuple[bytes, int]] = deque()
        self._head_sent = 0
        self._timestamp = b""
        self._frame = 0
        self._frame_ended = True

    def __len__(self) -> int:
        return len(self._records)

    @property
    def ready(self) -> bool:
        """Whether a sender that was refused may begin again (at a key frame)."""
        return self.size <= self._limit // 2

    def push(self, packet: bytes) -> bool:
        """Queue one RTP packet. False: refused, with all of its frame that is still here; `dropped` grew by them."""
        timestamp = packet[4:8]
        if self._frame_ended or timestamp != self._timestamp:
            self._timestamp = timestamp
            self._frame += 1
            if self.size >= self._limit:
                return self._refuse()
        size = len(packet) + 2
        if self.size + size > 2 * self._limit:
            return self._refuse()
        self._frame_ended = bool(packet[1] & 0x80)
        self._records.append((_LENGTH.pack(len(packet)) + packet, self._frame))
        self.size += size
        return True

    def _refuse(self) -> bool:
        self.dropped += 1
        self._frame_ended = True
        keep = 1 if self._head_sent else 0
        while len(self._records) > keep and self._records[-1][1] == self._frame:
            record, _ = self._records.pop()
            self.size -= len(record)
            self.dropped += 1
        return False

    def next_bytes(self, most: int = 262_144) -> bytes:
        """The bytes to send next: the rest of a record begun, then whole records up to about ``most`` bytes."""
        chunks: list[bytes] = []
        total = 0
        for record, _ in self._records:
            chunks.append(record)
            total += len(record)
            if total >= most:
                break
        if self._head_sent:
            chunks[0] = chunks[0][self._head_sent :]
        return b"".join(chunks)

    def sent(self, count: int) -> None:
        """``count`` of the bytes of `next_bytes` have gone out."""
        self.size -= count
        count += self._head_sent
        while self._records and count >= len(self._records[0][0]):
            count -= len(self._records.popleft()[0])
        self._head_sent = count

    def forget(self) -> None:
        """Let go of every record that has not begun to leave."""
        keep = 1 if self._head_sent else 0
        while len(self._records) > keep:
            self.size -= len(self._records.pop()[0])
            self.dropped += 1
        self._frame_ended = True

    def clear(self) -> None:
        """Forget everything queued: the connection is gone."""
        self.dropped += len(self._records)
        self._records.clear()
        self.size = 0
        self._head_sent = 0
        self._frame_ended = True
