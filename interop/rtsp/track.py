"""One track of a session on the wire: its RTP packets and its sender reports (RFC 3550). No I/O, no clock."""

from __future__ import annotations

from interop.device.picture import CLOCK_HZ
from interop.rtsp.medium import Medium
from media import AccessUnit, SenderReport, SourceDescription, build_compound, build_header, ntp_of

REPORT_S = 5.0
CNAME = "gbsim"


class RtpTrack:
    """Numbers and times packets so that they run on across PAUSE and PLAY; `number` is the track's in its stream."""

    def __init__(self, medium: Medium, number: int, *, ssrc: int, sequence: int, timestamp: int) -> None:
        self.medium = medium
        self.number = number
        self.ssrc = ssrc
        self.sequence = sequence & 0xFFFF
        self.rtptime = timestamp & 0xFFFFFFFF
        self._epoch: float | None = None
        self._base = timestamp
        self._origin: int | None = None
        self._origin_at = 0.0
        self._packets = 0
        self._octets = 0
        self._reported = 0.0

    def play(self, now: float) -> None:
        """The stream begins, or goes on, at `now`: `sequence` and `rtptime` say with which packet."""
        self._epoch = now if self._epoch is None else self._epoch
        self.rtptime = (self._base + int((now - self._epoch) * self.medium.clock_hz)) & 0xFFFFFFFF
        self._origin = None

    def begin(self, origin: int, now: float) -> None:
        """The first picture has the PTS `origin`; it is shown at `now`."""
        if self._origin is None:
            self._origin, self._origin_at, self._reported = origin, now, now - REPORT_S

    def packets(self, unit: AccessUnit, *, noise: bytes = b"") -> list[bytes]:
        """The RTP packets of an access unit; with `noise`, that instead of its bytes."""
        assert self._origin is not None, "begin() comes first"
        timestamp = self.rtptime + (unit.pts - self._origin) * self.medium.clock_hz // CLOCK_HZ
        payloads = [noise] if noise else self.medium.payloads(unit)
        made = []
        for n, payload in enumerate(payloads, 1):
            header = build_header(
                payload_type=self.medium.payload_type,
                marker=n == len(payloads) and self.medium.clock_hz != 8000,
                sequence=self.sequence,
                timestamp=timestamp & 0xFFFFFFFF,
                ssrc=self.ssrc,
            )
            made.append(header + payload)
            self.sequence = (self.sequence + 1) & 0xFFFF
            self._octets += len(payload)
        self._packets += len(made)
        return made

    def report(self, now: float, unix: float) -> bytes | None:
        """The sender report that is due at `now` (`unix` is the same instant in unix time), or None."""
        if self._origin is None or now - self._reported < REPORT_S:
            return None
        self._reported = now
        timestamp = self.rtptime + int((now - self._origin_at) * self.medium.clock_hz)
        sent = SenderReport(
            self.ssrc, ntp_of(unix), timestamp & 0xFFFFFFFF, self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF
        )
        return build_compound([sent, SourceDescription(self.ssrc, CNAME)])
