"""RTCP: sender and receiver reports, source description and goodbye (RFC 3550 6.4-6.6).

Some cameras stop sending when no receiver report arrives, so a receiver returns one at least every 5 s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct

from media.errors import LocalError, RemoteError

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203
NTP_OFFSET_S = 2_208_988_800

_HEAD = Struct("!BBH")
_SENDER = Struct("!IQIII")
_BLOCK = Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """Reception quality of one source. ``cumulative_lost`` is signed 24 bit; ``jitter`` in timestamp units;
    ``last_sr`` the middle 32 bits of the NTP time of the last SR; ``delay_since_last_sr`` in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int = 0
    last_sr: int = 0
    delay_since_last_sr: int = 0

    def to_bytes(self) -> bytes:
        """24 bytes; a loss beyond the signed 24-bit range is clamped (RFC 3550 A.3)."""
        lost = max(-0x800000, min(0x7FFFFF, self.cumulative_lost)) & 0xFFFFFF
        return _BLOCK.pack(
            self.ssrc,
            ((self.fraction_lost & 0xFF) << 24) | lost,
            self.highest_sequence & 0xFFFFFFFF,
            self.jitter & 0xFFFFFFFF,
            self.last_sr & 0xFFFFFFFF,
            self.delay_since_last_sr & 0xFFFFFFFF,
        )


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: ``ntp`` is 64-bit NTP time, ``rtp_timestamp`` the same instant in the media clock."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    blocks: tuple[ReportBlock, ...] = ()

    @property
    def ntp_middle(self) -> int:
        """The middle 32 bits of ``ntp``, as LSR in our receiver report wants them."""
        return (self.ntp >> 16) & 0xFFFFFFFF

    def to_bytes(self) -> bytes:
        """The packet on the wire."""
        sender = _SENDER.pack(
            self.ssrc,
            self.ntp,
            self.rtp_timestamp & 0xFFFFFFFF,
            self.packet_count & 0xFFFFFFFF,
            self.octet_count & 0xFFFFFFFF,
        )
        return _packet(SENDER_REPORT, len(self.blocks), sender + b"".join(b.to_bytes() for b in self.blocks))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR of ``ssrc`` (the reporter) about the sources in ``blocks``."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        """The packet on the wire."""
        body = self.ssrc.to_bytes(4, "big") + b"".join(b.to_bytes() for b in self.blocks)
        return _packet(RECEIVER_REPORT, len(self.blocks), body)


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES with the one item RFC 3550 demands in each compound packet: CNAME."""

    ssrc: int
    cname: str

    def to_bytes(self) -> bytes:
        """The packet on the wire, item list closed and padded to 32 bits."""
        name = self.cname.encode()[:255]
        chunk = self.ssrc.to_bytes(4, "big") + bytes((1, len(name))) + name
        return _packet(SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


@dataclass(frozen=True, slots=True)
class Goodbye:
    """BYE: the sources left. Only a hint: signalling ends a call."""

    ssrcs: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The packet on the wire."""
        return _packet(GOODBYE, len(self.ssrcs), b"".join(s.to_bytes(4, "big") for s in self.ssrcs))


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye


def ntp_of(unix_seconds: float) -> int:
    """64-bit NTP time of a unix time."""
    return int((unix_seconds + NTP_OFFSET_S) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def build_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """Several packets in one datagram; the first must be an SR or RR (RFC 3550 6.1)."""
    listed = list(packets)
    if not listed or not isinstance(listed[0], SenderReport | ReceiverReport):
        raise LocalError("a compound RTCP packet begins with a report")
    return b"".join(p.to_bytes() for p in listed)


def parse_compound(data: bytes) -> list[RtcpPacket]:
    """All packets of a datagram that we know; unknown types are skipped by their length.

    Raises RemoteError when a length runs past the datagram or the version is not 2.
    """
    found: list[RtcpPacket] = []
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            raise RemoteError("RTCP", "trailing bytes", data[at:].hex())
        first, kind, words = _HEAD.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2:
            raise RemoteError("RTCP", "version is not 2", f"0x{first:02x}")
        if end > len(data):
            raise RemoteError("RTCP", "length beyond the datagram", str(words))
        packet = _parse_one(kind, first & 0x1F, data[at + 4 : end])
        if packet is not None:
            found.append(packet)
        at = end
    return found


def _parse_one(kind: int, count: int, body: bytes) -> RtcpPacket | None:
    if kind == SENDER_REPORT:
        if len(body) < _SENDER.size:
            raise RemoteError("RTCP SR", "too short", str(len(body)))
        ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
        return SenderReport(ssrc, ntp, timestamp, packets, octets, _parse_blocks(count, body[_SENDER.size :]))
    if kind == RECEIVER_REPORT:
        if len(body) < 4:
            raise RemoteError("RTCP RR", "too short", str(len(body)))
        return ReceiverReport(int.from_bytes(body[:4], "big"), _parse_blocks(count, body[4:]))
    if kind == SOURCE_DESCRIPTION:
        return _parse_description(body)
    if kind == GOODBYE:
        ends = range(4, 4 * min(count, len(body) // 4) + 1, 4)
        return Goodbye(tuple(int.from_bytes(body[end - 4 : end], "big") for end in ends))
    return None


def _parse_blocks(count: int, body: bytes) -> tuple[ReportBlock, ...]:
    blocks = []
    for i in range(min(count, len(body) // _BLOCK.size)):
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, i * _BLOCK.size)
        lost = loss & 0xFFFFFF
        signed = lost - 0x1000000 if lost & 0x800000 else lost
        blocks.append(ReportBlock(ssrc, loss >> 24, signed, highest, jitter, last_sr, delay))
    return tuple(blocks)


def _parse_description(body: bytes) -> SourceDescription | None:
    if len(body) >= 6 and body[4] == 1:
        name = body[6 : 6 + body[5]]
        return SourceDescription(int.from_bytes(body[:4], "big"), name.decode("utf-8", "replace"))
    return None


def _packet(kind: int, count: int, body: bytes) -> bytes:
    if count > 31:
        raise LocalError("an RTCP packet carries at most 31 blocks")
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body
