"""ONVIF cameras at the bottom of gateways in a row: for whoever watches and moves them they are like any other.

The cameras are simulated; their streams are GStreamer's RTSP server's. The upper platform is the hand-written one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from interop.demo.node import ApiFailure, NodeProcess
from interop.onvif.camera import OnvifCamera
from interop.onvif.settings import CameraSettings, Profile, VideoSource
from interop.wire.sipwire import WireRefused, element
from sip.manscdp import ptz
from tests.e2e.chain import Chain, running_chain, until
from tests.e2e.test_rtsp import decoded, no_password_is_written, nothing_runs
from tests.stand.rtsp_camera import RtspCamera

pytestmark = [pytest.mark.e2e, pytest.mark.rtsp, pytest.mark.timeout(240)]

SETTINGS = {"rtsp": {"probe_seconds": 1.0}, "media": {"linger_seconds": 1.0, "silent_seconds": 5.0}}
USER, PASSWORD, MISTAKEN = "viewer", "s3cret/Pass@word", "an0ther-one"
TWO_YEARS_S = 2 * 365 * 86400.0
DEVICE, FIRST, SECOND = "34020100001110000007", "34020100001320000007", "34020100001320000008"


@contextlib.asynccontextmanager
async def camera_with(**settings: Any) -> AsyncIterator[OnvifCamera]:
    """A camera with two lenses: H.265 that moves, H.264 that does not."""
    login = {"user": USER, "password": PASSWORD, "auth": "digest"}
    async with RtspCamera(codec="H265", **login) as dome, RtspCamera(codec="H264", **login) as fixed:
        sources = (
            VideoSource(
                "dome",
                (Profile("sub", width=320, height=180), Profile("main", encoding="H265", rtsp_uri=dome.url)),
                ptz=True,
                imaging=True,
            ),
            VideoSource("fixed", (Profile("other", rtsp_uri=fixed.url),)),
        )
        made = CameraSettings(
            username=USER, password=PASSWORD, manufacturer="Acme", model="D-7", sources=sources, **settings
        )
        async with OnvifCamera(made) as camera:
            yield camera


async def enrol(node: NodeProcess, camera: OnvifCamera, **fields: Any) -> dict[str, Any]:
    body = {"id": DEVICE, "name": "gate", "kind": "onvif", "url": camera.address, "channel_id": FIRST}
    return await node.call("POST", "/api/v1/devices", body | {"username": USER, "password": PASSWORD} | fields)


async def known(node: NodeProcess, state: str, timeout_s: float = 30) -> dict[str, Any]:
    """Wait until the camera is online or offline; what is known of it."""

    async def so() -> bool:
        return (await node.call("GET", f"/api/v1/devices/{DEVICE}"))["source"]["state"] == state

    await until(so, timeout_s)
    return (await node.call("GET", f"/api/v1/devices/{DEVICE}"))["source"]


async def test_an_onvif_camera_two_years_off_is_seen_and_moved_from_the_top_of_three_levels(tmp_path: Path) -> None:
    clock = {"clock_offset_s": -TWO_YEARS_S, "strict_clock": True}
    async with camera_with(**clock) as camera, running_chain(3, tmp_path, settings=SETTINGS, sip_traces=True) as chain:
        shown = await enrol(chain.bottom, camera)
        assert PASSWORD not in str(shown)
        found = await known(chain.bottom, "online")
        assert (found["manufacturer"], found["model"], found["video_codec"]) == ("Acme", "D-7", "H265")
        assert abs(found["clock_offset_s"] + TWO_YEARS_S) < 60 and "clock" in found["warning"] and found["warning_zh"]
        await chain.shown_above(FIRST, SECOND)
        for code, codec in ((FIRST, "hevc"), (SECOND, "h264")):
            call = await chain.upper.play(code)
            await call.first_key(20)
            await call.frames(25, 30)
            name, pictures = decoded(call.ps)
            assert name == codec and pictures >= 23 and not call.faults
            await call.bye()
        await it_is_listed_with_its_maker(chain)
        await it_is_moved_from_the_top(chain, camera)
        await what_it_sees_is_an_alarm_at_the_top(chain, camera)
        await until(lambda: nothing_runs(chain.bottom), 20)
        await asyncio.to_thread(no_password_is_written, tmp_path)


async def it_is_listed_with_its_maker(chain: Chain) -> None:
    catalogue = await chain.upper.catalog(chain.top.id)
    items = {item["DeviceID"]: item for item in catalogue.items}
    assert items[FIRST]["Manufacturer"] == "Acme" and items[FIRST]["Model"] == "D-7"
    assert items[FIRST]["Name"] == "gate config_dome" and items[FIRST]["Parental"] == "0"
    assert items[SECOND]["Status"] == "ON"


async def it_is_moved_from_the_top(chain: Chain, camera: OnvifCamera) -> None:
    await chain.upper.ptz(FIRST, ptz.encode(ptz.Motion(pan=-1, tilt=1, pan_speed=255, tilt_speed=51)))
    move = await camera.wait_for("ContinuousMove")
    assert (move.pan, move.tilt) == (-1.0, 0.2) and 0 < float(str(move.arguments["Timeout"])) <= 60
    await chain.upper.ptz(FIRST, ptz.encode(ptz.STOP))
    await camera.wait_for("Stop")
    await chain.upper.ptz(FIRST, ptz.encode(ptz.Preset("set", 3)))
    await camera.wait_for("SetPreset")
    await chain.upper.ptz(FIRST, ptz.encode(ptz.Preset("call", 3)))
    await camera.wait_for("GotoPreset")


async def what_it_sees_is_an_alarm_at_the_top(chain: Chain, camera: OnvifCamera) -> None:
    """Only where the sharing rule allows it, once, and on every level."""
    for node in chain.nodes:
        await node.call("PATCH", "/api/v1/rules/everything", {"actions": ["live", "ptz", "query", "alarm"]})
    async with asyncio.timeout(20):
        while not camera.subscriptions:
            await asyncio.sleep(0.1)
    camera.motion(True, "fixed")
    camera.motion(False, "fixed")

    def alarms() -> list[str]:
        return [told.text for told in chain.upper.responses if element(told.text, "CmdType") == "Alarm"]

    async def told() -> bool:
        return bool(alarms())

    await until(told, 20)
    [alarm] = alarms()
    assert "<Notify>" in alarm and element(alarm, "AlarmTime")
    assert [element(alarm, name) for name in ("DeviceID", "AlarmMethod", "AlarmType")] == [SECOND, "5", "2"]
    for node in chain.nodes:
        [known] = (await node.call("GET", "/api/v1/alarms"))["items"]
        assert (known["code"], known["method"], known["type"]) == (SECOND, "5", "2")


async def test_a_wrong_password_is_said_in_words_and_put_right_the_camera_comes_back(tmp_path: Path) -> None:
    async with camera_with() as camera, running_chain(2, tmp_path, settings=SETTINGS) as chain:
        await enrol(chain.bottom, camera, password=MISTAKEN)
        found = await known(chain.bottom, "offline")
        assert found["step"] == "onvif_refused" and found["message"] and found["message_zh"] and found["hint"]
        await chain.shown_above(FIRST)
        with pytest.raises(ApiFailure) as refused:
            await chain.bottom.call("POST", "/api/v1/views", {"peer_id": DEVICE, "code": FIRST})
        assert refused.value.body["step"] == "onvif_refused"
        with pytest.raises(WireRefused) as answered:
            await chain.upper.play(FIRST)
        assert answered.value.status == 480
        with pytest.raises(ApiFailure) as probed:
            body = {"url": camera.address, "username": USER, "password": MISTAKEN}
            await chain.bottom.call("POST", "/api/v1/onvif/probes", body)
        assert probed.value.body["step"] == "onvif_refused" and MISTAKEN not in str(probed.value.body)
        await chain.bottom.call("PATCH", f"/api/v1/devices/{DEVICE}", {"password": PASSWORD})
        await known(chain.bottom, "online")
        probe = await chain.bottom.call(
            "POST", "/api/v1/onvif/probes", {"url": camera.address, "username": USER, "password": PASSWORD}
        )
        assert [source["ptz"] for source in probe["sources"]] == [True, False] and probe["manufacturer"] == "Acme"
