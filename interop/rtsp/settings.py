"""What a simulated RTSP camera is: its streams, its password, its bounds, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from interop.device.picture import PictureSettings

Sound = Literal["", "PCMA", "AAC"]
Auth = Literal["", "basic", "digest", "digest-sha256"]


class Fault(StrEnum):
    """What a camera does wrong."""

    NONE = "none"
    """Nothing."""
    WRONG_PASSWORD = "wrong-password"
    """Every login is answered 401, the right one too."""
    NOT_FOUND = "not-found"
    """Every stream is answered 404."""
    UNAVAILABLE = "unavailable"
    """Every request but OPTIONS is answered 503."""
    GARBAGE = "garbage"
    """What it answers is no RTSP."""
    SILENT = "silent"
    """PLAY is answered 200, and nothing follows."""
    NOISE = "noise"
    """RTP headers are right, payloads are random bytes."""
    STOPS = "stops"
    """After `fault_after_s` of video nothing more comes; the connection stays."""
    CLOSES = "closes"
    """After `fault_after_s` of video the connection is cut."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One picture of the camera, such as its main or its sub stream, with or without sound."""

    path: str = "/live"
    picture: PictureSettings = PictureSettings()
    sound: Sound = ""


@dataclass(frozen=True, slots=True)
class RtspSettings:
    """Where the camera listens, what it shows and to whom.

    auth           how it asks for user and password; asked for when there is a user
    transports     what it carries: RTP over the connection ("TCP"), or in datagrams ("UDP")
    timeout_s      seconds without a word of the client after which a session ends (RFC 2326 12.37)
    fault_after_s  seconds of video before `Fault.STOPS` and `Fault.CLOSES`
    max_clients    connections at once; one more is closed
    max_backlog    bytes a client may leave unread before it is cut off
    """

    host: str = "127.0.0.1"
    port: int = 0
    name: str = "gbsim"
    streams: tuple[Stream, ...] = (Stream(),)
    username: str = ""
    password: str = field(repr=False, default="")
    auth: Auth = "digest"
    transports: frozenset[str] = frozenset({"TCP", "UDP"})
    timeout_s: float = 60.0
    fault: Fault = Fault.NONE
    fault_after_s: float = 3.0
    max_clients: int = 32
    max_backlog: int = 2_000_000
