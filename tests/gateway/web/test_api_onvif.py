"""Finding and looking at ONVIF cameras over the API."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config_zones import ZoneConfig
from gateway.web.api_onvif import MAX_AT_ONCE
from gateway.zones import Zones
from interop.onvif.camera import OnvifCamera
from interop.onvif.discovery import DiscoverySettings
from interop.onvif.settings import CameraSettings
from tests.gateway.onvif.stand import PASSWORD, PICTURE, USER, camera, url_of
from tests.stand.node import running_node
from tests.stand.street import Street, settings


async def test_cameras_are_found_and_those_that_are_entered_are_marked(tmp_path: Path) -> None:
    here = DiscoverySettings(port=0, group="")
    async with OnvifCamera(CameraSettings(name="gate", serial="7"), discovery=here) as one:
        made = settings(tmp_path, onvif={"discovery_targets": (f"127.0.0.1:{one.discovery_port}",)})
        async with running_node(made) as node:
            street = Street(node, None, None)  # type: ignore[arg-type]  # nobody around it
            async with street.api() as api:
                body = {"seconds": 1}
                status, found = await api.call("POST", "/api/v1/onvif/discoveries", body)
                assert status == 200 and [(item["name"], item["device_id"]) for item in found] == [("gate", None)]
                device = {"id": "34020000001110000007", "kind": "onvif", "url": found[0]["url"]}
                assert (await api.call("POST", "/api/v1/devices", device))[0] == 201
                _, [again] = await api.call("POST", "/api/v1/onvif/discoveries", body)
                assert again["device_id"] == device["id"]
                status, refused = await api.call("POST", "/api/v1/onvif/discoveries", {"zone": "nowhere"})
                assert status == 400 and "nowhere" in refused["message"]
                calls = [api.call("POST", "/api/v1/onvif/discoveries", body) for _ in range(MAX_AT_ONCE + 4)]
                assert 503 in {status for status, _ in await asyncio.gather(*calls)}
            async with street.api("anna", "operator") as api:
                assert (await api.call("POST", "/api/v1/onvif/discoveries", body))[0] == 403


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return tmp_path


async def test_a_camera_says_what_it_is_before_it_is_entered(plain: Path) -> None:
    async with camera(snapshot=PICTURE) as one, running_node(settings(plain)) as node:
        async with Street(node, None, None).api() as api:  # type: ignore[arg-type]
            body = {"url": f"127.0.0.1:{one.port}", "username": USER, "password": PASSWORD}
            status, shown = await api.call("POST", "/api/v1/onvif/probes", body)
            assert status == 200 and shown["manufacturer"] == "Acme" and abs(shown["clock_offset_s"]) < 60
            assert (shown["snapshot"], shown["events"]) == (True, True)
            dome, fixed = shown["sources"]
            assert (dome["token"], dome["ptz"], dome["chosen"]) == ("dome", True, "main") and not fixed["ptz"]
            main = next(profile for profile in dome["profiles"] if profile["token"] == "main")
            assert (main["codec"], main["width"], main["height"]) == ("H265", 3840, 2160)
            for wrong, step in (({"password": "no"}, "onvif_refused"), ({"url": "127.0.0.1:1"}, "onvif_unreachable")):
                status, refused = await api.call("POST", "/api/v1/onvif/probes", body | wrong)
                assert status in (502, 504) and refused["step"] == step and PASSWORD not in str(refused)
            for bad in ("ftp://x/", "http://u:p@127.0.0.1/"):
                assert (await api.call("POST", "/api/v1/onvif/probes", {"url": bad}))[0] == 400
        async with Street(node, None, None).api("anna", "operator") as api:  # type: ignore[arg-type]
            assert (await api.call("POST", "/api/v1/onvif/probes", {"url": url_of(one)}))[0] == 403


async def test_a_zone_whose_address_is_not_of_this_machine_is_said_so(tmp_path: Path) -> None:
    gone = ZoneConfig(networks=("192.0.2.0/24",), sip_host="192.0.2.77")
    async with running_node(settings(tmp_path)) as node:
        monkeyed = Zones(Config(zones={"gone": gone}))
        node.onvif.discovery._zones = monkeyed
        node.zones.zones = monkeyed
        async with Street(node, None, None).api() as api:  # type: ignore[arg-type]
            status, refused = await api.call("POST", "/api/v1/onvif/discoveries", {"zone": "gone", "seconds": 1})
            assert status == 400 and "assign" in refused["message"] and refused["message_zh"]
