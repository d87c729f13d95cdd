"""Names of elementary-stream codecs and their stream_type in a program stream map (GB/T 28181-2022 C.1)."""

from __future__ import annotations

H264 = "H264"
H265 = "H265"
SVAC = "SVAC"
MPEG4 = "MPEG4"
PCMA = "PCMA"
PCMU = "PCMU"
AAC = "AAC"
G7221 = "G7221"
G7231 = "G7231"
G729 = "G729"
SVACA = "SVACA"

VIDEO_CODECS = frozenset((H264, H265, SVAC, MPEG4))

STREAM_TYPES: dict[int, str] = {
    0x10: MPEG4,
    0x1B: H264,
    0x24: H265,
    0x80: SVAC,
    0x0F: AAC,
    0x90: PCMA,
    0x91: PCMU,
    0x92: G7221,
    0x93: G7231,
    0x99: G729,
    0x9B: SVACA,
}
"""stream_type of the program stream map -> codec. H.265, G.711 mu-law and AAC are de facto before 2022."""

STREAM_TYPE_OF: dict[str, int] = {name: kind for kind, name in STREAM_TYPES.items()}
