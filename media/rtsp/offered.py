"""What the SDP of an RTSP camera offers (RFC 4566; encoding names of RFC 3551, 6184, 7798, 3640)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from media.es.codecs import AAC, H264, H265, PCMA, PCMU

CODEC_OF_ENCODING = {
    "H264": H264,
    "H265": H265,
    "HEVC": H265,
    "PCMA": PCMA,
    "PCMU": PCMU,
    "MPEG4-GENERIC": AAC,
    "MP4A-LATM": AAC,
}
"""Encoding name of an rtpmap -> codec, for what can be carried in a program stream from here."""
_STATIC = {0: "PCMU", 8: "PCMA", 26: "JPEG"}
_RTPMAP = re.compile(r"a=rtpmap:\s*(\d+)\s+([^/\s]+)")


@dataclass(slots=True)
class Offered:
    """Encoding names, in upper case, in the order of the description."""

    video: list[str] = field(default_factory=list)
    audio: list[str] = field(default_factory=list)

    @property
    def video_codec(self) -> str | None:
        """The first video we carry."""
        return _carried(self.video, (H264, H265))

    @property
    def audio_codec(self) -> str | None:
        """The first sound we carry."""
        return _carried(self.audio, (PCMA, PCMU, AAC))


def _carried(names: list[str], wanted: tuple[str, ...]) -> str | None:
    codecs = (CODEC_OF_ENCODING.get(name) for name in names)
    return next((codec for codec in codecs if codec in wanted), None)


def offered(sdp: str) -> Offered:
    """The media of a description; what cannot be read counts as not offered."""
    found = Offered()
    names: list[str] | None = None
    payload = -1
    for line in sdp.splitlines():
        line = line.strip()
        if line.startswith("m="):
            kind, payload = _media(line)
            names = {"video": found.video, "audio": found.audio}.get(kind)
            if names is not None and payload in _STATIC:
                names.append(_STATIC[payload])
            elif names is not None:
                names.append("")
        elif names is not None and (mapped := _RTPMAP.match(line)) and int(mapped[1]) == payload:
            names[-1] = mapped[2].upper()
    return found


def _media(line: str) -> tuple[str, int]:
    parts = line[2:].split()
    kind = parts[0] if parts else ""
    payload = int(parts[3]) if len(parts) > 3 and parts[3].isdigit() and len(parts[3]) < 4 else -1
    return kind, payload
