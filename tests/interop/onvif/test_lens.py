"""Picture settings and focus."""

from __future__ import annotations

import pytest

from interop.onvif.faults import OnvifFault
from interop.onvif.lens import Lens
from interop.onvif.received import Received, Value


def _received(**arguments: Value) -> Received:
    return Received("imaging", "Any", "lens", {name.replace("__", "."): value for name, value in arguments.items()})


def test_what_is_given_is_changed_and_the_rest_stays() -> None:
    lens = Lens(0.25)
    lens.change(_received(ImagingSettings__Brightness=80.0, ImagingSettings__Exposure__Mode="MANUAL", Other="x"))
    assert (lens.numbers["Brightness"], lens.numbers["Contrast"]) == (80.0, 50.0)
    assert (lens.words["Exposure.Mode"], lens.words["IrCutFilter"]) == ("MANUAL", "AUTO")


@pytest.mark.parametrize("wrong", [{"ImagingSettings__Contrast": 101.0}, {"ImagingSettings__IrCutFilter": "MAYBE"}])
def test_a_setting_out_of_range_changes_nothing(wrong: dict[str, Value]) -> None:
    lens = Lens(0.25)
    with pytest.raises(OnvifFault) as refused:
        lens.change(_received(ImagingSettings__Brightness=80.0, **wrong))
    assert refused.value.subcodes == ("ter:InvalidArgVal", "ter:SettingsInvalid")
    assert lens.numbers["Brightness"] == 50.0


def test_the_focus_moves_on_until_it_is_stopped_or_there() -> None:
    lens = Lens(0.25)
    lens.move(0.0, _received(Focus__Continuous__Speed=-1.0))
    assert (lens.focus.at(1.0), lens.focus.moving(1.0), lens.focus.at(99.0)) == (0.25, True, 0.0)
    lens.move(1.0, _received(Focus__Absolute__Position=0.75))
    assert lens.focus.at(3.0) == 0.75
    lens.move(3.0, _received(Focus__Relative__Distance=-0.25))
    assert (lens.focus.at(4.0), lens.focus.moving(4.0)) == (0.5, False)


def test_a_focus_movement_needs_one_of_the_three() -> None:
    with pytest.raises(OnvifFault):
        Lens(0.25).move(0.0, _received())
