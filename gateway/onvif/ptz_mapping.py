"""Front-end control of GB/T 28181 (A.3) in terms of ONVIF: a table of what each command becomes. No I/O, no clock.

    A.3                               ONVIF
    motion, pan -1/0/1 speed 0-255    PTZ ContinuousMove, PanTilt x: left -1 ... right 1
            tilt -1/0/1 speed 0-255                       PanTilt y: down -1 ... up 1
            zoom -1/0/1 speed 0-15                        Zoom x: out -1 ... in 1
    motion at rest                    PTZ Stop, and Imaging Stop while the focus moves
    focus -1/0/1 speed 0-255          Imaging Move, Continuous Speed: near -1 ... far 1
    lens at rest                      Imaging Stop
    iris                              refused
    preset set, call, delete          PTZ SetPreset, GotoPreset, RemovePreset
    cruise, scan, auxiliary (wiper)   refused

Speeds are shares of what the camera's spaces allow. A direction with speed 0 moves at the lowest speed: somebody asked
for it to move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from gateway.errors import Failure, Reason
from sip.manscdp import ptz

PAN_TILT_STEPS = 255
ZOOM_STEPS = 15


@dataclass(frozen=True, slots=True)
class SpeedRange:
    """A space of velocities: from `low` (left, down, out, near) to `high`; its URI, "" the camera's default."""

    low: float = -1.0
    high: float = 1.0
    space: str = ""

    def share(self, direction: int, speed: int, steps: int) -> float:
        """The velocity of a direction (-1, 0, 1) at `speed` of `steps`."""
        if direction == 0:
            return 0.0
        part = min(max(speed, 1), steps) / steps
        return round(part * (self.high if direction > 0 else self.low), 4)


@dataclass(frozen=True, slots=True)
class PtzSpaces:
    """What a camera can move, and how fast. None: it cannot. `timeout_s`: least and most a move may be told to last."""

    pan: SpeedRange | None = SpeedRange()
    tilt: SpeedRange | None = SpeedRange()
    zoom: SpeedRange | None = SpeedRange()
    timeout_s: tuple[float, float] = (0.0, 3600.0)

    def lasting(self, wanted_s: float) -> float:
        """How long a move is told to last."""
        low, high = self.timeout_s
        return min(max(wanted_s, low), high)


@dataclass(frozen=True, slots=True)
class Move:
    """ContinuousMove with this Velocity."""

    velocity: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """Everything stands still; `lens_only`: only the focus."""

    lens_only: bool = False


@dataclass(frozen=True, slots=True)
class Focus:
    """Imaging Move at this speed."""

    speed: float


@dataclass(frozen=True, slots=True)
class UsePreset:
    """Something is done with a preset."""

    action: Literal["set", "call", "delete"]
    number: int


OnvifCommand = Move | Stop | Focus | UsePreset

_REFUSED: Mapping[type, tuple[str, str]] = MappingProxyType(
    {
        ptz.Cruise: ("a cruise is not passed on to ONVIF cameras", "不支持向 ONVIF 摄像机转发巡航命令"),
        ptz.Scan: ("a scan is not passed on to ONVIF cameras", "不支持向 ONVIF 摄像机转发扫描命令"),
        ptz.Auxiliary: ("an auxiliary switch (wiper) is not passed on to ONVIF cameras", "不支持辅助开关（雨刷）命令"),
    }
)


def translated(command: ptz.PtzCommand, spaces: PtzSpaces, focus: SpeedRange = SpeedRange()) -> OnvifCommand:
    """What a command becomes. Raises Failure (not supported), with what it is that is not."""
    match command:
        case ptz.Motion():
            return Stop() if command.is_stop else _move(command, spaces)
        case ptz.Lens():
            return _lens(command, focus)
        case ptz.Preset():
            return UsePreset(command.action, command.number)
        case ptz.Cruise() | ptz.Scan() | ptz.Auxiliary():
            raise _unsupported(*_REFUSED[type(command)])


def _move(command: ptz.Motion, spaces: PtzSpaces) -> Move:
    for asked, can, what, what_zh in (
        (command.pan, spaces.pan, "pan", "水平转动"),
        (command.tilt, spaces.tilt, "tilt", "俯仰"),
        (command.zoom, spaces.zoom, "zoom", "变倍"),
    ):
        if asked and can is None:
            raise _unsupported(f"the camera cannot {what}", f"摄像机不支持{what_zh}")
    velocity: dict[str, Any] = {}
    # All axes, also those at rest: a command says how the whole camera is to move.
    if spaces.pan is not None or spaces.tilt is not None:
        pan, tilt = spaces.pan or SpeedRange(), spaces.tilt or SpeedRange()
        velocity["PanTilt"] = {
            "x": pan.share(command.pan, command.pan_speed, PAN_TILT_STEPS),
            "y": tilt.share(command.tilt, command.tilt_speed, PAN_TILT_STEPS),
        } | ({"space": pan.space} if pan.space else {})
    if spaces.zoom is not None:
        x = spaces.zoom.share(command.zoom, command.zoom_speed, ZOOM_STEPS)
        velocity["Zoom"] = {"x": x} | ({"space": spaces.zoom.space} if spaces.zoom.space else {})
    return Move(MappingProxyType(velocity))


def _lens(command: ptz.Lens, focus: SpeedRange) -> OnvifCommand:
    if command.iris:
        raise _unsupported("the iris is not moved through ONVIF", "不支持通过 ONVIF 调节光圈")
    if not command.focus:
        return Stop(lens_only=True)
    return Focus(focus.share(-command.focus, command.focus_speed, PAN_TILT_STEPS))


def spaces_of(options: Any) -> PtzSpaces:
    """What a GetConfigurationOptions answer allows; what it does not say is taken to be the usual -1 to 1."""
    spaces = options.get("Spaces") if isinstance(options, Mapping) else None
    if not isinstance(spaces, Mapping):
        return PtzSpaces()
    pan_tilt, zoom = (
        _first(spaces.get("ContinuousPanTiltVelocitySpace")),
        _first(spaces.get("ContinuousZoomVelocitySpace")),
    )
    timeout = options.get("PTZTimeout")
    timeout = timeout if isinstance(timeout, Mapping) else {}
    return PtzSpaces(
        _range(pan_tilt, "XRange"),
        _range(pan_tilt, "YRange"),
        _range(zoom, "XRange"),
        (_seconds(timeout.get("Min"), 0.0), _seconds(timeout.get("Max"), 3600.0)),
    )


def focus_of(options: Any) -> SpeedRange | None:
    """What a GetMoveOptions answer of the imaging service allows; None: the focus does not move by itself."""
    continuous = options.get("Continuous") if isinstance(options, Mapping) else None
    return _range({"XRange": continuous.get("Speed")}, "XRange") if isinstance(continuous, Mapping) else None


def _first(found: Any) -> Any:
    return found[0] if isinstance(found, list) and found else found if isinstance(found, Mapping) else None


def _range(space: Any, axis: str) -> SpeedRange | None:
    if not isinstance(space, Mapping):
        return None
    limits = space.get(axis)
    try:
        low, high = float(limits["Min"]), float(limits["Max"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        low, high = -1.0, 1.0
    if not -1000 <= low < high <= 1000:
        low, high = -1.0, 1.0
    return SpeedRange(low, high, str(space.get("URI") or ""))


def _seconds(value: Any, default: float) -> float:
    """Seconds of a duration, as the library gives it."""
    try:
        return float(value.total_seconds())
    except (AttributeError, TypeError, ValueError, OverflowError):
        return default


def _unsupported(what: str, what_zh: str) -> Failure:
    return Failure(Reason.ONVIF_UNSUPPORTED, what, detail_zh=what_zh)
