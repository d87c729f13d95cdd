"""MPEG program stream and RTP by hand: writing, and reading that forgives nothing (ISO 13818-1, RFC 3550, RFC 4571).

Times are 90 kHz ticks. Readers raise ValueError at the first byte that is not as the standard says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

H264, H265, PCMA = 0x1B, 0x24, 0x90
_PES_MAX = 65535


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


_TABLE = _crc_table()


def crc32_mpeg(data: bytes) -> int:
    """CRC-32 of MPEG-2 systems; 0x0376E6E7 for b"123456789", 0 over a whole PSM."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value


def timestamp(prefix: int, t: int) -> bytes:
    """The five bytes of a PTS (prefix 2 or 3) or DTS (prefix 1)."""
    p0, p2, p4 = prefix << 4 | t >> 29 & 0x0E | 1, t >> 14 | 1, t << 1 | 1
    return bytes(b & 0xFF for b in (p0, t >> 22, p2, t >> 7, p4))


def pack_header(base: int, ext: int = 0, mux_rate: int = 6106, stuffing: bytes = b"") -> bytes:
    """Pack header with SCR = base * 300 + ext."""
    b4, b6 = 0x44 | base >> 27 & 0x38 | base >> 28 & 3, 0x04 | base >> 12 & 0xF8 | base >> 13 & 3
    b8, b9 = 0x04 | base << 3 & 0xF8 | ext >> 7, 1 | ext << 1
    scr = (b4, base >> 20, b6, base >> 5, b8, b9, mux_rate >> 14, mux_rate >> 6, mux_rate << 2 | 3)
    return b"\0\0\1\xba" + bytes(b & 0xFF for b in scr) + bytes([0xF8 | len(stuffing)]) + stuffing


def system_header(audio: bool = False) -> bytes:
    """System header that lists E0, and C0 with audio."""
    streams = b"\xe0\xe1\x90" + (b"\xc0\xc0\x20" if audio else b"")
    body = b"\x80\xcc\xf5" + bytes([4 if audio else 0]) + b"\x21\x7f" + streams
    return b"\0\0\1\xbb" + len(body).to_bytes(2, "big") + body


def program_stream_map(video: int = H264, audio: int | None = None, version: int = 1) -> bytes:
    """PSM with one video entry and perhaps one audio entry, its CRC computed."""
    entries = bytes([video, 0xE0, 0, 0]) + (bytes([audio, 0xC0, 0, 0]) if audio is not None else b"")
    inner = bytes([0xE0 | version, 0xFF, 0, 0]) + len(entries).to_bytes(2, "big") + entries
    whole = b"\0\0\1\xbc" + (len(inner) + 4).to_bytes(2, "big") + inner
    return whole + crc32_mpeg(whole).to_bytes(4, "big")


def pes(stream_id: int, payload: bytes, pts: int | None, dts: int | None = None, aligned: bool = False) -> bytes:
    """One PES packet; the payload must fit its 16-bit length."""
    times = b"" if pts is None else timestamp(2, pts) if dts is None else timestamp(3, pts) + timestamp(1, dts)
    flags = 0 if pts is None else 0x80 if dts is None else 0xC0
    body = bytes([0x84 if aligned else 0x80, flags, len(times)]) + times + payload
    return b"\0\0\1" + bytes([stream_id]) + len(body).to_bytes(2, "big") + body


def frame_pack(
    unit: bytes,
    pts: int,
    *,
    key: bool,
    video: int = H264,
    audio: bytes = b"",
    with_psm: bool = True,
    has_audio: bool = False,
    stuffing: bytes = b"",
) -> bytes:
    """The whole pack of one video access unit; system header and PSM stand before a key frame."""
    out = pack_header((pts - 3600) % (1 << 33), stuffing=stuffing)
    if key:
        out += system_header(has_audio)
        if with_psm:
            out += program_stream_map(video, PCMA if has_audio else None)
    first = _PES_MAX - 8
    out += pes(0xE0, unit[:first], pts, aligned=key)
    for at in range(first, len(unit), _PES_MAX - 3):
        out += pes(0xE0, unit[at : at + _PES_MAX - 3], None)
    return out + (pes(0xC0, audio, pts) if audio else b"")


def rtp(sequence: int, ticks: int, ssrc: int, payload: bytes, *, marker: bool, payload_type: int = 96) -> bytes:
    """One RTP packet."""
    head = bytes([0x80, marker << 7 | payload_type]) + (sequence & 0xFFFF).to_bytes(2, "big")
    return head + (ticks & 0xFFFFFFFF).to_bytes(4, "big") + ssrc.to_bytes(4, "big") + payload


def framed(packet: bytes) -> bytes:
    """RFC 4571: the packet behind its length, which does not count itself."""
    return len(packet).to_bytes(2, "big") + packet


@dataclass(frozen=True, slots=True)
class Piece:
    """One structure of a program stream; `payload` is what follows its header."""

    stream_id: int
    payload: bytes
    pts: int | None = None
    dts: int | None = None
    scr: int | None = None


def _ticks(five: bytes, prefix: int) -> int:
    p0, p1, p2, p3, p4 = five
    if p0 >> 4 != prefix or not p0 & p2 & p4 & 1:
        raise ValueError(f"time stamp bytes {five.hex()}")
    return (p0 >> 1 & 7) << 30 | p1 << 22 | p2 >> 1 << 15 | p3 << 7 | p4 >> 1


def _read_pack(data: bytes, at: int) -> tuple[Piece, int]:
    head = data[at : at + 14]
    if len(head) < 14 or head[4] & 0xC4 != 0x44 or not head[6] & head[8] & 4 or not head[9] & 1 or head[12] & 3 != 3:
        raise ValueError(f"pack header {head.hex()}")
    b4, b5, b6, b7, b8 = head[4:9]
    base = (b4 >> 3 & 7) << 30 | (b4 & 3) << 28 | b5 << 20 | b6 >> 3 << 15 | (b6 & 3) << 13 | b7 << 5 | b8 >> 3
    if (b8 & 3) << 7 | head[9] >> 1 > 299 or not int.from_bytes(head[10:13], "big") >> 2:
        raise ValueError(f"SCR extension or mux rate in {head.hex()}")
    end = at + 14 + (head[13] & 7)
    return Piece(0xBA, data[at + 14 : end], scr=base), end


def _read_pes(stream_id: int, body: bytes) -> Piece:
    if stream_id in (0xBB, 0xBC, 0xBE, 0xBF):
        return Piece(stream_id, body)
    if len(body) < 3 or body[0] >> 6 != 2 or 3 + body[2] > len(body):
        raise ValueError(f"PES header {body[:9].hex()}")
    flags = body[1] >> 6
    pts = _ticks(body[3:8], flags) if flags & 2 else None
    dts = _ticks(body[8:13], 1) if flags == 3 else None
    return Piece(stream_id, body[3 + body[2] :], pts, dts)


def pieces(data: bytes) -> list[Piece]:
    """Every structure of program-stream bytes that begin and end at structure borders."""
    out, at = [], 0
    while at < len(data):
        if data[at : at + 3] != b"\0\0\1":
            raise ValueError(f"no start code at {at}: {data[at : at + 8].hex()}")
        stream_id = data[at + 3]
        if stream_id == 0xBA:
            piece, at = _read_pack(data, at)
        else:
            end = at + 6 + int.from_bytes(data[at + 4 : at + 6], "big")
            if end > len(data):
                raise ValueError(f"stream {stream_id:02x} at {at} runs {end - len(data)} bytes past the end")
            if stream_id == 0xBC and crc32_mpeg(data[at:end]):
                raise ValueError("PSM CRC")
            piece, at = _read_pes(stream_id, data[at + 6 : end]), end
        out.append(piece)
    return out


def map_types(psm: bytes) -> dict[int, int]:
    """stream_id -> stream_type of a PSM body (bytes after its length)."""
    at = 4 + int.from_bytes(psm[2:4], "big")
    end = at + 2 + int.from_bytes(psm[at : at + 2], "big")
    at, out = at + 2, {}
    while at + 4 <= end:
        out[psm[at + 1]] = psm[at]
        at += 4 + int.from_bytes(psm[at + 2 : at + 4], "big")
    if at != end or end + 4 != len(psm):
        raise ValueError(f"PSM lengths {psm.hex()}")
    return out


def nal_offsets(unit: bytes) -> list[int]:
    """Offsets of the first byte of each NAL unit in Annex B bytes."""
    return [found.end() for found in re.finditer(b"\0\0\1", unit)]


def is_key(unit: bytes, video: int) -> bool:
    """Whether Annex B bytes hold an IDR (H.264) or IRAP (H.265) slice."""
    if video == H265:
        return any(16 <= unit[at] >> 1 & 0x3F <= 21 for at in nal_offsets(unit) if at < len(unit))
    return any(unit[at] & 0x1F == 5 for at in nal_offsets(unit) if at < len(unit))


def video_type(unit: bytes) -> int | None:
    """H264 or H265 by the parameter sets in Annex B bytes, None without any."""
    for at in nal_offsets(unit):
        first, second = unit[at], unit[at + 1] if at + 1 < len(unit) else 0
        if first in (0x40, 0x42, 0x44) and second == 1:
            return H265
        if first in (0x67, 0x47, 0x27):
            return H264
    return None
