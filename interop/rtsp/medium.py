"""What one stream offers: video and sound as an SDP description, and access units as RTP payloads. No I/O."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from interop.device.picture import PictureSettings
from interop.rtsp.settings import Sound, Stream
from media import AccessUnit, h264_payloads, h265_payloads, nal_units

VIDEO_TYPE, PCMA_TYPE, AAC_TYPE = 96, 8, 97
"""RTP payload types: dynamic ones, and the static one of G.711 A-law (RFC 3551 6)."""
AAC_HZ = 16_000
AAC_CONFIG = "1408"
"""AudioSpecificConfig: AAC-LC, 16 kHz, one channel (ISO/IEC 14496-3 1.6.2.1)."""


@dataclass(frozen=True, slots=True)
class Medium:
    """One m= line; `clock_hz` is the rate of the RTP timestamp, `payloads` cuts an access unit."""

    kind: str
    payload_type: int
    clock_hz: int
    attributes: tuple[str, ...]
    payloads: Callable[[AccessUnit], list[bytes]]
    bandwidth_kbps: int


def media_of(stream: Stream, parameter_sets: bytes) -> tuple[Medium, ...]:
    """The media of a stream, video first; `parameter_sets` is an access unit that holds them (Annex B)."""
    video = _video(stream.picture, parameter_sets)
    return (video, _SOUNDS[stream.sound]) if stream.sound else (video,)


def description(name: str, host: str, media: tuple[Medium, ...]) -> bytes:
    """The SDP of a DESCRIBE (RFC 2326 C, RFC 4566)."""
    family = "IP6" if ":" in host else "IP4"
    lines = [
        "v=0",
        f"o=- 0 0 IN {family} {host}",
        f"s={name}",
        f"c=IN {family} {'::' if family == 'IP6' else '0.0.0.0'}",
    ]
    lines += ["t=0 0", "a=control:*", "a=range:npt=now-"]
    for number, medium in enumerate(media):
        lines += [f"m={medium.kind} 0 RTP/AVP {medium.payload_type}", f"b=AS:{medium.bandwidth_kbps}"]
        lines += [f"a={attribute}" for attribute in medium.attributes]
        lines.append(f"a=control:{control(number)}")
    return "\r\n".join([*lines, ""]).encode()


def control(number: int) -> str:
    """The name of a track below the path of its stream."""
    return f"trackID={number}"


def _video(picture: PictureSettings, parameter_sets: bytes) -> Medium:
    nals = list(nal_units(parameter_sets))
    if picture.codec == "H264":
        sps, pps = (next(nal for nal in nals if nal[0] & 0x1F == kind) for kind in (7, 8))
        sets = f"profile-level-id={sps[1:4].hex().upper()};sprop-parameter-sets={_text(sps)},{_text(pps)}"
        parameters, cut = f"packetization-mode=1;{sets}", h264_payloads
    else:
        kinds = {"vps": 32, "sps": 33, "pps": 34}
        found = {name: next(nal for nal in nals if nal[0] >> 1 & 0x3F == kind) for name, kind in kinds.items()}
        parameters = ";".join(f"sprop-{name}={_text(nal)}" for name, nal in found.items())
        cut = h265_payloads
    attributes = (
        f"rtpmap:{VIDEO_TYPE} {picture.codec}/90000",
        f"fmtp:{VIDEO_TYPE} {parameters}",
        f"framerate:{picture.fps}",
    )
    kbps = -(-picture.bitrate // 1000)
    return Medium("video", VIDEO_TYPE, 90_000, attributes, lambda unit: cut(unit.data), kbps)


def _text(nal: bytes) -> str:
    return base64.b64encode(nal).decode()


def aac_payload(unit: AccessUnit) -> list[bytes]:
    """One AU with its header: 13 bits of size, 3 of index (RFC 3640 3.3.6, AAC-hbr)."""
    return [b"\x00\x10" + (len(unit.data) << 3).to_bytes(2, "big") + unit.data]


_SOUNDS: dict[Sound, Medium] = {
    "PCMA": Medium("audio", PCMA_TYPE, 8000, ("rtpmap:8 PCMA/8000",), lambda unit: [unit.data], 64),
    "AAC": Medium(
        "audio",
        AAC_TYPE,
        AAC_HZ,
        (
            f"rtpmap:{AAC_TYPE} MPEG4-GENERIC/{AAC_HZ}/1",
            f"fmtp:{AAC_TYPE} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
            f"indexdeltalength=3;config={AAC_CONFIG}",
        ),
        aac_payload,
        32,
    ),
}
