"""Test groups that need a tool: skipped by the tool's name where it is missing, failed where REQUIRE_ALL=1."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stand.namespace import usable as namespaces_usable
from tests.stand.rtsp_camera import PACKAGES, gstreamer_is_here

CONSOLE = Path(__file__).parents[1] / "console"
OLDEST_NODE = (20, 19)


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _browser() -> bool:
    return shutil.which("chromium") is not None and importlib.util.find_spec("playwright") is not None


def _node() -> bool:
    if shutil.which("npm") is None or not (CONSOLE / "node_modules").is_dir():
        return False
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in said.strip().lstrip("v").split(".")) >= OLDEST_NODE


NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "sipp": ("the program sipp (Debian package sip-tester)", _program("sipp")),
    "tshark": ("the program tshark", _program("tshark")),
    "ffprobe": ("the program ffprobe (Debian package ffmpeg)", _program("ffprobe")),
    "systemd": ("the program systemd-analyze (Debian package systemd)", _program("systemd-analyze")),
    "browser": ("a browser: Debian's chromium and the package playwright", _browser),
    "node": ("Node.js 20.19 or newer with npm, and console/node_modules (make console-packages)", _node),
    "rtsp": (f"GStreamer's RTSP server (Debian packages {PACKAGES})", gstreamer_is_here),
    "netns": ("root, the program ip (Debian package iproute2) or a namespace, veth or tunnel", namespaces_usable),
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
