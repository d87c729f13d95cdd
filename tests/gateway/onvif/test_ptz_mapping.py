"""What the commands of A.3 become for an ONVIF camera."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.errors import Failure, Reason
from gateway.onvif.ptz_mapping import (
    Focus,
    Move,
    PtzSpaces,
    SpeedRange,
    Stop,
    UsePreset,
    focus_of,
    spaces_of,
    translated,
)
from gateway.onvif.wsdl import load
from sip.manscdp import ptz
from tests.gateway.onvif.soap import answer

USUAL = PtzSpaces()


def velocity(command: str, spaces: PtzSpaces = USUAL) -> dict[str, Any]:
    """What 16 hex digits, written by hand, become."""
    made = translated(ptz.decode(command), spaces)
    assert isinstance(made, Move)
    return dict(made.velocity)


@pytest.mark.parametrize(
    ("command", "pan", "tilt", "zoom"),
    [
        ("A50F0102FF0000B6", -1.0, 0.0, 0.0),  # left at 255
        ("A50F01011F0000D5", 0.1216, 0.0, 0.0),  # right at 31
        ("A50F0108003300F0", 0.0, 0.2, 0.0),  # up at 51
        ("A50F010400800039", 0.0, -0.502, 0.0),  # down at 128
        ("A50F01100000F0B5", 0.0, 0.0, 1.0),  # zoom in at 15
        ("A50F012000003005", 0.0, 0.0, -0.2),  # zoom out at 3
        ("A50F010A66CC00F1", -0.4, 0.8, 0.0),  # up and left
    ],
)
def test_speeds_become_shares_of_the_usual_space(command: str, pan: float, tilt: float, zoom: float) -> None:
    assert velocity(command) == {"PanTilt": {"x": pan, "y": tilt}, "Zoom": {"x": zoom}}


def test_a_direction_with_speed_0_moves_at_the_lowest_speed() -> None:
    assert velocity("A50F0101000000B6") == {"PanTilt": {"x": 0.0039, "y": 0.0}, "Zoom": {"x": 0.0}}


def test_the_spaces_of_the_camera_count() -> None:
    spaces = PtzSpaces(SpeedRange(-2, 4, "http://space"), SpeedRange(-1, 1), None)
    assert velocity("A50F0102FF0000B6", spaces) == {"PanTilt": {"x": -2.0, "y": 0.0, "space": "http://space"}}
    assert velocity("A50F0101FF0000B5", spaces)["PanTilt"]["x"] == 4.0
    lens = PtzSpaces(None, None, SpeedRange(space="http://zoom"))
    assert velocity("A50F01100000F0B5", lens) == {"Zoom": {"x": 1.0, "space": "http://zoom"}}
    with pytest.raises(Failure, match="cannot zoom") as refused:
        translated(ptz.decode("A50F01100000F0B5"), spaces)
    assert refused.value.reason is Reason.ONVIF_UNSUPPORTED and "变倍" in refused.value.message_zh


def test_rest_is_a_stop_presets_are_presets_and_focus_is_imaging() -> None:
    assert translated(ptz.STOP, USUAL) == Stop()
    assert translated(ptz.Preset("call", 7), USUAL) == UsePreset("call", 7)
    assert translated(ptz.Lens(focus=1, focus_speed=255), USUAL) == Focus(-1.0)
    assert translated(ptz.Lens(focus=-1, focus_speed=51), USUAL, SpeedRange(-4, 4)) == Focus(0.8)
    assert translated(ptz.Lens(), USUAL) == Stop(lens_only=True)


@pytest.mark.parametrize(
    "command",
    [ptz.Lens(iris=1, iris_speed=9), ptz.Cruise("start", 1), ptz.Scan("start", 1), ptz.Auxiliary(1, True)],
)
def test_what_onvif_has_nothing_for_is_refused_in_words(command: ptz.PtzCommand) -> None:
    with pytest.raises(Failure) as refused:
        translated(command, USUAL)
    assert refused.value.reason is Reason.ONVIF_UNSUPPORTED and refused.value.detail and refused.value.detail_zh


OPTIONS = answer(
    "<tptz:GetConfigurationOptionsResponse><tptz:PTZConfigurationOptions><tt:Spaces>"
    "<tt:ContinuousPanTiltVelocitySpace><tt:URI>http://www.onvif.org/ver10/tptz/PanTiltSpaces/VelocityGenericSpace</tt:URI>"
    "<tt:XRange><tt:Min>-0.5</tt:Min><tt:Max>0.5</tt:Max></tt:XRange>"
    "<tt:YRange><tt:Min>-1</tt:Min><tt:Max>1</tt:Max></tt:YRange></tt:ContinuousPanTiltVelocitySpace></tt:Spaces>"
    "<tt:PTZTimeout><tt:Min>PT1S</tt:Min><tt:Max>PT10S</tt:Max></tt:PTZTimeout>"
    "</tptz:PTZConfigurationOptions></tptz:GetConfigurationOptionsResponse>"
)


async def test_limits_are_read_from_an_answer_written_by_hand() -> None:
    spaces = spaces_of((await load()).answer("ptz", "GetConfigurationOptions", OPTIONS))
    uri = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/VelocityGenericSpace"
    assert spaces == PtzSpaces(SpeedRange(-0.5, 0.5, uri), SpeedRange(-1, 1, uri), None, (1.0, 10.0))
    assert (spaces.lasting(15), spaces.lasting(0.5), spaces.lasting(5)) == (10.0, 1.0, 5)


def test_limits_that_make_no_sense_are_taken_to_be_the_usual_ones() -> None:
    assert spaces_of(None) == spaces_of({"Spaces": 3}) == PtzSpaces()
    odd = {"Spaces": {"ContinuousPanTiltVelocitySpace": {"XRange": {"Min": 1, "Max": -1}, "YRange": {"Min": "x"}}}}
    assert spaces_of(odd).pan == spaces_of(odd).tilt == SpeedRange()
    assert spaces_of(odd | {"PTZTimeout": {"Max": timedelta(seconds=3)}}).lasting(15) == 3.0


def test_the_focus_of_a_camera_moves_as_its_options_say() -> None:
    assert focus_of(None) is None and focus_of({"Absolute": {}}) is None
    assert focus_of({"Continuous": {"Speed": {"Min": -7, "Max": 7}}}) == SpeedRange(-7, 7)
    assert focus_of({"Continuous": {"Speed": None}}) == SpeedRange()
