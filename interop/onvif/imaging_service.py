"""The imaging service (ver20/imaging)."""

from __future__ import annotations

from interop.onvif.faults import not_supported
from interop.onvif.lens import CHOICES, RANGES, Lens
from interop.onvif.state import Call, CameraState, Operations, SourceState
from interop.onvif.tree import Element, children, node


class ImagingService:
    """Picture settings and focus."""

    def __init__(self, state: CameraState) -> None:
        self._state = state
        self.operations: Operations = {
            "GetServiceCapabilities": self.service_capabilities,
            "GetImagingSettings": self.imaging_settings,
            "SetImagingSettings": self.set_imaging_settings,
            "GetOptions": self.options,
            "GetMoveOptions": self.move_options,
            "Move": self.move,
            "Stop": self.stop,
            "GetStatus": self.status,
        }

    def _of(self, call: Call) -> SourceState:
        state = self._state.source(call.received.text("VideoSourceToken"))
        if not state.source.imaging:
            raise not_supported("ter:NoImagingForSource", reason=f"No imaging for {state.token!r}")
        return state

    def service_capabilities(self, call: Call) -> Element:
        """What the service can."""
        capabilities = node("timg:Capabilities", {"ImageStabilization": False})
        return node("timg:GetServiceCapabilitiesResponse", capabilities)

    def imaging_settings(self, call: Call) -> Element:
        """The settings in force."""
        return node("timg:GetImagingSettingsResponse", _settings(self._of(call).lens))

    def set_imaging_settings(self, call: Call) -> Element:
        """Change what is given."""
        self._of(call).lens.change(call.received)
        return node("timg:SetImagingSettingsResponse")

    def options(self, call: Call) -> Element:
        """What each setting may be."""
        self._of(call)
        return node("timg:GetOptionsResponse", _options())

    def move_options(self, call: Call) -> Element:
        """How the focus may be moved."""
        self._of(call)
        return node(
            "timg:GetMoveOptionsResponse",
            node(
                "timg:MoveOptions",
                node("tt:Absolute", _range("tt:Position", 0.0, 1.0)),
                node("tt:Relative", _range("tt:Distance", -1.0, 1.0)),
                node("tt:Continuous", _range("tt:Speed", -1.0, 1.0)),
            ),
        )

    def move(self, call: Call) -> Element:
        """Move the focus."""
        self._of(call).lens.move(self._state.clock.now(), call.received)
        return node("timg:MoveResponse")

    def stop(self, call: Call) -> Element:
        """Stop the focus."""
        lens = self._of(call).lens
        lens.focus = lens.focus.stopped(self._state.clock.now())
        return node("timg:StopResponse")

    def status(self, call: Call) -> Element:
        """Where the focus is and whether it moves."""
        lens, now = self._of(call).lens, self._state.clock.now()
        values = {
            "tt:Position": lens.focus.at(now),
            "tt:MoveStatus": "MOVING" if lens.focus.moving(now) else "IDLE",
        }
        return node("timg:GetStatusResponse", node("timg:Status", node("tt:FocusStatus20", children(values))))


def _settings(lens: Lens) -> Element:
    numbers, words = lens.numbers, lens.words
    return node(
        "timg:ImagingSettings",
        node("tt:Brightness", numbers["Brightness"]),
        node("tt:ColorSaturation", numbers["ColorSaturation"]),
        node("tt:Contrast", numbers["Contrast"]),
        node("tt:Exposure", children({"tt:Mode": words["Exposure.Mode"], "tt:Iris": numbers["Exposure.Iris"]})),
        node("tt:Focus", node("tt:AutoFocusMode", words["Focus.AutoFocusMode"])),
        node("tt:IrCutFilter", words["IrCutFilter"]),
        node("tt:Sharpness", numbers["Sharpness"]),
        node(
            "tt:WideDynamicRange",
            children({"tt:Mode": words["WideDynamicRange.Mode"], "tt:Level": numbers["WideDynamicRange.Level"]}),
        ),
    )


def _options() -> Element:
    return node(
        "timg:ImagingOptions",
        [_range(f"tt:{name}", *RANGES[name]) for name in ("Brightness", "ColorSaturation", "Contrast")],
        node("tt:Exposure", _words("tt:Mode", "Exposure.Mode"), _range("tt:Iris", *RANGES["Exposure.Iris"])),
        node("tt:Focus", _words("tt:AutoFocusModes", "Focus.AutoFocusMode")),
        _words("tt:IrCutFilterModes", "IrCutFilter"),
        _range("tt:Sharpness", *RANGES["Sharpness"]),
        node(
            "tt:WideDynamicRange",
            _words("tt:Mode", "WideDynamicRange.Mode"),
            _range("tt:Level", *RANGES["WideDynamicRange.Level"]),
        ),
    )


def _range(name: str, low: float, high: float) -> Element:
    return node(name, node("tt:Min", low), node("tt:Max", high))


def _words(name: str, path: str) -> list[Element]:
    return [node(name, word) for word in CHOICES[path]]
