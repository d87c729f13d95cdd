"""Picture settings and focus of a video source (ONVIF Imaging)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from interop.onvif.faults import invalid
from interop.onvif.head import Axis
from interop.onvif.received import Received

RANGES: Final = {
    "Brightness": (0.0, 100.0),
    "ColorSaturation": (0.0, 100.0),
    "Contrast": (0.0, 100.0),
    "Sharpness": (0.0, 100.0),
    "Exposure.Iris": (-22.0, 0.0),
    "WideDynamicRange.Level": (0.0, 100.0),
}
"""Numbers that can be set, with the least and the most. The iris is an attenuation in dB; 0 is fully open."""

CHOICES: Final = {
    "Exposure.Mode": ("AUTO", "MANUAL"),
    "Focus.AutoFocusMode": ("AUTO", "MANUAL"),
    "IrCutFilter": ("ON", "OFF", "AUTO"),
    "WideDynamicRange.Mode": ("OFF", "ON"),
}
"""Words that can be set."""


@dataclass(slots=True)
class Lens:
    """Settings by their path in tt:ImagingSettings20, and the focus from 0 (near) to 1 (far)."""

    focus_per_s: float
    numbers: dict[str, float]
    words: dict[str, str]
    focus: Axis

    def __init__(self, focus_per_s: float) -> None:
        self.focus_per_s = focus_per_s
        self.numbers = {path: 50.0 for path in RANGES} | {"Exposure.Iris": 0.0}
        self.words = {path: words[0] for path, words in CHOICES.items()} | {"IrCutFilter": "AUTO"}
        self.focus = Axis(0.0, 1.0, start=0.5)

    def change(self, received: Received) -> None:
        """SetImagingSettings: all that is given, or nothing. Raises OnvifFault (ter:SettingsInvalid)."""
        numbers, words = dict(self.numbers), dict(self.words)
        for path, value in received.arguments.items():
            name = path.removeprefix("ImagingSettings.")
            if name in RANGES and isinstance(value, float):
                low, high = RANGES[name]
                if not low <= value <= high:
                    raise invalid("ter:SettingsInvalid", f"{name} cannot be {value:g}: {low:g} to {high:g}")
                numbers[name] = value
            elif name in CHOICES:
                if value not in CHOICES[name]:
                    raise invalid("ter:SettingsInvalid", f"{name} cannot be {value!r}")
                words[name] = str(value)
        self.numbers, self.words = numbers, words

    def move(self, now: float, received: Received) -> None:
        """Move the focus; a continuous move goes on until Stop. Raises OnvifFault (ter:InvalidArgVal)."""
        if (speed := received.number("Focus.Continuous.Speed")) is not None:
            self.focus = self.focus.continuous(now, speed * self.focus_per_s, float("inf"))
            return
        position, distance = received.number("Focus.Absolute.Position"), received.number("Focus.Relative.Distance")
        if position is None and distance is None:
            raise invalid("ter:SettingsInvalid", "No focus movement")
        target = position if position is not None else self.focus.at(now) + (distance or 0.0)
        self.focus = self.focus.towards(now, target, self.focus_per_s)
