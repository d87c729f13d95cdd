"""NAL units in a byte stream (ITU-T H.264 and H.265 annex B)."""

from __future__ import annotations

from collections.abc import Iterator

START_CODE = b"\x00\x00\x01"
LONG_START_CODE = b"\x00\x00\x00\x01"


def nal_headers(data: bytes | bytearray, start: int = 0) -> Iterator[int]:
    """Offsets of the NAL header bytes: the byte behind each start code, when there is one."""
    size = len(data)
    at = data.find(START_CODE, start)
    while 0 <= at < size - 3:
        yield at + 3
        at = data.find(START_CODE, at + 3)


def nal_units(data: bytes) -> Iterator[bytes]:
    """NAL units without start codes and without trailing zero bytes."""
    begin = -1
    for header in nal_headers(data):
        if begin >= 0:
            yield data[begin : header - 3].rstrip(b"\x00")
        begin = header
    if begin >= 0:
        yield data[begin:].rstrip(b"\x00")


def join(nals: list[bytes]) -> bytes:
    """A byte stream of the NAL units, each with a 4-byte start code."""
    return b"".join(LONG_START_CODE + nal for nal in nals)
