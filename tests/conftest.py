"""Test groups that need a tool: skipped by the tool's name where it is missing, failed where REQUIRE_ALL=1."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable

import pytest

from tests.stand.rtsp_camera import PACKAGES, gstreamer_is_here


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "sipp": ("the program sipp (Debian package sip-tester)", _program("sipp")),
    "tshark": ("the program tshark", _program("tshark")),
    "ffprobe": ("the program ffprobe (Debian package ffmpeg)", _program("ffprobe")),
    "systemd": ("the program systemd-analyze (Debian package systemd)", _program("systemd-analyze")),
    "rtsp": (f"GStreamer's RTSP server (Debian packages {PACKAGES})", gstreamer_is_here),
    "e2e": ("the module gateway.cli", lambda: importlib.util.find_spec("gateway.cli") is not None),
}
"""Marker -> what it needs, and whether that is here."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose tool is missing."""
    for marker, (needed, present) in NEEDS.items():
        if item.get_closest_marker(marker) is None or present():
            continue
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(f"{needed} is missing and REQUIRE_ALL=1", pytrace=False)
        pytest.skip(f"{needed} is missing")
