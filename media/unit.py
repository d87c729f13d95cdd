"""Access units: what comes out of a demultiplexer and goes into a multiplexer, recorder or player."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Track = Literal["video", "audio"]
CLOCK_HZ = 90_000


@dataclass(slots=True)
class AccessUnit:
    """One video frame or one run of audio frames.

    ``codec``: "H264", "H265", "PCMA", "PCMU", "AAC" or another name of ``media.es.codecs``.
    ``pts``, ``dts``: 90 kHz ticks, unwrapped (they run on past 2**33; writers mask them).
    ``key``: decoding may start here. ``data``: Annex B byte stream, ADTS frames, or raw G.711.
    ``damaged``: bytes of this unit were lost. ``discontinuity``: data was lost between the unit before it and this one.
    ``repaired``: names of the tolerances that changed bytes or times; empty means the bytes are the sender's own.
    """

    codec: str
    pts: int
    dts: int
    key: bool
    data: bytes
    track: Track
    damaged: bool = False
    discontinuity: bool = False
    repaired: tuple[str, ...] = ()
