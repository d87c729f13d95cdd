"""The PTZ service (ver20/ptz)."""

from __future__ import annotations

from interop.onvif import names, ptz_nodes
from interop.onvif.durations import date_time
from interop.onvif.faults import OnvifFault, invalid
from interop.onvif.head import Position
from interop.onvif.received import Received
from interop.onvif.state import Call, CameraState, Operations, SourceState, StoredPreset
from interop.onvif.tree import Element, node

LONGEST_NAME = 64


class PtzService:
    """Movements of the heads; a position follows from velocity and time."""

    def __init__(self, state: CameraState) -> None:
        self._state = state
        self.operations: Operations = {
            "GetServiceCapabilities": self.service_capabilities,
            "GetNodes": self.nodes,
            "GetNode": self.node,
            "GetConfigurations": self.configurations,
            "GetConfiguration": self.configuration,
            "GetConfigurationOptions": self.configuration_options,
            "ContinuousMove": self.continuous_move,
            "RelativeMove": self.relative_move,
            "AbsoluteMove": self.absolute_move,
            "Stop": self.stop,
            "GetStatus": self.status,
            "GetPresets": self.presets,
            "SetPreset": self.set_preset,
            "GotoPreset": self.goto_preset,
            "RemovePreset": self.remove_preset,
            "GotoHomePosition": self.goto_home_position,
        }

    # -- what there is

    def _movable(self) -> list[SourceState]:
        return [state for state in self._state.sources.values() if state.source.ptz]

    def _of(self, received: Received) -> SourceState:
        state, _ = self._state.profile(received.text("ProfileToken"))
        if not state.source.ptz:
            raise invalid("ter:NoPTZProfile", f"Profile {received.token!r} has no PTZ configuration")
        return state

    def service_capabilities(self, call: Call) -> Element:
        """What the service can."""
        capabilities = node("tptz:Capabilities", {"EFlip": False, "Reverse": False})
        return node("tptz:GetServiceCapabilitiesResponse", capabilities)

    def nodes(self, call: Call) -> Element:
        """The heads."""
        return node("tptz:GetNodesResponse", [ptz_nodes.ptz_node("tptz:PTZNode", one) for one in self._movable()])

    def node(self, call: Call) -> Element:
        """One head."""
        for state in self._movable():
            if ptz_nodes.node_token(state) == call.received.token:
                return node("tptz:GetNodeResponse", ptz_nodes.ptz_node("tptz:PTZNode", state))
        raise invalid("ter:NoEntity", f"No PTZ node {call.received.token!r}")

    def configurations(self, call: Call) -> Element:
        """The configuration of each head."""
        settings = self._state.settings
        found = [ptz_nodes.configuration("tptz:PTZConfiguration", one, settings) for one in self._movable()]
        return node("tptz:GetConfigurationsResponse", found)

    def _configured(self, token: str) -> SourceState:
        for state in self._movable():
            if ptz_nodes.configuration_token(state) == token:
                return state
        raise invalid("ter:NoConfig", f"No PTZ configuration {token!r}")

    def configuration(self, call: Call) -> Element:
        """One configuration."""
        state = self._configured(call.received.token)
        found = ptz_nodes.configuration("tptz:PTZConfiguration", state, self._state.settings)
        return node("tptz:GetConfigurationResponse", found)

    def configuration_options(self, call: Call) -> Element:
        """What a configuration may be."""
        self._configured(call.received.token)
        return node("tptz:GetConfigurationOptionsResponse", ptz_nodes.options("tptz:PTZConfigurationOptions"))

    # -- movement

    def continuous_move(self, call: Call) -> Element:
        """Move at a velocity until Stop or for a time."""
        received = call.received
        state = self._of(received)
        _check_spaces(received, "Velocity", names.PAN_TILT_VELOCITY, names.ZOOM_VELOCITY)
        for value in (received.pan, received.tilt, received.zoom):
            if value is not None and not -1.0 <= value <= 1.0:
                raise invalid("ter:InvalidVelocity", f"No velocity {value:g}")
        timeout_s = received.timeout_s if received.timeout_s is not None else self._state.settings.ptz_timeout_s
        low, high = ptz_nodes.TIMEOUT_RANGE_S
        if not low <= timeout_s <= high:
            raise invalid("ter:TimeoutNotSupported", f"No timeout of {timeout_s:g} seconds")
        state.head.continuous(self._state.clock.now(), received.pan, received.tilt, received.zoom, timeout_s)
        return node("tptz:ContinuousMoveResponse")

    def relative_move(self, call: Call) -> Element:
        """Move by a distance; what lies beyond the end stop is cut off."""
        received = call.received
        state = self._of(received)
        _check_spaces(received, "Translation", names.PAN_TILT_TRANSLATION, names.ZOOM_TRANSLATION)
        for value in (received.pan, received.tilt, received.zoom):
            if value is not None and not -1.0 <= value <= 1.0:
                raise invalid("ter:InvalidTranslation", f"No translation {value:g}")
        now = self._state.clock.now()
        here = state.head.position(now)
        state.head.towards(
            now,
            here.pan + received.pan if received.pan is not None else None,
            here.tilt + received.tilt if received.tilt is not None else None,
            here.zoom + received.zoom if received.zoom is not None else None,
            *received.speeds,
        )
        return node("tptz:RelativeMoveResponse")

    def absolute_move(self, call: Call) -> Element:
        """Move to a position."""
        received = call.received
        state = self._of(received)
        _check_spaces(received, "Position", names.PAN_TILT_POSITION, names.ZOOM_POSITION)
        for value, low in ((received.pan, -1.0), (received.tilt, -1.0), (received.zoom, 0.0)):
            if value is not None and not low <= value <= 1.0:
                raise invalid("ter:InvalidPosition", f"No position {value:g}")
        state.head.towards(self._state.clock.now(), received.pan, received.tilt, received.zoom, *received.speeds)
        return node("tptz:AbsoluteMoveResponse")

    def stop(self, call: Call) -> Element:
        """Stop; without arguments all axes, else those that are true."""
        state = self._of(call.received)
        flags = call.received.arguments
        named = "PanTilt" in flags or "Zoom" in flags
        state.head.stop(
            self._state.clock.now(),
            pan_tilt=flags.get("PanTilt") is True or not named,
            zoom=flags.get("Zoom") is True or not named,
        )
        return node("tptz:StopResponse")

    def status(self, call: Call) -> Element:
        """Where the head looks and whether it moves."""
        state = self._of(call.received)
        now = self._state.clock.now()
        pan_tilt, zoom = state.head.moving(now)
        return node(
            "tptz:GetStatusResponse",
            node(
                "tptz:PTZStatus",
                _position("tt:Position", state.head.position(now)),
                node("tt:MoveStatus", node("tt:PanTilt", _moving(pan_tilt)), node("tt:Zoom", _moving(zoom))),
                node("tt:UtcTime", date_time(self._state.clock.utc())),
            ),
        )

    # -- presets

    def presets(self, call: Call) -> Element:
        """The stored positions."""
        state = self._of(call.received)
        found = [
            node(
                "tptz:Preset",
                {"token": token},
                node("tt:Name", preset.name),
                _position("tt:PTZPosition", Position(preset.pan, preset.tilt, preset.zoom)),
            )
            for token, preset in state.presets.items()
        ]
        return node("tptz:GetPresetsResponse", found)

    def set_preset(self, call: Call) -> Element:
        """Store where the head looks now, as a new preset or in the place of one."""
        state = self._of(call.received)
        token, name = call.received.text("PresetToken"), call.received.text("PresetName")
        if len(name) > LONGEST_NAME:
            raise invalid("ter:InvalidPresetName", f"A name of {len(name)} characters")
        if token and token not in state.presets:
            raise invalid("ter:NoToken", f"No preset {token!r}")
        if not token and any(preset.name == name for preset in state.presets.values() if name):
            raise invalid("ter:PresetExist", f"A preset is named {name!r}")
        if not token and len(state.presets) >= ptz_nodes.MAX_PRESETS:
            raise OnvifFault("ter:Action", "ter:TooManyPresets", reason="No room for a preset", receiver=True)
        token = token or state.free_preset_token()
        here = state.head.position(self._state.clock.now())
        before = state.presets[token].name if token in state.presets else token
        state.presets[token] = StoredPreset(name or before, here.pan, here.tilt, here.zoom)
        return node("tptz:SetPresetResponse", node("tptz:PresetToken", token))

    def _preset(self, state: SourceState, token: str) -> StoredPreset:
        if (preset := state.presets.get(token)) is None:
            raise invalid("ter:NoToken", f"No preset {token!r}")
        return preset

    def goto_preset(self, call: Call) -> Element:
        """Move to a stored position."""
        state = self._of(call.received)
        self._goto(call.received, state, self._preset(state, call.received.text("PresetToken")))
        return node("tptz:GotoPresetResponse")

    def remove_preset(self, call: Call) -> Element:
        """Forget a stored position."""
        state = self._of(call.received)
        self._preset(state, call.received.text("PresetToken"))
        del state.presets[call.received.text("PresetToken")]
        return node("tptz:RemovePresetResponse")

    def goto_home_position(self, call: Call) -> Element:
        """Move to the home position."""
        state = self._of(call.received)
        self._goto(call.received, state, state.home)
        return node("tptz:GotoHomePositionResponse")

    def _goto(self, received: Received, state: SourceState, preset: StoredPreset) -> None:
        state.head.towards(self._state.clock.now(), preset.pan, preset.tilt, preset.zoom, *received.speeds)


def _position(name: str, position: Position) -> Element:
    return node(
        name,
        node("tt:PanTilt", {"x": position.pan, "y": position.tilt, "space": names.PAN_TILT_POSITION}),
        node("tt:Zoom", {"x": position.zoom, "space": names.ZOOM_POSITION}),
    )


def _moving(moves: bool) -> str:
    return "MOVING" if moves else "IDLE"


def _check_spaces(received: Received, what: str, pan_tilt: str, zoom: str) -> None:
    if received.pan is None and received.tilt is None and received.zoom is None:
        raise OnvifFault("ter:InvalidArgs", reason=f"{what} has neither PanTilt nor Zoom")
    for axis, space in (("PanTilt", pan_tilt), ("Zoom", zoom)):
        if received.text(f"{what}.{axis}.space") not in ("", space):
            raise invalid("ter:SpaceNotSupported", f"No space {received.text(f'{what}.{axis}.space')!r}")
