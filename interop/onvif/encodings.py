"""Profiles, encoders and sources as trees of both media services."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from interop.onvif.names import SNAPSHOT_PATH
from interop.onvif.ptz_nodes import configuration
from interop.onvif.settings import Profile
from interop.onvif.state import CameraState, SourceState
from interop.onvif.tree import Element, children, node


def encoder_token(profile: Profile) -> str:
    """Token of the encoder configuration of a profile."""
    return f"encoder_{profile.token}"


def source_configuration_token(state: SourceState) -> str:
    """Token of the video source configuration of a source."""
    return f"config_{state.token}"


def size_of(state: SourceState) -> tuple[int, int]:
    """Width and height of the sensor: of its largest profile."""
    return max(((one.width, one.height) for one in state.source.profiles), default=(1920, 1080))


def source_configuration(name: str, state: SourceState) -> Element:
    """tt:VideoSourceConfiguration under a name."""
    width, height = size_of(state)
    return node(
        name,
        {"token": source_configuration_token(state)},
        node("tt:Name", source_configuration_token(state)),
        node("tt:UseCount", len(state.source.profiles)),
        node("tt:SourceToken", state.token),
        node("tt:Bounds", {"x": 0, "y": 0, "width": width, "height": height}),
    )


def _multicast() -> Element:
    address = node("tt:Address", node("tt:Type", "IPv4"), node("tt:IPv4Address", "0.0.0.0"))
    return node("tt:Multicast", address, children({"tt:Port": 0, "tt:TTL": 1, "tt:AutoStart": False}))


def _encoder_head(profile: Profile) -> list[Element]:
    return [
        node("tt:Name", encoder_token(profile)),
        node("tt:UseCount", 1),
        node("tt:Encoding", profile.encoding),
        node("tt:Resolution", children({"tt:Width": profile.width, "tt:Height": profile.height})),
    ]


def encoder(name: str, profile: Profile) -> Element:
    """tt:VideoEncoderConfiguration of Media (ver10) under a name."""
    rate = children(
        {
            "tt:FrameRateLimit": round(profile.fps),
            "tt:EncodingInterval": 1,
            "tt:BitrateLimit": profile.bitrate_kbps,
        }
    )
    h264 = node("tt:H264", children({"tt:GovLength": profile.gop, "tt:H264Profile": "Main"}))
    return node(
        name,
        {"token": encoder_token(profile)},
        _encoder_head(profile),
        node("tt:Quality", 5.0),
        node("tt:RateControl", rate),
        h264 if profile.encoding == "H264" else None,
        _multicast(),
        node("tt:SessionTimeout", "PT60S"),
    )


def encoder2(name: str, profile: Profile) -> Element:
    """tt:VideoEncoder2Configuration of Media2 (ver20) under a name."""
    compressed = profile.encoding != "JPEG"
    return node(
        name,
        {
            "token": encoder_token(profile),
            "GovLength": profile.gop if compressed else None,
            "Profile": "Main" if compressed else None,
        },
        _encoder_head(profile),
        node(
            "tt:RateControl",
            {"ConstantBitRate": True},
            children({"tt:FrameRateLimit": profile.fps, "tt:BitrateLimit": profile.bitrate_kbps}),
        ),
        _multicast(),
        node("tt:Quality", 5.0),
    )


def ptz_configuration(name: str, state: SourceState, camera: CameraState) -> Element | None:
    """tt:PTZConfiguration of a source that can be moved."""
    return configuration(name, state, camera.settings) if state.source.ptz else None


def stream_uri(profile: Profile, camera: CameraState) -> str:
    """Where the camera says the stream is."""
    if not camera.settings.stream_uri_host:
        return profile.rtsp_uri
    parts = urlsplit(profile.rtsp_uri)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=camera.settings.stream_uri_host + port))


def snapshot_uri(profile: Profile, base: str) -> str:
    """Where a picture of a profile is."""
    return f"{base}{SNAPSHOT_PATH}{profile.token}"
