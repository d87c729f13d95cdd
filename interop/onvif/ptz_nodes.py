"""PTZ nodes, configurations and their spaces as trees."""

from __future__ import annotations

from interop.onvif import names
from interop.onvif.durations import duration
from interop.onvif.settings import CameraSettings
from interop.onvif.state import SourceState
from interop.onvif.tree import Element, children, node

MAX_PRESETS = 255
TIMEOUT_RANGE_S = (0.1, 60.0)


def node_token(state: SourceState) -> str:
    """Token of the PTZ node of a source."""
    return f"node_{state.token}"


def configuration_token(state: SourceState) -> str:
    """Token of the PTZ configuration of a source."""
    return f"ptz_{state.token}"


def _range(name: str, low: float, high: float) -> Element:
    return node(name, node("tt:Min", low), node("tt:Max", high))


def _space(name: str, uri: str, low: float, high: float, *, plane: bool) -> Element:
    y = _range("tt:YRange", low, high) if plane else None
    return node(name, node("tt:URI", uri), _range("tt:XRange", low, high), y)


def _spaces(name: str) -> Element:
    return node(
        name,
        _space("tt:AbsolutePanTiltPositionSpace", names.PAN_TILT_POSITION, -1.0, 1.0, plane=True),
        _space("tt:AbsoluteZoomPositionSpace", names.ZOOM_POSITION, 0.0, 1.0, plane=False),
        _space("tt:RelativePanTiltTranslationSpace", names.PAN_TILT_TRANSLATION, -1.0, 1.0, plane=True),
        _space("tt:RelativeZoomTranslationSpace", names.ZOOM_TRANSLATION, -1.0, 1.0, plane=False),
        _space("tt:ContinuousPanTiltVelocitySpace", names.PAN_TILT_VELOCITY, -1.0, 1.0, plane=True),
        _space("tt:ContinuousZoomVelocitySpace", names.ZOOM_VELOCITY, -1.0, 1.0, plane=False),
        _space("tt:PanTiltSpeedSpace", names.PAN_TILT_SPEED, 0.0, 1.0, plane=False),
        _space("tt:ZoomSpeedSpace", names.ZOOM_SPEED, 0.0, 1.0, plane=False),
    )


def ptz_node(name: str, state: SourceState) -> Element:
    """tt:PTZNode under a name."""
    return node(
        name,
        {"token": node_token(state), "FixedHomePosition": True},
        node("tt:Name", node_token(state)),
        _spaces("tt:SupportedPTZSpaces"),
        node("tt:MaximumNumberOfPresets", MAX_PRESETS),
        node("tt:HomeSupported", True),
    )


def configuration(name: str, state: SourceState, settings: CameraSettings) -> Element:
    """tt:PTZConfiguration under a name."""
    spaces = {
        "tt:NodeToken": node_token(state),
        "tt:DefaultAbsolutePantTiltPositionSpace": names.PAN_TILT_POSITION,
        "tt:DefaultAbsoluteZoomPositionSpace": names.ZOOM_POSITION,
        "tt:DefaultRelativePanTiltTranslationSpace": names.PAN_TILT_TRANSLATION,
        "tt:DefaultRelativeZoomTranslationSpace": names.ZOOM_TRANSLATION,
        "tt:DefaultContinuousPanTiltVelocitySpace": names.PAN_TILT_VELOCITY,
        "tt:DefaultContinuousZoomVelocitySpace": names.ZOOM_VELOCITY,
    }
    return node(
        name,
        {"token": configuration_token(state)},
        node("tt:Name", configuration_token(state)),
        node("tt:UseCount", len(state.source.profiles)),
        children(spaces),
        node(
            "tt:DefaultPTZSpeed",
            node("tt:PanTilt", {"x": 1.0, "y": 1.0, "space": names.PAN_TILT_SPEED}),
            node("tt:Zoom", {"x": 1.0, "space": names.ZOOM_SPEED}),
        ),
        node("tt:DefaultPTZTimeout", duration(settings.ptz_timeout_s)),
        node("tt:PanTiltLimits", _space("tt:Range", names.PAN_TILT_POSITION, -1.0, 1.0, plane=True)),
        node("tt:ZoomLimits", _space("tt:Range", names.ZOOM_POSITION, 0.0, 1.0, plane=False)),
    )


def options(name: str) -> Element:
    """tt:PTZConfigurationOptions under a name."""
    low, high = TIMEOUT_RANGE_S
    timeout = node("tt:PTZTimeout", node("tt:Min", duration(low)), node("tt:Max", duration(high)))
    return node(name, _spaces("tt:Spaces"), timeout)
