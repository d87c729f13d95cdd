"""PTZ nodes and configurations as trees."""

from __future__ import annotations

from interop.onvif import ptz_nodes
from interop.onvif.state import CameraState
from tests.interop.onvif.conftest import SETTINGS, Found


def test_a_node_names_its_generic_spaces(camera_state: CameraState) -> None:
    found = Found(ptz_nodes.ptz_node("tptz:PTZNode", camera_state.source("lens_1")))
    assert found.one("@token") == "node_lens_1"
    assert len(found.all("tt:SupportedPTZSpaces/*")) == 8
    velocity = "tt:SupportedPTZSpaces/tt:ContinuousPanTiltVelocitySpace"
    assert found.one(f"{velocity}/tt:URI") == "http://www.onvif.org/ver10/tptz/PanTiltSpaces/VelocityGenericSpace"
    assert (found.one(f"{velocity}/tt:XRange/tt:Min"), found.one(f"{velocity}/tt:YRange/tt:Max")) == ("-1", "1")


def test_a_configuration_and_its_options_agree_on_timeouts(camera_state: CameraState) -> None:
    configuration = Found(ptz_nodes.configuration("tptz:PTZConfiguration", camera_state.source("lens_1"), SETTINGS))
    assert (configuration.one("@token"), configuration.one("tt:DefaultPTZTimeout")) == ("ptz_lens_1", "PT5S")
    options = Found(ptz_nodes.options("tptz:PTZConfigurationOptions"))
    assert (options.one("tt:PTZTimeout/tt:Min"), options.one("tt:PTZTimeout/tt:Max")) == ("PT0.1S", "PT60S")
