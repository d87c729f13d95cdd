"""AAC in ADTS framing (ISO/IEC 13818-7 6.2), the form AAC takes in a program stream."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLES_PER_FRAME = 1024
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Sampling rates by their index in an ADTS header or AudioSpecificConfig."""


@dataclass(frozen=True, slots=True)
class AdtsHeader:
    """``object_type`` as in MPEG-4 (2 is AAC-LC), ``rate`` in Hz, ``size`` of header and frame in bytes."""

    object_type: int
    rate: int
    channels: int
    header_size: int
    size: int


def parse_adts(data: bytes, at: int = 0) -> AdtsHeader | None:
    """The ADTS header at ``at``; None when there is none."""
    if len(data) < at + 7 or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return None
    index = (data[at + 2] >> 2) & 15
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    header_size = 7 if data[at + 1] & 1 else 9
    if index >= len(RATES) or size < header_size:
        return None
    channels = (data[at + 2] & 1) << 2 | data[at + 3] >> 6
    return AdtsHeader((data[at + 2] >> 6) + 1, RATES[index], channels, header_size, size)


def adts_frames(data: bytes) -> list[bytes]:
    """Whole ADTS frames, headers included, from the front of ``data`` as far as they chain."""
    frames = []
    at = 0
    while (header := parse_adts(data, at)) is not None and at + header.size <= len(data):
        frames.append(data[at : at + header.size])
        at += header.size
    return frames


def is_adts(data: bytes) -> bool:
    """Do ADTS lengths chain exactly to the end of ``data``?"""
    return bool(data) and sum(map(len, adts_frames(data))) == len(data)


def build_adts(frame: bytes, *, rate: int, channels: int = 1, object_type: int = 2) -> bytes:
    """``frame`` (raw AAC) with an ADTS header without CRC."""
    index = RATES.index(rate)
    size = len(frame) + 7
    return (
        bytes(
            (
                0xFF,
                0xF1,
                (object_type - 1) << 6 | index << 2 | channels >> 2,
                (channels & 3) << 6 | size >> 11,
                (size >> 3) & 0xFF,
                (size & 7) << 5 | 0x1F,
                0xFC,
            )
        )
        + frame
    )
