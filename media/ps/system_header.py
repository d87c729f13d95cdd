"""System header (系统头, ISO/IEC 13818-1 2.5.3.5). Receivers only skip it."""

from __future__ import annotations

from collections.abc import Sequence

START_CODE = b"\x00\x00\x01\xbb"
CUSTOMARY_RATE_BOUND = 26234
_VIDEO_BUFFER = bytes((0xE1, 0x90))
_AUDIO_BUFFER = bytes((0xC0, 0x20))


def build_system_header(stream_ids: Sequence[int], *, rate_bound: int = CUSTOMARY_RATE_BOUND) -> bytes:
    """Header naming every stream of the pack. Video ids E0-EF get a 400 KiB buffer, audio ids C0-DF one of 4 KiB."""
    videos = sum(1 for i in stream_ids if i >= 0xE0)
    audios = len(stream_ids) - videos
    body = bytes(
        (
            0x80 | (rate_bound >> 15) & 0x7F,
            (rate_bound >> 7) & 0xFF,
            (rate_bound << 1) & 0xFE | 1,
            audios << 2,
            0x20 | videos,
            0x7F,
        )
    )
    for stream_id in stream_ids:
        body += bytes((stream_id,)) + (_VIDEO_BUFFER if stream_id >= 0xE0 else _AUDIO_BUFFER)
    return START_CODE + len(body).to_bytes(2, "big") + body
