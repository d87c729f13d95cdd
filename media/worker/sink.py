"""One sending leg as a stream of packets: its own SSRC, payload type and sequence, and its way from start to live.

idle -> (start) -> waiting for a key frame, or catching up from the source's cached group of pictures -> live.
A sink that had to leave out frames goes back to waiting and resumes at a key frame; its sequence keeps the hole, so
that the receiver sees the loss. Timestamps, markers and payload bytes are never touched (GB/T 28181 relay mode
"RTP forward").
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal, Protocol

from media.worker.gop import Gop

if TYPE_CHECKING:
    from media.worker.source import SourceStream

CATCH_UP_S = 2.0
"""Seconds after which a sink still behind jumps to the next key frame."""

_FIRST_BURST = 64 * 1024
_LEAST_RATE = 250_000.0
_SHORTEST_GOP_S = 0.2
_HEADER = struct.Struct("!BBHII")

State = Literal["idle", "waiting", "catching_up", "live"]


class Outlet(Protocol):
    """Where the packets of a sink go: a datagram socket or a bounded record queue."""

    def put(self, packet: bytes) -> bool:
        """Send or queue one packet; False when the receiver is too slow and the sink must skip to a key frame."""
        ...

    @property
    def ready(self) -> bool:
        """Whether a sink that skipped may begin again."""
        ...

    def forget(self) -> None:
        """Let go of packets that have not begun to leave."""
        ...


class SinkStream:
    """The packet side of one sink. ``first_sequence`` numbers the first packet sent."""

    def __init__(self, leg: str, ssrc: int, payload_type: int | None, first_sequence: int, outlet: Outlet) -> None:
        self.leg = leg
        self.ssrc = ssrc
        self.outlet = outlet
        self.state: State = "idle"
        self.skipped = 0
        self.floor = 0
        self.last_timestamp = 0
        self._payload_type = payload_type
        self._first_sequence = first_sequence & 0xFFFF
        self._offset: int | None = None
        self._newest = -1
        self._gop: Gop | None = None
        self._cursor = 0
        self._started_at = 0.0
        self._rate = 0.0
        self._sent = 0

    @property
    def next_sequence(self) -> int:
        """The sequence number of the next new packet."""
        if self._offset is None:
            return self._first_sequence
        return (self._newest + 1 + self._offset) & 0xFFFF

    @property
    def behind(self) -> bool:
        """Whether packets of the cache are still to be sent."""
        return self.state == "catching_up"

    def rewritten(self, running: int, packet: bytes | memoryview) -> bytes:
        """``packet`` with this sink's SSRC, payload type and the sequence number of running number ``running``."""
        assert self._offset is not None
        first, second, _, timestamp, _ = _HEADER.unpack_from(packet)
        if self._payload_type is not None:
            second = (second & 0x80) | self._payload_type
        if running > self._newest:
            self._newest = running
        self.last_timestamp = timestamp
        return _HEADER.pack(first, second, (running + self._offset) & 0xFFFF, timestamp, self.ssrc) + packet[12:]

    # --- transitions ------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Send nothing until started again."""
        self.state = "idle"
        self._gop = None

    def wait(self) -> None:
        """Wait for the next key frame."""
        self.state = "waiting"
        self._gop = None

    def go_live(self, running: int, *, gapless: bool = False) -> None:
        """From running number ``running`` on everything is sent; ``gapless`` hides what was left out before it."""
        if self._offset is None:
            self._offset = self._first_sequence - running
            self._newest = running - 1
        elif gapless:
            self._offset = self.next_sequence - running
            self._newest = running - 1
        elif running > self._newest + 1:
            self.skipped += running - self._newest - 1
        self.floor = running
        self.state = "live"
        self._gop = None

    def catch_up(self, gop: Gop, now: float) -> None:
        """Begin with the first packet of ``gop``, at two to four times the media rate.

        A sink that sent before (its receiver connected anew) goes on with its next sequence number.
        """
        length_s = max(now - gop.started_at, _SHORTEST_GOP_S)
        factor = min(max(1.0 + length_s / CATCH_UP_S, 2.0), 4.0)
        self._rate = max(factor * gop.size / length_s, _LEAST_RATE)
        self._started_at = now
        self._sent = 0
        self._gop = gop
        self._cursor = 0
        self.go_live(gop.packets[0][0], gapless=True)
        self.state = "catching_up"
        self._gop = gop

    def due(self, source: SourceStream, now: float) -> list[bytes]:
        """The cached packets to send by ``now``. At the end of the cache the sink is live, or waits when it was cut."""
        packets: list[bytes] = []
        allowance = _FIRST_BURST + self._rate * (now - self._started_at)
        late = now - self._started_at > CATCH_UP_S
        while self._gop is not None:
            gop = self._gop
            if late and gop is not source.gops.current and source.gops.current is not None:
                self._jump(source.gops.current)
                continue
            while self._cursor < len(gop.packets):
                if self._sent >= allowance:
                    return packets
                self._take(gop.packets[self._cursor], packets)
                self._cursor += 1
            if gop.next is not None:
                self._gop, self._cursor = gop.next, 0
            elif gop.cut:
                self.wait()
            else:
                for entry in source.undecided:
                    self._take(entry, packets)
                self.state = "live"
                self._gop = None
        return packets

    def _take(self, entry: tuple[int, bytes], packets: list[bytes]) -> None:
        running, packet = entry
        if running >= self.floor:
            packets.append(self.rewritten(running, packet))
            self._sent += len(packet)

    def _jump(self, gop: Gop) -> None:
        self.go_live(gop.packets[0][0], gapless=True)
        self.state = "catching_up"
        self._gop, self._cursor = gop, 0
