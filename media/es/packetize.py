"""Access units as RTP payloads: H.264 (RFC 6184, packetization mode 1) and H.265 (RFC 7798, no DONL).

Synchronous and without state: the same payloads serve every receiver of a stream.
"""

from __future__ import annotations

from collections.abc import Callable

from media.es import h265
from media.es.annexb import nal_units
from media.es.h264 import AUD, FU_A, STAP_A, nal_type

MAX_PAYLOAD = 1200
"""Bytes of one payload: with SRTP, UDP, IPv6 and a tunnel around it still below 1400."""
_FILLER, _FILLER_265 = 12, 38
_LEFT_OUT = (AUD, _FILLER)
_LEFT_OUT_265 = (h265.AUD, _FILLER_265)
"""Delimiters and filler data say nothing to a receiver of RTP, where the marker bit ends an access unit."""


def h264_payloads(access_unit: bytes, max_payload: int = MAX_PAYLOAD) -> list[bytes]:
    """The payloads of one access unit (Annex B byte stream), in order; the last one's packet carries the marker.

    Small NAL units that follow one another (SPS, PPS, SEI) share a STAP-A, large ones are cut into FU-A.
    """
    nals = [nal for nal in nal_units(access_unit) if nal and nal_type(nal[0]) not in _LEFT_OUT]
    return _payloads(nals, max_payload, 1, _stap_a, _fu_a)


def h265_payloads(access_unit: bytes, max_payload: int = MAX_PAYLOAD) -> list[bytes]:
    """As `h264_payloads`: small NAL units share an aggregation packet (RFC 7798 4.4.2), large ones are cut into FUs."""
    nals = [nal for nal in nal_units(access_unit) if len(nal) > 1 and h265.nal_type(nal[0]) not in _LEFT_OUT_265]
    return _payloads(nals, max_payload, 2, _aggregation_packet, _fu)


def _payloads(
    nals: list[bytes],
    max_payload: int,
    head: int,
    aggregated: Callable[[list[bytes]], bytes],
    fragments: Callable[[bytes, int], list[bytes]],
) -> list[bytes]:
    """`head`: bytes of a payload header of the codec."""
    payloads: list[bytes] = []
    small: list[bytes] = []
    room = max_payload - head

    def flush() -> None:
        nonlocal small, room
        payloads.extend([aggregated(small)] if len(small) > 1 else small)
        small, room = [], max_payload - head

    for nal in nals:
        if len(nal) + 2 > room:
            flush()
        if len(nal) > max_payload:
            payloads += fragments(nal, max_payload)
        else:
            small.append(nal)
            room -= len(nal) + 2
    flush()
    return payloads


def _stap_a(nals: list[bytes]) -> bytes:
    """STAP-A (RFC 6184 5.7.1)."""
    forbidden = max(nal[0] & 0x80 for nal in nals)
    importance = max(nal[0] & 0x60 for nal in nals)
    return bytes((forbidden | importance | STAP_A,)) + _sized(nals)


def _aggregation_packet(nals: list[bytes]) -> bytes:
    """AP (RFC 7798 4.4.2): the lowest layer and temporal id of what it holds."""
    layer = min((nal[0] & 1) << 5 | nal[1] >> 3 for nal in nals)
    temporal = min(nal[1] & 7 for nal in nals)
    forbidden = max(nal[0] & 0x80 for nal in nals)
    return bytes((forbidden | h265.AP << 1 | layer >> 5, (layer & 0x1F) << 3 | temporal)) + _sized(nals)


def _sized(nals: list[bytes]) -> bytes:
    return b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)


def _fu_a(nal: bytes, max_payload: int) -> list[bytes]:
    """FU-A (RFC 6184 5.8): the NAL header goes into indicator and header of each fragment."""
    return _cut(nal, 1, bytes((nal[0] & 0xE0 | FU_A,)), nal_type(nal[0]), max_payload)


def _fu(nal: bytes, max_payload: int) -> list[bytes]:
    """FU (RFC 7798 4.4.3)."""
    return _cut(nal, 2, bytes((nal[0] & 0x81 | h265.FU << 1, nal[1])), h265.nal_type(nal[0]), max_payload)


def _cut(nal: bytes, head: int, indicator: bytes, kind: int, max_payload: int) -> list[bytes]:
    """Fragments of even sizes, the first and the last marked."""
    body = len(nal) - head
    count = -(-body // (max_payload - len(indicator) - 1))
    bounds = [head + body * n // count for n in range(count + 1)]
    made = []
    for n in range(count):
        start, end = 0x80 if n == 0 else 0, 0x40 if n == count - 1 else 0
        made.append(indicator + bytes((start | end | kind,)) + nal[bounds[n] : bounds[n + 1]])
    return made
