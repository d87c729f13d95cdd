"""What is inside an RTP payload, and who speaks on a media port (independent of what the SDP said)."""

from __future__ import annotations

from enum import Enum

from media.es.codecs import H264, H265
from media.es.h264 import is_sps as is_h264_sps
from media.es.h265 import is_parameter_set as is_h265_parameter_set

PACK_START = b"\x00\x00\x01\xba"
_TS_PACKET = 188
_AUDIO_TYPES = frozenset((0, 4, 8, 9, 18, 20))
_ALIENS = (
    (b"01cd", "JT/T 1078"),
    (b"GET ", "HTTP"),
    (b"POST ", "HTTP"),
    (b"PUT ", "HTTP"),
    (b"HTTP/", "HTTP"),
    (b"OPTIONS ", "RTSP or SIP"),
    (b"RTSP/", "RTSP"),
    (b"SIP/2.0", "SIP"),
    (b"REGISTER ", "SIP"),
    (b"INVITE ", "SIP"),
    (b"MESSAGE ", "SIP"),
    (b"\x16\x03", "TLS"),
)


class PayloadKind(Enum):
    """Content of an RTP payload."""

    PS = "PS"
    TS = "MPEG-TS"
    H264 = H264
    H265 = H265
    AUDIO = "audio"
    JPEG = "JPEG"
    JT1078 = "JT/T 1078"
    UNKNOWN = "unknown"


def alien_protocol(data: bytes) -> str | None:
    """Name of a protocol that is not RTP, by the first bytes of a connection or datagram; None when none is known."""
    for magic, name in _ALIENS:
        if data.startswith(magic):
            return name
    return None


def pack_start_offset(payload: bytes) -> int:
    """Offset (0 to 4) of a PS pack start code at the front of a payload, -1 when there is none.

    Some cameras put a stray ``00 00 00 01`` before the pack.
    """
    return payload.find(PACK_START, 0, 8)


def sniff(payload: bytes, payload_type: int) -> PayloadKind:
    """Kind of one RTP payload. UNKNOWN means: look at the next packet (the middle of a frame tells nothing)."""
    if pack_start_offset(payload) >= 0:
        return PayloadKind.PS
    size = len(payload)
    if size and size % _TS_PACKET == 0 and all(payload[i] == 0x47 for i in range(0, size, _TS_PACKET)):
        return PayloadKind.TS
    if payload.startswith(b"\xff\xd8"):
        return PayloadKind.JPEG
    if payload_type in _AUDIO_TYPES:
        return PayloadKind.AUDIO
    return _sniff_video(payload)


def _sniff_video(payload: bytes) -> PayloadKind:
    """H.264 or H.265 by parameter sets alone: a slice of one looks like a slice of the other."""
    if len(payload) < 6:
        return PayloadKind.UNKNOWN
    first = payload[0]
    if is_h265_parameter_set(payload[0], payload[1]):
        return PayloadKind.H265
    if first >> 1 == 48 and payload[1] == 0x01 and is_h265_parameter_set(payload[4], payload[5]):
        return PayloadKind.H265
    if is_h264_sps(first):
        return PayloadKind.H264
    if first & 0x9F == 24 and is_h264_sps(payload[3]):
        return PayloadKind.H264
    return PayloadKind.UNKNOWN
