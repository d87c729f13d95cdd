"""A small quick camera for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interop.device.picture import PictureSettings
from interop.rtsp import RtspCamera, RtspSettings, Stream

SMALL = PictureSettings(width=64, height=48, fps=30, gop=10, bitrate=64_000)


@pytest.fixture
def events() -> list[tuple[str, dict[str, Any]]]:
    """What the camera told."""
    return []


@pytest.fixture
def small(events: list[tuple[str, dict[str, Any]]]) -> Callable[..., RtspCamera]:
    """Makes a camera with a stream of small pictures; settings by name."""

    def make(**settings: Any) -> RtspCamera:
        settings = {"streams": (Stream("/live", SMALL),), **settings}
        return RtspCamera(RtspSettings(**settings), lambda event, facts: events.append((event, facts)))

    return make
