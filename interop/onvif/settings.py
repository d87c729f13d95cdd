"""What a simulated ONVIF camera is and how it behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Encoding = Literal["H264", "H265", "JPEG"]
SnapshotAuth = Literal["digest", "basic", "none"]

PRE_AUTH = frozenset(
    {"GetSystemDateAndTime", "GetServices", "GetServiceCapabilities", "GetCapabilities", "GetHostname"}
)
"""What the standard leaves open to everybody (ONVIF Core, access class PRE_AUTH)."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A stored position: pan and tilt from -1 to 1, zoom from 0 to 1."""

    token: str
    name: str
    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """A media profile: one encoding of one video source, and where its stream is."""

    token: str
    name: str = ""
    encoding: Encoding = "H264"
    width: int = 1920
    height: int = 1080
    fps: float = 25.0
    rtsp_uri: str = "rtsp://127.0.0.1:554/main"
    bitrate_kbps: int = 4096
    gop: int = 50


@dataclass(frozen=True, slots=True)
class VideoSource:
    """A lens with its profiles.

    ptz       whether the lens can be moved
    presets   positions stored when the camera starts
    imaging   whether picture settings and focus can be changed
    """

    token: str = "source_1"
    profiles: tuple[Profile, ...] = (Profile("profile_1"),)
    ptz: bool = False
    presets: tuple[Preset, ...] = ()
    imaging: bool = False


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """A camera.

    port             HTTP port; 0 takes a free one
    username         empty: nobody has to prove anything
    open_operations  device operations without login. Many cameras are stricter than PRE_AUTH; some leave nothing open
    http_digest      HTTP digest (RFC 7616) instead of WS-Security UsernameToken
    clock_offset_s   how far the camera's clock is ahead of ours
    strict_clock     refuse a UsernameToken whose Created is more than clock_tolerance_s from the camera's clock
    media2           offer Media2 (ver20) beside Media (ver10); H.265 profiles exist in Media2 only
    stream_uri_host  host in stream URIs instead of that of `rtsp_uri`: a camera behind NAT that names its inner address
    xaddr_host       host in service and snapshot addresses, likewise
    snapshot         the JPEG every profile serves; None: the camera has no snapshots
    misbehaviour     operation ("GetStreamUri", "ptz:Stop", "snapshot" or "*") to "silent", "slow:SECONDS", "garbage",
                     "fault:Subcode" or "oversized"
    oversized_bytes  how long an oversized answer is
    pan_tilt_per_s   how far pan and tilt move in a second at velocity 1; zoom_per_s, focus_per_s likewise
    ptz_timeout_s    how long a continuous move without a timeout lasts
    """

    host: str = "127.0.0.1"
    port: int = 0
    username: str = "admin"
    password: str = field(repr=False, default="")
    name: str = "gbsim"
    manufacturer: str = "gbsim"
    model: str = "virtual"
    firmware: str = "1.0"
    serial: str = "00000001"
    location: str = ""
    sources: tuple[VideoSource, ...] = (VideoSource(),)
    snapshot: bytes | None = field(repr=False, default=None)
    snapshot_auth: SnapshotAuth = "digest"
    events: bool = True
    open_operations: frozenset[str] = frozenset({"GetSystemDateAndTime"})
    http_digest: bool = False
    digest_algorithm: Literal["MD5", "SHA-256"] = "MD5"
    clock_offset_s: float = 0.0
    strict_clock: bool = False
    clock_tolerance_s: float = 5.0
    media2: bool = True
    stream_uri_host: str = ""
    xaddr_host: str = ""
    misbehaviour: Mapping[str, str] = field(default_factory=dict)
    oversized_bytes: int = 16 << 20
    pan_tilt_per_s: float = 0.5
    zoom_per_s: float = 0.25
    focus_per_s: float = 0.25
    ptz_timeout_s: float = 5.0
    max_subscriptions: int = 10
