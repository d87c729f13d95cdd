"""RTP packets of one stream to access units: order, kind of payload, demultiplexing. No I/O, no clock."""

from __future__ import annotations

from media.errors import RemoteError
from media.es.depacketize import EsDepacketizer
from media.ps.demuxer import PsDemuxer
from media.reorder import ReorderBuffer
from media.rtp import RtpPacket, is_rtp
from media.sniff import PayloadKind, sniff
from media.unit import AccessUnit
from media.worker.control import StalledStep

REORDER_WINDOW = 128
REORDER_WAIT_S = 0.2
_AUDIO_TYPES = (0, 8)


class StreamDemux:
    """Program streams, and H.264 or H.265 straight in RTP. The first payload that can be recognised decides.

    G.711 packets beside a program stream (payload types 0 and 8) have a clock of their own and are left out.
    """

    def __init__(self) -> None:
        self.packets = 0
        self.bytes = 0
        self.units = 0
        self.damaged = 0
        self.malformed = 0
        self.recognised = False
        self.key_seen = False
        self._order = ReorderBuffer(REORDER_WINDOW, REORDER_WAIT_S)
        self._demuxer: PsDemuxer | EsDepacketizer | None = None

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return self._order.counters.lost

    @property
    def missing(self) -> StalledStep:
        """What this stream lacks for a picture."""
        if not self.packets:
            return "no_packet"
        if not self.recognised:
            return "no_ps"
        return "undecodable" if self.key_seen else "no_key_frame"

    def feed(self, data: bytes, now: float) -> list[AccessUnit]:
        """One packet as it arrived. Whatever is no RTP is counted and left out."""
        if not is_rtp(data):
            self.malformed += 1
            return []
        try:
            packet = RtpPacket.parse(data)
        except RemoteError:
            self.malformed += 1
            return []
        self.packets += 1
        self.bytes += len(data)
        if packet.payload_type in _AUDIO_TYPES:
            return []
        return self._ordered(self._order.push(packet, now))

    def expire(self, now: float) -> list[AccessUnit]:
        """Give up waiting for packets that are missing too long."""
        return self._ordered(self._order.expire(now))

    def _ordered(self, packets: list[RtpPacket]) -> list[AccessUnit]:
        units: list[AccessUnit] = []
        for packet in packets:
            demuxer = self._demuxer or self._recognise(packet)
            if demuxer is not None:
                gap = packet.sequence in self._order.gaps
                units += demuxer.feed(packet.payload, timestamp=packet.timestamp, marker=packet.marker, gap=gap)
        for unit in units:
            self.units += 1
            self.damaged += unit.damaged
            self.key_seen = self.key_seen or (unit.key and unit.track == "video")
        return units

    def _recognise(self, packet: RtpPacket) -> PsDemuxer | EsDepacketizer | None:
        kind = sniff(packet.payload, packet.payload_type)
        if kind is PayloadKind.PS:
            self._demuxer = PsDemuxer()
        elif kind in (PayloadKind.H264, PayloadKind.H265):
            self._demuxer = EsDepacketizer(kind.value)
        self.recognised = self._demuxer is not None
        return self._demuxer
