"""What a camera is made of while it runs; the services read and change it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from interop.onvif.clock import CameraClock
from interop.onvif.faults import invalid, no_profile
from interop.onvif.head import PtzHead
from interop.onvif.lens import Lens
from interop.onvif.received import Received
from interop.onvif.settings import CameraSettings, Profile, VideoSource
from interop.onvif.tree import Element


@dataclass(slots=True)
class StoredPreset:
    """A position under a name."""

    name: str
    pan: float
    tilt: float
    zoom: float


class SourceState:
    """A video source with the parts that change: its head, its presets, its lens."""

    def __init__(self, source: VideoSource, settings: CameraSettings) -> None:
        self.source = source
        self.head = PtzHead(settings.pan_tilt_per_s, settings.zoom_per_s)
        self.presets = {one.token: StoredPreset(one.name, one.pan, one.tilt, one.zoom) for one in source.presets}
        self.home = StoredPreset("Home", 0.0, 0.0, 0.0)
        self.lens = Lens(settings.focus_per_s)
        self._numbered = 0

    @property
    def token(self) -> str:
        """Token of the video source."""
        return self.source.token

    def free_preset_token(self) -> str:
        """A token no preset has."""
        while True:
            self._numbered += 1
            if (token := f"preset_{self._numbered}") not in self.presets:
                return token


class CameraState:
    """The camera: its settings, its clock and its video sources."""

    def __init__(self, settings: CameraSettings, clock: CameraClock) -> None:
        self.settings = settings
        self.clock = clock
        self.sources = {source.token: SourceState(source, settings) for source in settings.sources}
        self.snapshot = settings.snapshot

    def source(self, token: str) -> SourceState:
        """A video source. Raises OnvifFault (ter:NoSource)."""
        if (found := self.sources.get(token)) is None:
            raise invalid("ter:NoSource", f"No video source {token!r}")
        return found

    def profiles(self, media2: bool) -> list[tuple[SourceState, Profile]]:
        """Every profile with its source; Media (ver10) has no word for H.265, so it does not list those."""
        return [
            (state, profile)
            for state in self.sources.values()
            for profile in state.source.profiles
            if media2 or profile.encoding != "H265"
        ]

    def profile(self, token: str, media2: bool = True) -> tuple[SourceState, Profile]:
        """A profile and its source. Raises OnvifFault (ter:NoProfile)."""
        for state, profile in self.profiles(media2 and self.settings.media2):
            if profile.token == token:
                return state, profile
        raise no_profile(token)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: what was asked, and the address the camera is known by to the asker.

    base           such as "http://192.168.1.64:80"
    subscription   id of the pull point whose address was asked; "" for none
    """

    received: Received
    base: str
    subscription: str = ""


Handler: TypeAlias = Callable[[Call], Element | Awaitable[Element]]
Operations: TypeAlias = Mapping[str, Handler]
