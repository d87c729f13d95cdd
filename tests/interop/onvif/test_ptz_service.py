"""The PTZ service: movements and presets."""

from __future__ import annotations

import pytest

from interop.onvif.ptz_nodes import MAX_PRESETS
from interop.onvif.ptz_service import PtzService
from interop.onvif.state import CameraState
from tests.interop.onvif.conftest import Asker, Hands

MAIN = "<tptz:ProfileToken>main</tptz:ProfileToken>"
FIXED = "<tptz:ProfileToken>thermal</tptz:ProfileToken>"
SPACES = "http://www.onvif.org/ver10/tptz/"


@pytest.fixture
def ask(camera_state: CameraState) -> Asker:
    return Asker("tptz", PtzService(camera_state).operations)


def _vector(name: str, pan: float, tilt: float, zoom: float) -> str:
    return f"<tptz:{name}><tt:PanTilt x='{pan}' y='{tilt}'/><tt:Zoom x='{zoom}'/></tptz:{name}>"


async def _where(ask: Asker) -> tuple[float, float, float]:
    found = await ask("GetStatus", MAIN)
    pan, tilt = found.one(".//tt:Position/tt:PanTilt/@x"), found.one(".//tt:Position/tt:PanTilt/@y")
    return float(pan), float(tilt), float(found.one(".//tt:Position/tt:Zoom/@x"))


async def _moves(ask: Asker) -> list[str]:
    return (await ask("GetStatus", MAIN)).all(".//tt:MoveStatus/*")


async def test_nodes_and_configurations_are_those_of_movable_sources(ask: Asker) -> None:
    assert (await ask("GetNodes")).all("tptz:PTZNode/@token") == ["node_lens_1"]
    assert (await ask("GetConfigurations")).all("tptz:PTZConfiguration/@token") == ["ptz_lens_1"]
    assert (await ask("GetNode", "<tptz:NodeToken>node_lens_1</tptz:NodeToken>")).name == "GetNodeResponse"
    known = "<tptz:PTZConfigurationToken>ptz_lens_1</tptz:PTZConfigurationToken>"
    assert (await ask("GetConfiguration", known)).one("//tt:NodeToken") == "node_lens_1"
    known = "<tptz:ConfigurationToken>ptz_lens_1</tptz:ConfigurationToken>"
    assert (await ask("GetConfigurationOptions", known)).one("//tt:PTZTimeout/tt:Max") == "PT60S"
    assert (await ask("GetServiceCapabilities")).one("tptz:Capabilities/@EFlip") == "false"


async def test_unknown_nodes_and_configurations_are_refused(ask: Asker) -> None:
    none = "<tptz:NodeToken>none</tptz:NodeToken>"
    assert await ask.refused("GetNode", none) == ("ter:InvalidArgVal", "ter:NoEntity")
    none = "<tptz:ConfigurationToken>none</tptz:ConfigurationToken>"
    assert await ask.refused("GetConfigurationOptions", none) == ("ter:InvalidArgVal", "ter:NoConfig")


async def test_a_continuous_move_shows_in_the_status_until_its_timeout(ask: Asker, hands: Hands) -> None:
    await ask("ContinuousMove", MAIN + _vector("Velocity", 0.5, -0.25, 1) + "<tptz:Timeout>PT2S</tptz:Timeout>")
    hands.go(1.0)
    assert await _where(ask) == (0.25, -0.125, 0.25)
    assert await _moves(ask) == ["MOVING", "MOVING"]
    hands.go(5.0)
    assert await _where(ask) == (0.5, -0.25, 0.5)
    assert await _moves(ask) == ["IDLE", "IDLE"]


async def test_without_a_timeout_it_moves_for_the_default(ask: Asker, hands: Hands) -> None:
    await ask("ContinuousMove", MAIN + "<tptz:Velocity><tt:Zoom x='0.5'/></tptz:Velocity>")
    hands.go(60.0)
    assert await _where(ask) == (0.0, 0.0, 0.625)


async def test_stop_stops_all_or_what_it_says(ask: Asker, hands: Hands) -> None:
    move = MAIN + _vector("Velocity", 0.5, 0, 0.5) + "<tptz:Timeout>PT60S</tptz:Timeout>"
    await ask("ContinuousMove", move)
    hands.go(1.0)
    await ask("Stop", MAIN + "<tptz:PanTilt>true</tptz:PanTilt><tptz:Zoom>false</tptz:Zoom>")
    assert await _moves(ask) == ["IDLE", "MOVING"]
    await ask("ContinuousMove", move)
    await ask("Stop", MAIN)
    assert await _moves(ask) == ["IDLE", "IDLE"]
    assert await _where(ask) == (0.25, 0.0, 0.125)


@pytest.mark.parametrize(
    ("operation", "inner", "subcode"),
    [
        ("ContinuousMove", _vector("Velocity", 1.5, 0, 0), "ter:InvalidVelocity"),
        (
            "ContinuousMove",
            _vector("Velocity", 1, 0, 0) + "<tptz:Timeout>PT61S</tptz:Timeout>",
            "ter:TimeoutNotSupported",
        ),
        ("RelativeMove", _vector("Translation", 0, 2, 0), "ter:InvalidTranslation"),
        ("AbsoluteMove", _vector("Position", 0, 0, -0.5), "ter:InvalidPosition"),
        (
            "ContinuousMove",
            f"<tptz:Velocity><tt:Zoom x='1' space='{SPACES}ZoomSpaces/PositionGenericSpace'/></tptz:Velocity>",
            "ter:SpaceNotSupported",
        ),
    ],
)
async def test_a_move_out_of_range_is_refused(ask: Asker, operation: str, inner: str, subcode: str) -> None:
    assert await ask.refused(operation, MAIN + inner) == ("ter:InvalidArgVal", subcode)


async def test_a_move_of_nothing_is_refused(ask: Asker) -> None:
    assert await ask.refused("ContinuousMove", MAIN + "<tptz:Velocity/>") == ("ter:InvalidArgs",)


async def test_a_fixed_lens_and_an_unknown_profile_are_refused(ask: Asker) -> None:
    assert await ask.refused("GetStatus", FIXED) == ("ter:InvalidArgVal", "ter:NoPTZProfile")
    unknown = "<tptz:ProfileToken>none</tptz:ProfileToken>"
    assert await ask.refused("Stop", unknown) == ("ter:InvalidArgVal", "ter:NoProfile")


async def test_absolute_and_relative_moves(ask: Asker, hands: Hands) -> None:
    await ask("AbsoluteMove", MAIN + _vector("Position", 0.5, -0.5, 0.5))
    hands.go(9.0)
    assert await _where(ask) == (0.5, -0.5, 0.5)
    half = "<tptz:Speed><tt:PanTilt x='0.5' y='0.5'/></tptz:Speed>"
    await ask("RelativeMove", MAIN + "<tptz:Translation><tt:PanTilt x='-1' y='0.25'/></tptz:Translation>" + half)
    hands.go(2.0)
    assert await _where(ask) == (0.0, -0.25, 0.5)
    hands.go(9.0)
    assert await _where(ask) == (-0.5, -0.25, 0.5)


def _preset(token: str) -> str:
    return f"{MAIN}<tptz:PresetToken>{token}</tptz:PresetToken>"


async def test_presets_are_listed_gone_to_and_removed(ask: Asker, hands: Hands) -> None:
    found = await ask("GetPresets", MAIN)
    assert (found.one("tptz:Preset/@token"), found.one("tptz:Preset/tt:Name")) == ("1", "大门")
    await ask("GotoPreset", _preset("1"))
    hands.go(9.0)
    assert await _where(ask) == (0.5, -0.25, 0.5)
    await ask("RemovePreset", _preset("1"))
    assert (await ask("GetPresets", MAIN)).all("tptz:Preset") == []
    for operation in ("GotoPreset", "RemovePreset", "SetPreset"):
        assert await ask.refused(operation, _preset("1")) == ("ter:InvalidArgVal", "ter:NoToken")


async def test_a_preset_keeps_where_the_head_looks(ask: Asker, hands: Hands) -> None:
    await ask("AbsoluteMove", MAIN + _vector("Position", 0.25, 0, 0))
    hands.go(9.0)
    token = (await ask("SetPreset", MAIN + "<tptz:PresetName>yard</tptz:PresetName>")).one("tptz:PresetToken")
    await ask("GotoHomePosition", MAIN)
    hands.go(9.0)
    assert await _where(ask) == (0.0, 0.0, 0.0)
    await ask("GotoPreset", _preset(token))
    hands.go(9.0)
    assert await _where(ask) == (0.25, 0.0, 0.0)
    again = await ask("SetPreset", _preset("1"))
    found = await ask("GetPresets", MAIN)
    assert again.one("tptz:PresetToken") == "1"
    assert found.all("tptz:Preset/tt:Name") == ["大门", "yard"]
    assert found.all("tptz:Preset/tt:PTZPosition/tt:PanTilt/@x") == ["0.25", "0.25"]


async def test_a_name_has_an_end(ask: Asker) -> None:
    long = MAIN + f"<tptz:PresetName>{'x' * 65}</tptz:PresetName>"
    assert await ask.refused("SetPreset", long) == ("ter:InvalidArgVal", "ter:InvalidPresetName")


async def test_a_name_counts_once_and_room_ends(ask: Asker) -> None:
    named = MAIN + "<tptz:PresetName>大门</tptz:PresetName>"
    assert await ask.refused("SetPreset", named) == ("ter:InvalidArgVal", "ter:PresetExist")
    for _ in range(MAX_PRESETS - 1):
        await ask("SetPreset", MAIN)
    assert await ask.refused("SetPreset", MAIN) == ("ter:Action", "ter:TooManyPresets")
