"""A simulated device registered at the hand-written platform."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from interop.device import Channel, DeviceSettings, PictureSettings, SimulatedDevice
from interop.wire.platform import WirePlatform

PLATFORM, DEVICE, PASSWORD = "34020000002000000001", "34020000001180000001", "device-0815"
CHANNELS = tuple(Channel(f"340200000013100000{number:02d}", f"通道{number}") for number in range(1, 4))
SMALL = PictureSettings(width=160, height=96, fps=25, gop=10, bitrate=100_000)


def settings_for(port: int, **changed: Any) -> DeviceSettings:
    """A device of three cameras for the platform at a port."""
    values: dict[str, Any] = {
        "id": DEVICE,
        "server_id": PLATFORM,
        "server_host": "127.0.0.1",
        "server_port": port,
        "password": PASSWORD,
        "channels": CHANNELS,
        "picture": SMALL,
        "retry_s": 0.05,
    }
    return DeviceSettings(**{**values, **changed})


class News:
    """What a device told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._more = asyncio.Event()

    def heard(self, name: str, facts: dict[str, Any]) -> None:
        self.told.append((name, facts))
        self._more.set()

    def count(self, name: str) -> int:
        return sum(1 for told, _ in self.told if told == name)

    async def event(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait until the device told `name` that many times; the facts of that time."""
        async with asyncio.timeout(15):
            while self.count(name) < count:
                self._more.clear()
                await self._more.wait()
        return [facts for told, facts in self.told if told == name][count - 1]


@dataclass
class Meeting:
    """Both sides of a registration, and what the device told."""

    up: WirePlatform
    device: SimulatedDevice
    news: News

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a state that nobody announces."""
        async with asyncio.timeout(15):
            while True:
                if true():
                    return
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def _meeting(**changed: Any) -> AsyncIterator[Meeting]:
    async with WirePlatform(PLATFORM, PASSWORD) as up:
        news = News()
        meeting = Meeting(up, SimulatedDevice(settings_for(up.port.port, **changed), news.heard), news)
        try:
            await meeting.device.start()
            yield meeting
        finally:
            await meeting.device.stop()
        assert up.faults == []


@pytest.fixture
def meet() -> Callable[..., AbstractAsyncContextManager[Meeting]]:
    """`async with meet(codec settings …) as m:` gives a registered device and its platform."""
    return _meeting


@pytest.fixture
def news() -> News:
    """A place for a device's events."""
    return News()


@pytest.fixture
def settings() -> Callable[..., DeviceSettings]:
    """Settings of a device of three cameras for the platform at a port."""
    return settings_for
