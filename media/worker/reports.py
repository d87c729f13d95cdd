"""RTCP of one relay hop (RFC 3550 6.4): what we report to a source, and to the receivers of a sink.

Each hop is terminated here; nothing of it is relayed. Some cameras stop sending when no receiver report comes, so the
first one follows the first packet.
"""

from __future__ import annotations

from media.errors import RemoteError
from media.reception import Reception
from media.rtcp import (
    ReceiverReport,
    SenderReport,
    SourceDescription,
    build_compound,
    ntp_of,
    parse_compound,
)
from media.worker.sequence import RunningSequence

INTERVAL_S = 5.0
CNAME = "gb28181-gateway"


class ReceptionReports:
    """Receiver reports about one source, every 5 s."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._last_sr = 0
        self._last_sr_at = 0.0

    def heard(self, datagram: bytes, now: float) -> None:
        """RTCP from the source; a sender report is remembered for LSR and DLSR."""
        try:
            packets = parse_compound(datagram)
        except RemoteError:
            return
        for packet in packets:
            if isinstance(packet, SenderReport):
                self._last_sr, self._last_sr_at = packet.ntp_middle, now

    def due(self, reception: Reception, numbers: RunningSequence, ssrc: int, now: float) -> bytes | None:
        """The report to send now, if one is due. Our own SSRC is the media SSRC + 1."""
        if numbers.first is None or now < self._next_at:
            return None
        self._next_at = now + INTERVAL_S
        block = reception.report_block(
            ssrc,
            expected=numbers.received + numbers.lost,
            received=numbers.received,
            highest=(numbers.highest & 0xFFFF0000) | numbers.last,
            last_sr=self._last_sr,
            delay_since_last_sr=int((now - self._last_sr_at) * 65536) if self._last_sr else 0,
        )
        ours = (ssrc + 1) & 0xFFFFFFFF
        return build_compound([ReceiverReport(ours, (block,)), SourceDescription(ours, CNAME)])


class SenderReports:
    """Sender reports of one sink, every 5 s once it sends."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def due(
        self, *, ssrc: int, rtp_timestamp: int, packets: int, octets: int, now: float, unix_now: float
    ) -> bytes | None:
        """The report to send now, if one is due."""
        if not packets or now < self._next_at:
            return None
        self._next_at = now + INTERVAL_S
        report = SenderReport(ssrc, ntp_of(unix_now), rtp_timestamp, packets, octets)
        return build_compound([report, SourceDescription(ssrc, CNAME)])
