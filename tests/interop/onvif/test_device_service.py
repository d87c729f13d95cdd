"""The device service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interop.onvif.clock import CameraClock
from interop.onvif.device_service import DeviceService, hardware_address, scopes_of
from interop.onvif.event_service import EventService
from interop.onvif.imaging_service import ImagingService
from interop.onvif.media2_service import Media2Service
from interop.onvif.media_service import MediaService
from interop.onvif.ptz_service import PtzService
from interop.onvif.pull_points import PullPoints
from interop.onvif.settings import CameraSettings
from interop.onvif.state import CameraState
from tests.interop.onvif.conftest import FIXED, SETTINGS, Asker, Hands

BASE = "http://127.0.0.1:8000/onvif/"


def _asker(state: CameraState) -> Asker:
    services = {
        "trt": MediaService(state), "tr2": Media2Service(state), "tptz": PtzService(state),
        "timg": ImagingService(state), "tev": EventService(state, PullPoints(3)),
    }  # fmt: skip
    capabilities = {prefix: service.operations["GetServiceCapabilities"] for prefix, service in services.items()}
    return Asker("tds", DeviceService(state, capabilities).operations)


@pytest.fixture
def ask(camera_state: CameraState) -> Asker:
    return _asker(camera_state)


def _poor() -> Asker:
    """A camera that can hardly anything."""
    settings = CameraSettings(sources=(FIXED,), events=False, media2=False)
    return _asker(CameraState(settings, CameraClock(lambda: 0.0, lambda: 0.0)))


async def test_the_clock_is_that_of_the_camera(ask: Asker, hands: Hands, camera_state: CameraState) -> None:
    hands.go(3661.0)
    found = await ask("GetSystemDateAndTime")
    date = [found.one(f".//tt:UTCDateTime//tt:{part}") for part in ("Year", "Month", "Day", "Hour", "Minute", "Second")]
    assert date == ["2025", "3", "1", "1", "1", "1"]
    assert found.one(".//tt:DateTimeType") == "NTP"
    assert found.one(".//tt:TZ") == "CST-8"


def _set(kind: str, month: int = 1, year: int = 2020) -> str:
    return (
        f"<tds:DateTimeType>{kind}</tds:DateTimeType><tds:DaylightSavings>false</tds:DaylightSavings><tds:UTCDateTime>"
        "<tt:Time><tt:Hour>1</tt:Hour><tt:Minute>2</tt:Minute><tt:Second>3</tt:Second></tt:Time>"
        f"<tt:Date><tt:Year>{year}</tt:Year><tt:Month>{month}</tt:Month><tt:Day>2</tt:Day></tt:Date></tds:UTCDateTime>"
    )


async def test_the_clock_can_be_set_by_hand_and_given_back_to_ntp(ask: Asker, hands: Hands) -> None:
    await ask("SetSystemDateAndTime", _set("Manual"))
    hands.go(1.0)
    found = await ask("GetSystemDateAndTime")
    assert (found.one(".//tt:Year"), found.one(".//tt:Second"), found.one(".//tt:DateTimeType")) == (
        "2020",
        "4",
        "Manual",
    )
    await ask("SetSystemDateAndTime", _set("NTP"))
    assert (await ask("GetSystemDateAndTime")).one(".//tt:Year") == "2025"


async def test_a_date_that_is_none_is_refused(ask: Asker) -> None:
    refused = ("ter:InvalidArgVal", "ter:InvalidDateTime")
    assert await ask.refused("SetSystemDateAndTime", _set("Manual", month=13)) == refused
    assert await ask.refused("SetSystemDateAndTime", _set("Manual", year=9999)) == refused
    without = _set("Manual").partition("<tds:UTCDateTime>")[0]
    assert await ask.refused("SetSystemDateAndTime", without) == refused


async def test_it_says_who_made_it(ask: Asker) -> None:
    found = await ask("GetDeviceInformation")
    names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
    assert [found.one(f"tds:{name}") for name in names] == ["gbsim", "virtual", "1.0", "SN-20250001", "virtual"]


async def test_services_are_listed_with_their_capabilities_where_asked_for(ask: Asker) -> None:
    bare = await ask("GetServices", "<tds:IncludeCapability>false</tds:IncludeCapability>")
    assert bare.all("tds:Service/tds:XAddr") == [
        BASE + name + "_service" for name in ("device", "media", "media2", "ptz", "imaging", "events")
    ]
    assert bare.all(".//tds:Capabilities") == []
    full = await ask("GetServices", "<tds:IncludeCapability>true</tds:IncludeCapability>")
    assert len(full.all("tds:Service/tds:Capabilities/*")) == 6
    assert full.one(".//tr2:Capabilities/@SnapshotUri") == "true"


async def test_a_poor_camera_lists_what_it_has() -> None:
    services = await _poor()("GetServices", "<tds:IncludeCapability>true</tds:IncludeCapability>")
    assert services.all("tds:Service/tds:XAddr") == [BASE + "device_service", BASE + "media_service"]
    found = await _poor()("GetCapabilities")
    assert [found.all(f".//tt:{name}") for name in ("PTZ", "Imaging", "Events")] == [[], [], []]


async def test_capabilities_by_category(ask: Asker) -> None:
    found = await ask("GetCapabilities", "<tds:Category>All</tds:Category>")
    names = ("Device", "Events", "Imaging", "Media", "PTZ")
    assert [found.one(f".//tt:{name}/tt:XAddr").rpartition("/")[2] for name in names] == [
        "device_service", "events_service", "imaging_service", "media_service", "ptz_service",
    ]  # fmt: skip
    two = await ask("GetCapabilities", "<tds:Category>PTZ</tds:Category><tds:Category>Media</tds:Category>")
    assert len(two.all("tds:Capabilities/*")) == 2
    refused = await ask.refused("GetCapabilities", "<tds:Category>Analytics</tds:Category>")
    assert refused == ("ter:ActionNotSupported", "ter:NoSuchService")


async def test_how_one_logs_in_is_told(camera_state: CameraState) -> None:
    said = {}
    for digest in (False, True):
        state = CameraState(replace(SETTINGS, http_digest=digest), camera_state.clock)
        found = await _asker(state)("GetServiceCapabilities")
        said[digest] = (found.one(".//tds:Security/@UsernameToken"), found.one(".//tds:Security/@HttpDigest"))
    assert said == {False: ("true", "false"), True: ("false", "true")}


async def test_scopes_name_the_camera(ask: Asker) -> None:
    found = await ask("GetScopes")
    assert "onvif://www.onvif.org/name/gbsim" in found.all(".//tt:ScopeItem")


def test_scopes_are_written_as_uris(camera_state: CameraState) -> None:
    settings = replace(SETTINGS, name="东门 1", location="city/hall", media2=False, sources=(FIXED,))
    assert scopes_of(CameraState(settings, camera_state.clock)) == [
        "onvif://www.onvif.org/type/video_encoder",
        "onvif://www.onvif.org/Profile/Streaming",
        "onvif://www.onvif.org/hardware/virtual",
        "onvif://www.onvif.org/name/%E4%B8%9C%E9%97%A8%201",
        "onvif://www.onvif.org/location/city%2Fhall",
    ]
    assert "onvif://www.onvif.org/type/ptz" in scopes_of(camera_state)


async def test_host_name_and_network_card(ask: Asker, camera_state: CameraState) -> None:
    assert (await ask("GetHostname")).one(".//tt:Name") == "gbsim"
    found = await ask("GetNetworkInterfaces")
    assert found.one(".//tt:IPv4//tt:Address") == "127.0.0.1"
    assert found.one(".//tt:HwAddress") == hardware_address(camera_state) == "02:00:20:25:00:01"
