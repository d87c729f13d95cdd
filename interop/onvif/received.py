"""What a camera was asked: typed, kept, waited for."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from interop.onvif import durations
from interop.onvif.faults import OnvifFault
from interop.onvif.tree import Element

KEPT = 1000
MOST_ARGUMENTS = 500

Value: TypeAlias = str | float | bool

_TOKENS = frozenset(
    {"ProfileToken", "VideoSourceToken", "NodeToken", "PTZConfigurationToken", "ConfigurationToken", "Token"}
)
_BOOLEANS = frozenset({"IncludeCapability", "DaylightSavings", "ForcePersistence", "PanTilt", "Zoom"})
_DURATIONS = frozenset({"Timeout"})
_NUMBERS = frozenset(
    {
        "Brightness", "ColorSaturation", "Contrast", "Sharpness", "Level", "MinExposureTime", "MaxExposureTime",
        "ExposureTime", "MinGain", "MaxGain", "Gain", "MinIris", "MaxIris", "Iris", "DefaultSpeed", "NearLimit",
        "FarLimit", "Position", "Distance", "Speed", "MessageLimit", "Hour", "Minute", "Second", "Year", "Month",
        "Day", "CrGain", "CbGain",
    }
)  # fmt: skip
_NUMBER_ATTRIBUTES = frozenset({"x", "y"})


@dataclass(frozen=True, slots=True)
class Received:
    """One request the camera understood and accepted the sender of.

    service    "device", "media", "media2", "ptz", "imaging" or "events"
    operation  such as "ContinuousMove"
    token      of the profile, source, node or configuration it is about; "" for none
    arguments  path below the operation to its value: numbers as float, durations in seconds, switches as bool. Such as
               "Velocity.PanTilt.x": 0.5, "Timeout": 5.0; what is repeated is a tuple
    """

    service: str
    operation: str
    token: str
    arguments: dict[str, Value | tuple[Value, ...]]

    def number(self, *paths: str) -> float | None:
        """The first of these arguments that is a number."""
        for path in paths:
            value = self.arguments.get(path)
            if isinstance(value, float):
                return value
        return None

    def text(self, path: str) -> str:
        """An argument as text; "" without it. Raises OnvifFault where one is expected and several are given."""
        value = self.arguments.get(path, "")
        if not isinstance(value, str):
            raise OnvifFault("ter:InvalidArgs", reason=f"{path} is not one text")
        return value

    def texts(self, path: str) -> tuple[str, ...]:
        """An argument that may be repeated."""
        value = self.arguments.get(path, ())
        return tuple(str(one) for one in (value if isinstance(value, tuple) else (value,)))

    @property
    def pan(self) -> float | None:
        """Pan of a move: velocity, translation or position."""
        return self.number("Velocity.PanTilt.x", "Translation.PanTilt.x", "Position.PanTilt.x")

    @property
    def tilt(self) -> float | None:
        """Tilt of a move."""
        return self.number("Velocity.PanTilt.y", "Translation.PanTilt.y", "Position.PanTilt.y")

    @property
    def zoom(self) -> float | None:
        """Zoom of a move."""
        return self.number("Velocity.Zoom.x", "Translation.Zoom.x", "Position.Zoom.x")

    @property
    def speeds(self) -> tuple[float, float]:
        """How fast to move to a position: pan and tilt, zoom; 1 where nothing is said."""
        pan_tilt, zoom = self.number("Speed.PanTilt.x", "Speed.PanTilt.y"), self.number("Speed.Zoom.x")
        return (1.0 if pan_tilt is None else abs(pan_tilt)), (1.0 if zoom is None else abs(zoom))

    @property
    def timeout_s(self) -> float | None:
        """How long it shall last, seconds."""
        return self.number("Timeout")


def read(service: str, operation: str, element: Element) -> Received:
    """Read the arguments of an operation. Raises OnvifFault."""
    arguments: dict[str, Value | tuple[Value, ...]] = {}
    token = ""
    leaves = _leaves(element, "")
    if len(leaves) > MOST_ARGUMENTS:
        raise OnvifFault("ter:InvalidArgs", reason=f"More than {MOST_ARGUMENTS} arguments")
    for path, name, text in leaves:
        value = _value(path, name, text)
        if name in _TOKENS and not token:
            token = text
        before = arguments.get(path)
        if before is None:
            arguments[path] = value
        else:
            arguments[path] = (*before, value) if isinstance(before, tuple) else (before, value)
    return Received(service, operation, token, arguments)


def _leaves(element: Element, prefix: str) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for child in element:
        name = etree.QName(child).localname
        path = prefix + name
        for key, value in child.attrib.items():
            if etree.QName(key).namespace is None:
                found.append((f"{path}.{key!s}", str(key), str(value)))
        if len(child):
            found += _leaves(child, path + ".")
        elif child.text is not None and child.text.strip():
            found.append((path, name, child.text.strip()))
    return found


def _value(path: str, name: str, text: str) -> Value:
    try:
        if name in _DURATIONS:
            return durations.seconds(text)
        if name in _NUMBERS or name in _NUMBER_ATTRIBUTES:
            number = float(text)
            if not math.isfinite(number):
                raise ValueError(text)
            return number
        if name in _BOOLEANS:
            return {"true": True, "1": True, "false": False, "0": False}[text]
    except (ValueError, KeyError):
        raise OnvifFault("ter:InvalidArgs", reason=f"{path} cannot be {text!r}") from None
    return text


class ReceivedLog:
    """The last requests, in order, and those who wait for the next."""

    def __init__(self, on_received: Callable[[Received], None]) -> None:
        self._on_received = on_received
        self._kept: deque[Received] = deque(maxlen=KEPT)
        self._news = asyncio.Event()

    def add(self, received: Received) -> None:
        """Keep one and wake who waits."""
        self._kept.append(received)
        self._on_received(received)
        self._news.set()

    @property
    def kept(self) -> list[Received]:
        """The requests kept, oldest first."""
        return list(self._kept)

    def of(self, operation: str) -> list[Received]:
        """Those of an operation: "Stop", or "ptz:Stop" where services share the name."""
        service, colon, name = operation.rpartition(":")
        return [one for one in self._kept if one.operation == name and (not colon or one.service == service)]

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

    async def wait_for(self, operation: str, count: int = 1, timeout_s: float = 10.0) -> Received:
        """The count-th request of an operation, awaited if need be. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while len(found := self.of(operation)) < count:
                self._news.clear()
                await self._news.wait()
        return found[count - 1]
