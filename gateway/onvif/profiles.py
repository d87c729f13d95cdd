"""Media profiles of a camera, and the one chosen for each of its video sources (ONVIF Media 5.2, Media2 5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CARRIED = ("H264", "H265")
"""Codecs a profile can be chosen for."""
MAX_PROFILES = 512
MAX_SOURCES = 64
MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Profile:
    """One media profile. `source` is the token of its video source, `ptz` that of its PTZ configuration, or "".
    `media2`: it was told by the Media2 service. `configuration` is the token of its video source configuration."""

    token: str
    name: str
    source: str
    source_name: str
    codec: str
    width: int
    height: int
    fps: float
    ptz: str = ""
    media2: bool = False
    configuration: str = ""

    @property
    def carried(self) -> bool:
        return self.codec in CARRIED


@dataclass(frozen=True, slots=True)
class VideoSource:
    """One video input (视频源) with its profiles; `chosen` is the one that is streamed, None when none can be."""

    token: str
    name: str
    profiles: tuple[Profile, ...]
    chosen: Profile | None

    @property
    def moving(self) -> Profile | None:
        """The profile it is moved by: the chosen one, or another with a PTZ configuration."""
        if self.chosen is not None and self.chosen.ptz:
            return self.chosen
        return next((profile for profile in self.profiles if profile.ptz), None)


def of_media(answer: Any) -> list[Profile]:
    """Profiles of a GetProfiles answer of the Media service."""
    found = []
    for entry in _entries(answer):
        source, encoder = _part(entry, "VideoSourceConfiguration"), _part(entry, "VideoEncoderConfiguration")
        found.append(_profile(entry, source, encoder, _part(entry, "PTZConfiguration"), media2=False))
    return [profile for profile in found if profile is not None]


def of_media2(answer: Any) -> list[Profile]:
    """Profiles of a GetProfiles answer of the Media2 service."""
    found = []
    for entry in _entries(answer):
        parts = _part(entry, "Configurations")
        source, encoder = _part(parts, "VideoSource"), _part(parts, "VideoEncoder")
        found.append(_profile(entry, source, encoder, _part(parts, "PTZ"), media2=True))
    return [profile for profile in found if profile is not None]


def together(media2: Iterable[Profile], media: Iterable[Profile]) -> list[Profile]:
    """All profiles: Media2 tells the truth about H.265, the Media service what Media2 leaves out."""
    known = {profile.token: profile for profile in media}
    return list((known | {profile.token: profile for profile in media2}).values())


def sources_of(profiles: Iterable[Profile], order: Iterable[str] = (), wanted: str = "") -> tuple[VideoSource, ...]:
    """The video sources in the camera's own `order`, each with the profile that is streamed: `wanted` where it belongs
    to that source, else that with the highest resolution, H.264 or H.265."""
    grouped: dict[str, list[Profile]] = {token: [] for token in order}
    for profile in profiles:
        grouped.setdefault(profile.source, []).append(profile)
    found = []
    for token, members in grouped.items():
        if not members:
            continue
        mine = [profile for profile in members if profile.token == wanted and profile.carried]
        best = max((profile for profile in members if profile.carried), key=_worth, default=None)
        name = next((profile.source_name for profile in members if profile.source_name), "")
        found.append(VideoSource(token, name, tuple(members), mine[0] if mine else best))
    return tuple(found[:MAX_SOURCES])


def _worth(profile: Profile) -> tuple[int, float]:
    return profile.width * profile.height, profile.fps


def _profile(
    entry: Mapping[str, Any],
    source: Mapping[str, Any],
    encoder: Mapping[str, Any],
    ptz: Mapping[str, Any],
    *,
    media2: bool,
) -> Profile | None:
    token, of = _text(entry.get("token")), _text(source.get("SourceToken"))
    if not token or not of:
        return None  # without a video source it shows nothing
    resolution, rate = _part(encoder, "Resolution"), _part(encoder, "RateControl")
    return Profile(
        token=token,
        name=_text(entry.get("Name")),
        source=of,
        source_name=_text(source.get("Name")),
        codec=_text(encoder.get("Encoding")).upper().replace(".", "").replace("HEVC", "H265"),
        width=_number(resolution.get("Width")),
        height=_number(resolution.get("Height")),
        fps=float(_number(rate.get("FrameRateLimit"))),
        ptz=_text(ptz.get("token")),
        media2=media2,
        configuration=_text(source.get("token")),
    )


def _entries(answer: Any) -> list[Mapping[str, Any]]:
    entries = answer if isinstance(answer, list) else [answer]
    return [entry for entry in entries[:MAX_PROFILES] if isinstance(entry, Mapping)]


def _part(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = entry.get(name)
    if isinstance(part, list):
        part = part[0] if part else None
    return part if isinstance(part, Mapping) else {}


def _text(value: Any) -> str:
    return " ".join(str(value).split())[:MAX_NAME] if value is not None else ""


def _number(value: Any) -> int:
    try:
        return max(0, min(int(float(value)), 100_000))
    except (TypeError, ValueError, OverflowError):
        return 0
