"""Structures of a program stream composed by hand, independent of the writer under test."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

PACK = bytes.fromhex("000001ba 4434573c4c01 005f6bf8")
SYSTEM = bytes.fromhex("000001bb000c80ccf504217fe0e190c0c020")
PSM = bytes.fromhex("000001bc0012e1ff000000081be0000090c00000b9287f16")
PSM_H265_AAC = bytes.fromhex("000001bc0012e0ff0000000824e000000fc00000eac5e41d")
SPS = bytes.fromhex("000000016742c00ada109b011000000300100000030320f1226a")
PPS = bytes.fromhex("0000000168ce0fc8")
IDR = bytes.fromhex("000001658884") + b"\x3a" * 60
P = bytes.fromhex("00000001419a20") + b"\x3a" * 40
P2 = bytes.fromhex("00000001419a21") + b"\x3b" * 40
SLICE_2 = bytes.fromhex("00000001412a21") + b"\x3c" * 40
VPS5 = bytes.fromhex("0000000140010c01ffff016000000300b0000003000003005d")
SPS5 = bytes.fromhex("00000001420101016000000300b000000300000300")
PPS5 = bytes.fromhex("000000014401c172b46240")
IDR5 = bytes.fromhex("000000012601af06") + b"\x3a" * 60
P5 = bytes.fromhex("000000010201d009") + b"\x3a" * 60


def stamp(ticks: int, prefix: int = 2) -> bytes:
    bits = f"{prefix:04b}{ticks >> 30 & 7:03b}1{ticks >> 15 & 0x7FFF:015b}1{ticks & 0x7FFF:015b}1"
    return int(bits, 2).to_bytes(5, "big")


def pes(
    data: bytes, pts: int | None = 3600, *, dts: int | None = None, stream_id: int = 0xE0, length: int = -1
) -> bytes:
    times = b"" if pts is None else stamp(pts) if dts is None else stamp(pts, 3) + stamp(dts, 1)
    flags = 0 if pts is None else 0x80 if dts is None else 0xC0
    body = bytes((0x80, flags, len(times))) + times + data
    size = len(body) if length < 0 else length
    return b"\x00\x00\x01" + bytes((stream_id,)) + size.to_bytes(2, "big") + body


def key(pts: int | None = 3600, data: bytes = SPS + PPS + IDR, psm: bytes = PSM) -> bytes:
    return PACK + SYSTEM + psm + pes(data, pts)


def frame(pts: int | None = 7200, data: bytes = P) -> bytes:
    return PACK + pes(data, pts)


def audio(data: bytes, pts: int | None = 3600, stream_id: int = 0xC0) -> bytes:
    return pes(data, pts, stream_id=stream_id)


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    return SimpleNamespace(**{k: v for k, v in globals().items() if not k.startswith("_")})
