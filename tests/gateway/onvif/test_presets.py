"""Preset numbers and the tokens of the camera."""

from __future__ import annotations

import pytest

from gateway.onvif.presets import name_of, token_of
from gateway.onvif.wsdl import load
from tests.gateway.onvif.soap import answer

PRESETS = answer(
    "<tptz:GetPresetsResponse>"
    '<tptz:Preset token="1"><tt:Name>Door</tt:Name></tptz:Preset>'
    '<tptz:Preset token="Preset_07"><tt:Name>GB-7x</tt:Name></tptz:Preset>'
    '<tptz:Preset token="tok-3"><tt:Name>GB-9</tt:Name></tptz:Preset>'
    '<tptz:Preset token="GB-12"/></tptz:GetPresetsResponse>'
)


@pytest.mark.parametrize(
    ("number", "token"), [(1, "1"), (7, "Preset_07"), (9, "tok-3"), (12, "GB-12"), (3, None), (2, None), (70, None)]
)
async def test_a_number_is_found_by_our_name_or_by_the_token(number: int, token: str | None) -> None:
    found = (await load()).answer("ptz", "GetPresets", PRESETS)
    assert token_of(number, found) == token


def test_our_own_name_wins_over_a_token_with_that_number() -> None:
    presets = [{"token": "5", "Name": "old"}, {"token": "x", "Name": name_of(5)}]
    assert token_of(5, presets) == "x"


def test_no_presets_and_nonsense_hold_no_number() -> None:
    assert token_of(1, None) is token_of(1, ["x", {"Name": "GB-1"}, {"token": ""}]) is None


def test_a_token_the_camera_gave_a_preset_of_ours_is_no_number() -> None:
    presets = [{"token": "5", "Name": name_of(3)}, {"token": "6", "Name": "made in the camera"}]
    assert token_of(3, presets) == "5" and token_of(5, presets) is None and token_of(6, presets) == "6"
