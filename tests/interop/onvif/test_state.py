"""What a camera is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interop.onvif.clock import CameraClock
from interop.onvif.faults import OnvifFault
from interop.onvif.state import CameraState
from tests.interop.onvif.conftest import DOME, FIXED, GATE, SETTINGS


def _state(media2: bool = True) -> CameraState:
    return CameraState(replace(SETTINGS, media2=media2), CameraClock(lambda: 0.0, lambda: 0.0))


def test_media_does_not_list_h265_and_media2_does() -> None:
    listed = {media2: [profile.token for _, profile in _state().profiles(media2)] for media2 in (False, True)}
    assert listed == {False: ["sub", "thermal"], True: ["main", "sub", "thermal"]}


def test_a_profile_is_found_with_its_source() -> None:
    state, profile = _state().profile("main")
    assert (state.token, profile.encoding) == ("lens_1", "H265")


@pytest.mark.parametrize(("camera", "media2"), [(_state(), False), (_state(media2=False), True)])
def test_an_h265_profile_is_not_there_without_media2(camera: CameraState, media2: bool) -> None:
    with pytest.raises(OnvifFault) as refused:
        camera.profile("main", media2)
    assert refused.value.subcodes == ("ter:InvalidArgVal", "ter:NoProfile")


def test_sources_have_their_own_heads_and_presets() -> None:
    camera = _state()
    dome, fixed = camera.source("lens_1"), camera.source("lens_2")
    assert (dome.source, fixed.source) == (DOME, FIXED)
    assert dome.head is not fixed.head
    assert (dome.presets["1"].name, dome.presets["1"].pan) == (GATE.name, GATE.pan)
    assert fixed.presets == {}
    with pytest.raises(OnvifFault) as refused:
        camera.source("lens_9")
    assert refused.value.subcodes == ("ter:InvalidArgVal", "ter:NoSource")


def test_a_new_preset_gets_a_token_nobody_has() -> None:
    dome = _state().source("lens_1")
    dome.presets["preset_1"] = dome.presets["1"]
    assert dome.free_preset_token() == "preset_2"
