"""H.264 access units as RTP payloads (RFC 6184, packetization mode 1): single NAL units, STAP-A and FU-A.

Synchronous and without state: the same payloads serve every receiver of a stream.
"""

from __future__ import annotations

from media.es.annexb import nal_units
from media.es.h264 import AUD, FU_A, STAP_A, nal_type

MAX_PAYLOAD = 1200
"""Bytes of one payload: with SRTP, UDP, IPv6 and a tunnel around it still below 1400."""
_FILLER = 12
_LEFT_OUT = (AUD, _FILLER)
"""Delimiters and filler data say nothing to a receiver of RTP, where the marker bit ends an access unit."""


def h264_payloads(access_unit: bytes, max_payload: int = MAX_PAYLOAD) -> list[bytes]:
    """The payloads of one access unit (Annex B byte stream), in order; the last one's packet carries the marker.

    Small NAL units that follow one another (SPS, PPS, SEI) share a STAP-A, large ones are cut into FU-A.
    """
    payloads: list[bytes] = []
    small: list[bytes] = []
    room = max_payload - 1
    for nal in nal_units(access_unit):
        if not nal or nal_type(nal[0]) in _LEFT_OUT:
            continue
        if len(nal) + 2 > room:
            payloads += _aggregated(small)
            small, room = [], max_payload - 1
        if len(nal) > max_payload:
            payloads += _fragments(nal, max_payload)
        else:
            small.append(nal)
            room -= len(nal) + 2
    return payloads + _aggregated(small)


def _aggregated(nals: list[bytes]) -> list[bytes]:
    """One STAP-A (RFC 6184 5.7.1), or the NAL unit itself when there is but one."""
    if len(nals) < 2:
        return nals
    forbidden = max(nal[0] & 0x80 for nal in nals)
    importance = max(nal[0] & 0x60 for nal in nals)
    head = bytes((forbidden | importance | STAP_A,))
    return [head + b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)]


def _fragments(nal: bytes, max_payload: int) -> list[bytes]:
    """FU-A (RFC 6184 5.8): the NAL header goes into indicator and header of each fragment, sizes are even."""
    indicator, kind = nal[0] & 0xE0 | FU_A, nal_type(nal[0])
    body = len(nal) - 1
    count = -(-body // (max_payload - 2))
    bounds = [1 + body * n // count for n in range(count + 1)]
    made = []
    for n in range(count):
        start, end = 0x80 if n == 0 else 0, 0x40 if n == count - 1 else 0
        made.append(bytes((indicator, start | end | kind)) + nal[bounds[n] : bounds[n + 1]])
    return made
