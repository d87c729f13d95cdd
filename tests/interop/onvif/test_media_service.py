"""The media service, first generation."""

from __future__ import annotations

import pytest

from interop.onvif.media_service import MediaService
from interop.onvif.state import CameraState
from tests.interop.onvif.conftest import Asker

SETUP = (
    "<trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport>"
    "</trt:StreamSetup>"
)
NO_PROFILE = ("ter:InvalidArgVal", "ter:NoProfile")


def _of(token: str) -> str:
    return f"<trt:ProfileToken>{token}</trt:ProfileToken>"


@pytest.fixture
def ask(camera_state: CameraState) -> Asker:
    return Asker("trt", MediaService(camera_state).operations)


async def test_profiles_come_whole_and_without_h265(ask: Asker) -> None:
    found = await ask("GetProfiles")
    assert found.all("trt:Profiles/@token") == ["sub", "thermal"]
    assert found.all("trt:Profiles/tt:Name") == ["sub", "thermal"]
    assert found.all("//tt:VideoEncoderConfiguration/tt:Encoding") == ["H264", "JPEG"]
    assert found.all("//tt:VideoSourceConfiguration/tt:SourceToken") == ["lens_1", "lens_2"]
    assert found.all("//tt:PTZConfiguration/tt:NodeToken") == ["node_lens_1"]


async def test_one_profile(ask: Asker) -> None:
    assert (await ask("GetProfile", _of("thermal"))).one("trt:Profile/@token") == "thermal"
    assert await ask.refused("GetProfile", _of("main")) == NO_PROFILE


async def test_sources_and_configurations(ask: Asker) -> None:
    assert (await ask("GetVideoSources")).all("trt:VideoSources/@token") == ["lens_1", "lens_2"]
    found = await ask("GetVideoSourceConfigurations")
    assert found.all("trt:Configurations/@token") == ["config_lens_1", "config_lens_2"]
    found = await ask("GetVideoEncoderConfigurations")
    assert found.all("trt:Configurations/tt:Resolution/tt:Width") == ["640", "384"]


async def test_where_the_stream_is(ask: Asker) -> None:
    found = await ask("GetStreamUri", SETUP + _of("sub"))
    assert found.one("trt:MediaUri/tt:Uri") == "rtsp://127.0.0.1:8554/sub"
    assert await ask.refused("GetStreamUri", SETUP + _of("main")) == NO_PROFILE


async def test_where_a_picture_is_if_there_is_one(ask: Asker, camera_state: CameraState) -> None:
    found = await ask("GetSnapshotUri", _of("sub"))
    assert found.one("trt:MediaUri/tt:Uri") == "http://127.0.0.1:8000/onvif/snapshot/sub"
    assert (await ask("GetServiceCapabilities")).one("trt:Capabilities/@SnapshotUri") == "true"
    camera_state.snapshot = None
    assert await ask.refused("GetSnapshotUri", _of("sub")) == ("ter:ActionNotSupported",)
    assert (await ask("GetServiceCapabilities")).one("trt:Capabilities/@SnapshotUri") == "false"


async def test_a_key_frame_is_asked_for(ask: Asker) -> None:
    await ask("SetSynchronizationPoint", _of("sub"))
    assert await ask.refused("SetSynchronizationPoint", _of("none")) == NO_PROFILE
