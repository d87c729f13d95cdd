"""Cuts packs into RTP packets (GB/T 28181-2022 C.1.2): all of a frame share a timestamp, the last has the marker."""

from __future__ import annotations

from media.errors import LocalError
from media.rtp import build_header

MAX_PAYLOAD = 1388
"""Keeps the datagram at 1400 bytes, below every usual path MTU."""


class RtpPacketizer:
    """Makes the RTP packets of one stream. ``sequence`` is the number of the next packet."""

    __slots__ = ("_max_payload", "payload_type", "sequence", "ssrc")

    def __init__(self, ssrc: int, payload_type: int = 96, max_payload: int = MAX_PAYLOAD, sequence: int = 0) -> None:
        if max_payload < 1:
            raise LocalError("an RTP payload has at least one byte")
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.sequence = sequence & 0xFFFF
        self._max_payload = max_payload

    def packets(self, data: bytes, timestamp: int) -> list[bytes]:
        """The packets of one frame. ``timestamp`` is reduced to 32 bits."""
        step = self._max_payload
        last = max(0, (len(data) - 1) // step)
        made = []
        for index in range(last + 1):
            head = build_header(
                payload_type=self.payload_type,
                marker=index == last,
                sequence=self.sequence,
                timestamp=timestamp,
                ssrc=self.ssrc,
            )
            made.append(head + data[index * step : (index + 1) * step])
            self.sequence = (self.sequence + 1) & 0xFFFF
        return made
