"""RTP packets (RFC 3550 5.1) as GB/T 28181 uses them (GB/T 28181-2022 C.1, C.2)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from media.errors import LocalError, RemoteError

HEADER_SIZE = 12
MAX_SEQUENCE = 0xFFFF

_HEADER = Struct("!BBHII")
Buffer = bytes | bytearray | memoryview


class RtpHeader(NamedTuple):
    """The fields of an RTP header and where the payload lies in the packet.

    ``payload_start`` and ``payload_end`` honour CSRC list, extension and padding. When the padding count is larger
    than the payload both are equal: the packet has a sequence number and nothing else.
    """

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload_start: int
    payload_end: int


def is_rtcp(buf: Buffer) -> bool:
    """RFC 5761 clause 4: version 2 and second byte 192-223 (packet types SR, RR, SDES, BYE, APP, feedback)."""
    return len(buf) >= 4 and buf[0] >> 6 == 2 and 192 <= buf[1] <= 223


def is_rtp(buf: Buffer) -> bool:
    """Could this datagram be RTP at all? False for STUN, short keep-alive bytes, RTCP and payload types 72-95."""
    return len(buf) >= HEADER_SIZE and buf[0] >> 6 == 2 and not 72 <= buf[1] & 0x7F <= 95


def parse_header(buf: Buffer) -> RtpHeader:
    """Read the header of one RTP packet without copying its payload.

    Raises RemoteError when the version is not 2 or the header does not fit in the packet.
    """
    size = len(buf)
    if size < HEADER_SIZE:
        raise RemoteError("RTP header", "packet shorter than 12 bytes", str(size))
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(buf)
    start, end = HEADER_SIZE, size
    if first != 0x80:
        start, end = _payload_bounds(buf, first, size)
    return RtpHeader(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, start, end)


def _payload_bounds(buf: Buffer, first: int, size: int) -> tuple[int, int]:
    if first >> 6 != 2:
        raise RemoteError("RTP header", "version is not 2", f"0x{first:02x}")
    start = HEADER_SIZE + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > size:
            raise RemoteError("RTP header", "extension beyond the packet", str(size))
        start += 4 + 4 * int.from_bytes(buf[start + 2 : start + 4], "big")
    if start > size:
        raise RemoteError("RTP header", "CSRC list or extension beyond the packet", str(start))
    end = size
    if first & 0x20 and size > start:
        end = size - buf[size - 1]
    return start, max(start, end)


def build_header(*, payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """The plain 12-byte header we send: V=2, no padding, no extension, no CSRC. Counters are reduced to their size."""
    second = (0x80 if marker else 0) | (payload_type & 0x7F)
    return _HEADER.pack(0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc & 0xFFFFFFFF)


@dataclass(slots=True)
class RtpPacket:
    """One RTP packet. ``payload`` is free of padding; ``extension`` is (profile, data) when X was set."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    csrcs: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None

    @classmethod
    def parse(cls, data: Buffer) -> RtpPacket:
        """Parse a whole packet; raises RemoteError (see parse_header)."""
        header = parse_header(data)
        payload = bytes(data[header.payload_start : header.payload_end])
        packet = cls(header.payload_type, header.marker, header.sequence, header.timestamp, header.ssrc, payload)
        if data[0] & 0x1F:
            packet._read_options(data)
        return packet

    def _read_options(self, data: Buffer) -> None:
        count = data[0] & 0x0F
        self.csrcs = tuple(int.from_bytes(data[12 + 4 * i : 16 + 4 * i], "big") for i in range(count))
        if data[0] & 0x10:
            at = HEADER_SIZE + 4 * count
            words = int.from_bytes(data[at + 2 : at + 4], "big")
            profile = int.from_bytes(data[at : at + 2], "big")
            self.extension = (profile, bytes(data[at + 4 : at + 4 + 4 * words]))

    def to_bytes(self) -> bytes:
        """The packet on the wire, without padding. Raises LocalError when a field does not fit."""
        if len(self.csrcs) > 15:
            raise LocalError("an RTP packet carries at most 15 CSRCs")
        head = bytearray(
            build_header(
                payload_type=self.payload_type,
                marker=self.marker,
                sequence=self.sequence,
                timestamp=self.timestamp,
                ssrc=self.ssrc,
            )
        )
        head[0] |= len(self.csrcs)
        for csrc in self.csrcs:
            head += csrc.to_bytes(4, "big")
        if self.extension is not None:
            profile, data = self.extension
            if len(data) % 4:
                raise LocalError("an RTP header extension is a whole number of 32-bit words")
            head[0] |= 0x10
            head += profile.to_bytes(2, "big") + (len(data) // 4).to_bytes(2, "big") + data
        return bytes(head) + self.payload

    __bytes__ = to_bytes
