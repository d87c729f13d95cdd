"""The simulated camera asked by an independent client, the library onvif-zeep-async, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from onvif import ONVIFCamera
from zeep.exceptions import Fault

from interop.onvif import CameraSettings, OnvifCamera
from tests.interop.onvif.conftest import PICTURE, SETTINGS

STREAM = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
SUB, LENS = {"ProfileToken": "sub"}, {"VideoSourceToken": "lens_1"}


@contextlib.asynccontextmanager
async def _met(
    settings: CameraSettings = SETTINGS, password: str = "pw-0815", **options: Any
) -> AsyncIterator[tuple[OnvifCamera, Any]]:
    async with OnvifCamera(settings) as camera:
        client = ONVIFCamera("127.0.0.1", camera.port, "admin", password, no_cache=True, **options)
        try:
            await client.update_xaddrs()
            yield camera, client
        finally:
            await client.close()


async def test_it_finds_the_services_and_who_the_camera_is() -> None:
    async with _met() as (camera, client):
        assert client.xaddrs["http://www.onvif.org/ver20/media/wsdl"] == camera.address + "/onvif/media2_service"
        assert (await client.get_capabilities())["PTZ"]["XAddr"] == camera.address + "/onvif/ptz_service"
        device = await client.create_devicemgmt_service()
        assert (await device.GetDeviceInformation()).SerialNumber == "SN-20250001"
        services = await device.GetServices({"IncludeCapability": True})
        assert {one.Version.Major for one in services} == {2}
        assert len(await device.GetScopes()) == 6
        assert (await device.GetHostname()).Name == "gbsim"
        assert (await device.GetNetworkInterfaces())[0].IPv4.Config.Manual[0].Address == "127.0.0.1"
        assert (await device.GetServiceCapabilities()).Security.UsernameToken is True


async def test_it_sets_the_clock() -> None:
    async with _met() as (camera, client):
        device = await client.create_devicemgmt_service()
        when = {"Date": {"Year": 2020, "Month": 2, "Day": 3}, "Time": {"Hour": 4, "Minute": 5, "Second": 6}}
        manual = {"DateTimeType": "Manual", "DaylightSavings": False, "UTCDateTime": when}
        await device.SetSystemDateAndTime(manual)
        assert (await device.GetSystemDateAndTime()).UTCDateTime.Date.Year == 2020
        assert camera.state.clock.utc() == pytest.approx(datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC).timestamp(), abs=60)


async def test_a_wrong_password_is_a_fault() -> None:
    async with OnvifCamera(SETTINGS) as camera:
        client = ONVIFCamera("127.0.0.1", camera.port, "admin", "wrong", no_cache=True)
        device = await client.create_devicemgmt_service()
        with pytest.raises(Fault) as refused:
            await device.GetDeviceInformation()
        assert [code.localname for code in refused.value.subcodes] == ["NotAuthorized"]
        await client.close()


async def test_a_clock_two_years_off_is_adjusted_to() -> None:
    settings = replace(SETTINGS, clock_offset_s=-730 * 86400.0, strict_clock=True)
    async with _met(settings, adjust_time=True) as (_, client):
        device = await client.create_devicemgmt_service()
        assert (await device.GetDeviceInformation()).Manufacturer == "gbsim"
        assert abs(client.dt_diff.total_seconds() + 730 * 86400) < 60
    async with OnvifCamera(settings) as camera:
        stubborn = ONVIFCamera("127.0.0.1", camera.port, "admin", "pw-0815", no_cache=True)
        device = await stubborn.create_devicemgmt_service()
        with pytest.raises(Fault):
            await device.GetDeviceInformation()
        await stubborn.close()


async def test_it_reads_profiles_streams_and_a_picture() -> None:
    async with _met() as (_, client):
        media = await client.create_media_service()
        profiles = await media.GetProfiles()
        assert [one.token for one in profiles] == ["sub", "thermal"]
        encoder = profiles[0].VideoEncoderConfiguration
        assert (encoder.Encoding, encoder.Resolution.Width, encoder.H264.GovLength) == ("H264", 640, 25)
        assert profiles[0].PTZConfiguration.NodeToken == "node_lens_1"
        assert (await media.GetStreamUri({"StreamSetup": STREAM, **SUB})).Uri == "rtsp://127.0.0.1:8554/sub"
        assert [one.token for one in await media.GetVideoSources()] == ["lens_1", "lens_2"]
        assert len(await media.GetVideoSourceConfigurations()) == len(await media.GetVideoEncoderConfigurations()) == 2
        assert (await media.GetServiceCapabilities()).SnapshotUri is True
        await media.SetSynchronizationPoint(SUB)
        assert await client.get_snapshot("sub") == PICTURE
        with pytest.raises(Fault) as refused:
            await media.GetProfile({"ProfileToken": "none"})
        assert [code.localname for code in refused.value.subcodes] == ["InvalidArgVal", "NoProfile"]


async def test_it_moves_the_head() -> None:
    async with _met() as (camera, client):
        ptz = await client.create_ptz_service()
        (found,) = await ptz.GetNodes()
        assert (await ptz.GetNode({"NodeToken": found.token})).HomeSupported is True
        (configuration,) = await ptz.GetConfigurations()
        options = await ptz.GetConfigurationOptions({"ConfigurationToken": configuration.token})
        assert options.PTZTimeout.Max == timedelta(seconds=60)
        velocity = {"PanTilt": {"x": 0.5, "y": -0.5}, "Zoom": {"x": 0.25}}
        await ptz.ContinuousMove({**SUB, "Velocity": velocity, "Timeout": timedelta(seconds=3)})
        moved = await camera.wait_for("ContinuousMove")
        assert (moved.pan, moved.tilt, moved.zoom, moved.timeout_s) == (0.5, -0.5, 0.25, 3.0)
        assert (await ptz.GetStatus(SUB)).MoveStatus.PanTilt == "MOVING"
        await ptz.Stop({**SUB, "PanTilt": True, "Zoom": True})
        assert (await ptz.GetStatus(SUB)).MoveStatus.PanTilt == "IDLE"
        await ptz.RelativeMove({**SUB, "Translation": {"PanTilt": {"x": 0.1, "y": 0.1}}})
        await ptz.AbsoluteMove({**SUB, "Position": {"PanTilt": {"x": 0.1, "y": 0.1}, "Zoom": {"x": 0.5}}})
        await ptz.GotoHomePosition(SUB)


async def test_it_keeps_presets() -> None:
    async with _met() as (camera, client):
        ptz = await client.create_ptz_service()
        token = await ptz.SetPreset({**SUB, "PresetName": "东门"})
        assert [(one.token, one.Name) for one in await ptz.GetPresets(SUB)] == [("1", "大门"), (token, "东门")]
        await ptz.GotoPreset({**SUB, "PresetToken": "1", "Speed": {"PanTilt": {"x": 0.5, "y": 0.5}}})
        assert (await camera.wait_for("GotoPreset")).text("PresetToken") == "1"
        await ptz.RemovePreset({**SUB, "PresetToken": token})
        with pytest.raises(Fault) as refused:
            await ptz.GotoPreset({**SUB, "PresetToken": token})
        assert [code.localname for code in refused.value.subcodes] == ["InvalidArgVal", "NoToken"]


async def test_it_sets_picture_and_focus() -> None:
    async with _met() as (_, client):
        imaging = await client.create_imaging_service()
        await imaging.SetImagingSettings({**LENS, "ImagingSettings": {"Brightness": 70.0, "IrCutFilter": "OFF"}})
        found = await imaging.GetImagingSettings(LENS)
        assert (found.Brightness, found.IrCutFilter, found.Focus.AutoFocusMode) == (70.0, "OFF", "AUTO")
        assert (await imaging.GetOptions(LENS)).Exposure.Iris.Min == -22.0
        assert (await imaging.GetMoveOptions(LENS)).Continuous.Speed.Max == 1.0
        await imaging.Move({**LENS, "Focus": {"Continuous": {"Speed": 0.5}}})
        assert (await imaging.GetStatus(LENS)).FocusStatus20.MoveStatus == "MOVING"
        await imaging.Stop(LENS)


async def test_it_pulls_motion_renews_and_leaves() -> None:
    async with _met(replace(SETTINGS, clock_offset_s=-730 * 86400.0, strict_clock=True), adjust_time=True) as met:
        camera, client = met
        events = await client.create_events_service()
        properties = await events.GetEventProperties()
        assert properties.FixedTopicSet is True
        manager = await client.create_pullpoint_manager(timedelta(seconds=90), lambda: None)
        service = manager.get_service()
        pulling = asyncio.ensure_future(service.PullMessages({"Timeout": timedelta(seconds=20), "MessageLimit": 9}))
        await camera.wait_for("PullMessages")
        camera.motion(True)
        messages = (await pulling).NotificationMessage
        first = messages[0].Message._value_1
        assert messages[0].Topic._value_1 == "tns1:RuleEngine/CellMotionDetector/Motion"
        assert (first.Data.SimpleItem[0].Name, first.Data.SimpleItem[0].Value) == ("IsMotion", "true")
        await manager.set_synchronization_point()
        pulled = await service.PullMessages({"Timeout": timedelta(seconds=20), "MessageLimit": 9})
        assert {one.Message._value_1.PropertyOperation for one in pulled.NotificationMessage} == {"Initialized"}
        subscription = await client.create_subscription_service("PullPointSubscription")
        renewed = await subscription.Renew("PT120S")
        assert abs((renewed.TerminationTime - renewed.CurrentTime).total_seconds() - 120) < 5
        assert camera.subscriptions == 1
        await manager.shutdown()
        assert camera.subscriptions == 0
        with pytest.raises(Fault):
            await service.PullMessages({"Timeout": timedelta(0), "MessageLimit": 1})


async def test_misbehaviour_reaches_the_client() -> None:
    async with _met() as (camera, client):
        media = await client.create_media_service()
        camera.misbehave("GetProfiles", "fault:OperationProhibited")
        with pytest.raises(Fault) as refused:
            await media.GetProfiles()
        assert [code.localname for code in refused.value.subcodes] == ["OperationProhibited"]
        camera.misbehave("GetProfiles", "garbage")
        with pytest.raises(Exception, match="Invalid XML"):
            await media.GetProfiles()
