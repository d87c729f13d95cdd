"""One RTP stream towards a WebRTC viewer: headers, times, sender reports, packets asked for again. No I/O, no clock."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from media.rtcp import SenderReport, SourceDescription, build_compound, ntp_of
from media.rtp import build_header

HISTORY = 1024
"""Packets kept for those that are reported lost (RFC 4585 6.2.1); at 4 Mbit/s two seconds and a half."""
AUDIO_HZ = 8000
AUDIO_PACKET = 160
"""Bytes of G.711 in a packet: 20 ms (RFC 3551 4.2)."""
_AUDIO_DRIFT = AUDIO_HZ // 5
"""Distance of counted and told time at which the told one counts again."""
_VIDEO_JUMP = 900_000


class RtpTrack:
    """``payload_type`` is the negotiated one. Sequence numbers begin in the lower half, so that none wraps before the
    receiver has its SRTP rollover counter (RFC 3711 3.3.1)."""

    def __init__(self, payload_type: int, *, ssrc: int = 0, sequence: int = -1, origin: int = -1) -> None:
        self.ssrc = ssrc or secrets.randbits(32) | 1
        self.payload_type = payload_type
        self.packets_sent = 0
        self._sequence = sequence if sequence >= 0 else secrets.randbits(15)
        self._origin = origin if origin >= 0 else secrets.randbits(32)
        self._history: list[tuple[int, bytes, bytes] | None] = [None] * HISTORY
        self._octets = 0
        self._timestamp = 0

    def packets(self, payloads: list[bytes], timestamp: int, *, marker: bool = True) -> Iterator[bytes]:
        """The packets of one picture or of one run of sound; ``timestamp`` counts in the clock of the track from any
        origin. The last packet has the marker."""
        self._timestamp = self._origin + timestamp
        last = len(payloads) - 1
        for index, payload in enumerate(payloads):
            head = build_header(
                payload_type=self.payload_type,
                marker=marker and index == last,
                sequence=self._sequence,
                timestamp=self._timestamp,
                ssrc=self.ssrc,
            )
            self._history[self._sequence % HISTORY] = (self._sequence, head, payload)  # payloads are shared by viewers
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._octets += len(payload)
            self.packets_sent += 1
            yield head + payload

    def again(self, sequence: int) -> bytes | None:
        """A packet that was lost on the way, as it was sent; None when it is not kept any more."""
        kept = self._history[sequence % HISTORY]
        return kept[1] + kept[2] if kept is not None and kept[0] == sequence else None

    def report(self, unix_seconds: float, cname: str) -> bytes:
        """Sender report and source description; ``unix_seconds`` is when the newest packet was sent."""
        sender = SenderReport(self.ssrc, ntp_of(unix_seconds), self._timestamp, self.packets_sent, self._octets)
        return build_compound([sender, SourceDescription(self.ssrc, cname)])


class VideoTimes:
    """Times of pictures (90 kHz) as a receiver wants them: always growing, whatever the camera's clock does."""

    def __init__(self) -> None:
        self._offset = 0
        self._last: int | None = None

    def at(self, pts: int) -> int:
        """The time to send for a picture of time ``pts``."""
        told = pts + self._offset
        if self._last is not None:
            if abs(told - self._last) > _VIDEO_JUMP:
                self._offset += self._last + 3600 - told
                told = self._last + 3600
            told = max(told, self._last + 1)
        self._last = told
        return told


class AudioTimes:
    """Times of G.711 (8 kHz): counted in samples, so that the rounding of a camera's times is not heard."""

    def __init__(self) -> None:
        self._next: int | None = None

    def cut(self, data: bytes, pts: int) -> Iterator[tuple[int, bytes]]:
        """Time and payload of each packet of one run of sound."""
        told = pts * AUDIO_HZ // 90_000
        at = self._next if self._next is not None and abs(self._next - told) <= _AUDIO_DRIFT else told
        for begin in range(0, len(data), AUDIO_PACKET):
            yield at + begin, data[begin : begin + AUDIO_PACKET]
        self._next = at + len(data)
