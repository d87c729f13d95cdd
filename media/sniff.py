"""What is inside an RTP payload, and who speaks on a media port (independent of what the SDP said)."""

from __future__ import annotations

from enum import Enum

from media.es import h264, h265
from media.es.codecs import H264, H265

PACK_START = b"\x00\x00\x01\xba"
_TS_PACKET = 188
_SMALLEST_SET, _LARGEST_SET = 6, 512
_H264_PROFILES = frozenset((44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 244))
_H264_LEVELS = frozenset((9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62))
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
    return sniff_video(payload)


def sniff_video(payload: bytes) -> PayloadKind:
    """H.264 or H.265 by a parameter set that makes sense: a slice of one codec looks like one of the other, and the
    middle of a frame may begin with any byte."""
    if len(payload) < _SMALLEST_SET:
        return PayloadKind.UNKNOWN
    nal = payload
    if payload[0] & 0x9F == h264.STAP_A:
        nal = payload[3 : 3 + int.from_bytes(payload[1:3], "big")]
    elif h265.nal_type(payload[0]) == h265.AP and payload[1] == 1:
        nal = payload[4 : 4 + int.from_bytes(payload[2:4], "big")]
    if not _SMALLEST_SET <= len(nal) <= _LARGEST_SET:
        return PayloadKind.UNKNOWN
    if h264.is_sps(nal[0]):
        known = nal[1] in _H264_PROFILES and nal[2] & 3 == 0 and nal[3] in _H264_LEVELS
        return PayloadKind.H264 if known else PayloadKind.UNKNOWN
    if h265.is_parameter_set(nal[0], nal[1]) and h265.nal_type(nal[0]) != h265.PPS:
        return PayloadKind.H265
    return PayloadKind.UNKNOWN
