"""The Media2 service."""

from __future__ import annotations

import pytest

from interop.onvif.media2_service import Media2Service
from interop.onvif.state import CameraState
from tests.interop.onvif.conftest import Asker

NO_PROFILE = ("ter:InvalidArgVal", "ter:NoProfile")


def _of(token: str) -> str:
    return f"<tr2:ProfileToken>{token}</tr2:ProfileToken>"


@pytest.fixture
def ask(camera_state: CameraState) -> Asker:
    return Asker("tr2", Media2Service(camera_state).operations)


async def test_profiles_come_bare_or_with_the_types_asked_for(ask: Asker) -> None:
    bare = await ask("GetProfiles")
    assert bare.all("tr2:Profiles/@token") == ["main", "sub", "thermal"]
    assert bare.all("//tr2:Configurations") == []
    encoders = await ask("GetProfiles", "<tr2:Type>VideoEncoder</tr2:Type>")
    assert encoders.all("//tr2:VideoEncoder/tt:Encoding") == ["H265", "H264", "JPEG"]
    assert encoders.all("//tr2:VideoSource") == encoders.all("//tr2:PTZ") == []
    whole = await ask("GetProfiles", "<tr2:Token>main</tr2:Token><tr2:Type>All</tr2:Type>")
    assert whole.all("//tr2:PTZ/tt:NodeToken") == ["node_lens_1"]
    assert await ask.refused("GetProfiles", "<tr2:Token>none</tr2:Token>") == NO_PROFILE


async def test_where_the_h265_stream_is(ask: Asker) -> None:
    found = await ask("GetStreamUri", "<tr2:Protocol>RTSP</tr2:Protocol>" + _of("main"))
    assert found.one("tr2:Uri") == "rtsp://127.0.0.1:8554/main"
    refused = await ask.refused("GetStreamUri", "<tr2:Protocol>RtspsUnicast</tr2:Protocol>" + _of("main"))
    assert refused == ("ter:InvalidArgVal", "ter:InvalidStreamSetup")


async def test_where_a_picture_is_if_there_is_one(ask: Asker, camera_state: CameraState) -> None:
    assert (await ask("GetSnapshotUri", _of("main"))).one("tr2:Uri") == "http://127.0.0.1:8000/onvif/snapshot/main"
    camera_state.snapshot = None
    assert await ask.refused("GetSnapshotUri", _of("main")) == ("ter:ActionNotSupported",)
    assert (await ask("GetServiceCapabilities")).one("tr2:Capabilities/@SnapshotUri") == "false"


@pytest.mark.parametrize(
    ("operation", "every", "of_main", "known"),
    [
        ("GetVideoSourceConfigurations", ["config_lens_1", "config_lens_2"], ["config_lens_1"], "config_lens_2"),
        (
            "GetVideoEncoderConfigurations",
            ["encoder_main", "encoder_sub", "encoder_thermal"],
            ["encoder_main"],
            "encoder_sub",
        ),
    ],
)
async def test_configurations_of_all_of_a_profile_or_one(
    ask: Asker, operation: str, every: list[str], of_main: list[str], known: str
) -> None:
    assert (await ask(operation)).all("tr2:Configurations/@token") == every
    assert (await ask(operation, _of("main"))).all("tr2:Configurations/@token") == of_main
    one = f"<tr2:ConfigurationToken>{known}</tr2:ConfigurationToken>"
    assert (await ask(operation, one)).all("tr2:Configurations/@token") == [known]
    none = "<tr2:ConfigurationToken>none</tr2:ConfigurationToken>"
    assert await ask.refused(operation, none) == ("ter:InvalidArgVal", "ter:NoConfig")


async def test_a_key_frame_is_asked_for(ask: Asker) -> None:
    await ask("SetSynchronizationPoint", _of("main"))
    assert await ask.refused("SetSynchronizationPoint", _of("none")) == NO_PROFILE
