"""The imaging service."""

from __future__ import annotations

import pytest

from interop.onvif.imaging_service import ImagingService
from interop.onvif.state import CameraState
from tests.interop.onvif.conftest import Asker, Hands

LENS = "<timg:VideoSourceToken>lens_1</timg:VideoSourceToken>"


@pytest.fixture
def ask(camera_state: CameraState) -> Asker:
    return Asker("timg", ImagingService(camera_state).operations)


async def test_settings_are_changed_and_read_back(ask: Asker) -> None:
    changed = (
        "<timg:ImagingSettings><tt:Brightness>70</tt:Brightness><tt:Exposure><tt:Mode>MANUAL</tt:Mode>"
        "<tt:Iris>-3.5</tt:Iris></tt:Exposure><tt:IrCutFilter>OFF</tt:IrCutFilter></timg:ImagingSettings>"
    )
    await ask("SetImagingSettings", LENS + changed)
    found = await ask("GetImagingSettings", LENS)
    paths = ("tt:Brightness", "tt:Exposure/tt:Mode", "tt:Exposure/tt:Iris", "tt:IrCutFilter", "tt:Sharpness")
    assert [found.one(f".//{path}") for path in paths] == ["70", "MANUAL", "-3.5", "OFF", "50"]


async def test_a_setting_out_of_range_is_refused(ask: Asker) -> None:
    wrong = "<timg:ImagingSettings><tt:Contrast>500</tt:Contrast></timg:ImagingSettings>"
    assert await ask.refused("SetImagingSettings", LENS + wrong) == ("ter:InvalidArgVal", "ter:SettingsInvalid")


async def test_options_say_what_a_setting_may_be(ask: Asker) -> None:
    found = await ask("GetOptions", LENS)
    assert (found.one(".//tt:Exposure/tt:Iris/tt:Min"), found.one(".//tt:Brightness/tt:Max")) == ("-22", "100")
    assert found.all(".//tt:IrCutFilterModes") == ["ON", "OFF", "AUTO"]
    assert (await ask("GetMoveOptions", LENS)).one(".//tt:Continuous/tt:Speed/tt:Min") == "-1"
    assert (await ask("GetServiceCapabilities")).one("timg:Capabilities/@ImageStabilization") == "false"


async def test_the_focus_moves_and_stops(ask: Asker, hands: Hands) -> None:
    await ask("Move", LENS + "<timg:Focus><tt:Continuous><tt:Speed>1</tt:Speed></tt:Continuous></timg:Focus>")
    hands.go(1.0)
    found = await ask("GetStatus", LENS)
    assert (found.one(".//tt:Position"), found.one(".//tt:MoveStatus")) == ("0.75", "MOVING")
    await ask("Stop", LENS)
    hands.go(9.0)
    found = await ask("GetStatus", LENS)
    assert (found.one(".//tt:Position"), found.one(".//tt:MoveStatus")) == ("0.75", "IDLE")


async def test_a_source_without_imaging_is_refused(ask: Asker) -> None:
    fixed = "<timg:VideoSourceToken>lens_2</timg:VideoSourceToken>"
    assert await ask.refused("GetOptions", fixed) == ("ter:ActionNotSupported", "ter:NoImagingForSource")
    none = "<timg:VideoSourceToken>none</timg:VideoSourceToken>"
    assert await ask.refused("GetOptions", none) == ("ter:InvalidArgVal", "ter:NoSource")
