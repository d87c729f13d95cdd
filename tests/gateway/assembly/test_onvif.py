"""ONVIF cameras on a running node."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.errors import Failure, Reason
from interop.wire.sipwire import element
from sip.manscdp import ptz
from tests.gateway.onvif.stand import PICTURE
from tests.stand.onvif_street import (
    ONVIF_CHANNEL,
    ONVIF_ID,
    ONVIF_KEY,
    ONVIF_SECOND,
    onvif_settings,
    running_onvif_street,
)
from tests.stand.street import until


async def test_it_is_watched_moved_and_asked_for_a_key_frame_from_above(tmp_path: Path) -> None:
    async with running_onvif_street(onvif_settings(tmp_path), snapshot=PICTURE) as (street, camera, stream):
        above = await street.upper.play(ONVIF_CHANNEL)
        await above.first_key()
        await street.upper.i_frame(ONVIF_CHANNEL)
        await camera.wait_for("SetSynchronizationPoint")
        await above.bye()
        await street.upper.ptz(ONVIF_CHANNEL, ptz.encode(ptz.Motion(zoom=1, zoom_speed=15)))
        assert (await camera.wait_for("ContinuousMove")).arguments["Velocity.Zoom.x"] == 1.0
        info = await street.upper.query("DeviceInfo", ONVIF_CHANNEL)
        assert element(info.text, "Firmware") == "1.0" and element(info.text, "Manufacturer") == "gbsim"
        async with street.api() as api:
            path = f"/api/v1/channels/{ONVIF_ID}/{ONVIF_CHANNEL}"
            assert await api.call("GET", f"{path}/snapshot") == (200, PICTURE)
            status, refused = await api.call(
                "POST", f"/api/v1/channels/{ONVIF_ID}/{ONVIF_SECOND}/ptz", {"action": "left"}
            )
            assert status == 422 and refused["step"] == "onvif_unsupported" and refused["message_zh"]
            assert (await api.call("POST", f"{path}/ptz", {"action": "stop"}))[0] == 200
        assert stream.methods.count("PLAY") >= 1


async def test_a_change_forgets_what_was_known_and_a_removal_everything(tmp_path: Path) -> None:
    async with running_onvif_street(onvif_settings(tmp_path)) as (street, camera, _):
        node = street.node
        assert node.onvif.firmware(ONVIF_KEY) == "1.0"
        await until(lambda: camera.subscriptions == 1)
        await node.stores.devices.update(ONVIF_ID, name="西门")
        assert node.onvif.cameras.get(ONVIF_ID) is None and node.onvif.firmware(ONVIF_KEY) == ""
        async with asyncio.timeout(10):
            while (await node.catalog.get(*ONVIF_KEY)).item.name != "西门 config_dome":
                await asyncio.sleep(0.02)
        await node.stores.devices.delete(ONVIF_ID)
        await until(lambda: camera.subscriptions == 0)
        assert node.onvif.carries_out(ONVIF_ID) is None


async def test_after_a_restart_the_channels_stand_until_the_camera_has_answered(tmp_path: Path) -> None:
    async with running_onvif_street(onvif_settings(tmp_path)) as (street, camera, _):
        node = street.node
        camera.misbehave("*", "silent")
        node.onvif.cameras.forget(ONVIF_ID)
        node.rtsp.sources._unpublished.add(ONVIF_ID)
        await until(lambda: not node.rtsp.sources._unpublished)
        assert await node.catalog.get(ONVIF_ID, ONVIF_SECOND) is not None


async def test_what_a_call_shows_counts_for_the_camera(tmp_path: Path) -> None:
    async with running_onvif_street(onvif_settings(tmp_path, rtsp={"probe_seconds": 60.0})) as (street, _, __):
        known = street.node.onvif.cameras.get(ONVIF_ID)
        assert known is not None
        street.node.onvif.seen(ONVIF_ID, Failure(Reason.RTSP_NO_SUCH_PATH))
        assert known.asked > 0 and street.node.rtsp.sources.state_of(ONVIF_ID).online is False
        street.node.onvif.seen(ONVIF_ID, None)
        assert street.node.rtsp.sources.state_of(ONVIF_ID).online


async def test_events_are_not_asked_for_where_that_is_switched_off(tmp_path: Path) -> None:
    made = onvif_settings(tmp_path, onvif={"alarms": False})
    async with running_onvif_street(made) as (_, camera, __):
        assert camera.subscriptions == 0
