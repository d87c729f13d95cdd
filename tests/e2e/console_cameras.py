"""Scenes of the console's test: cameras that do not register are added, watched, and found fault with."""

from __future__ import annotations

from interop.onvif.camera import OnvifCamera
from interop.onvif.discovery import DiscoverySettings
from interop.onvif.settings import CameraSettings, Profile, VideoSource
from tests.e2e.console_stand import SEARCH, Stand, holds, moving, until
from tests.stand.rtsp_camera import RtspCamera

TWO_HOURS_S = 7200.0
USER, PASSWORD, WRONG = "viewer", "s3cret/Pass@word", "an0ther-one"


async def adds_one_with_a_wrong_password(stand: Stand) -> None:
    """An RTSP camera whose password is wrong says so in the list and in the tile; with the right one it is seen."""
    page = stand.page
    async with RtspCamera(codec="H264", user=USER, password=PASSWORD) as camera:
        await stand.go("devices")
        code, channel = await fills_the_form(stand, camera)
        row = f"[data-row='{code}']"
        await stand.waits_for(f"{row} [data-test=device-reason]", "用户名或密码错误")
        await stand.waits_for(f"{row} [data-test=device-state]", "离线")
        await stand.shot("30-rtsp-wrong-password")
        await page.click("[data-test=language]")
        await stand.waits_for(f"{row} [data-test=device-reason]", "Camera refused the password")
        await stand.shot("30-rtsp-wrong-password-en")
        await page.click("[data-test=language]")
        await page.click(f"{row} [data-test=examine]")
        await stand.waits_for("[data-test=health-reason]", "用户名或密码错误")
        await stand.waits_for("[data-test=facts]", camera.url)
        await stand.shot("31-rtsp-health")
        await stand.leaves_the_drawer()
        await is_refused_in_the_tile(stand, channel)
        await stand.go("devices")
        await page.click(f"{row} [data-test=edit]")
        await page.fill(".el-dialog input[name=password]", PASSWORD)
        await saves(stand)
        await stand.waits_for(f"{row} [data-test=device-state]", "在线")
        assert await page.locator(f"{row} [data-test=device-reason]").count() == 0
        await is_seen(stand)


async def fills_the_form(stand: Stand, camera: RtspCamera) -> tuple[str, str]:
    """Codes are proposed, and what is wrong is said beside the field it is about; codes of the device and channel."""
    page = stand.page
    await page.click("[data-test=add]")
    await page.click("[data-test=kind] >> text=RTSP 摄像机")
    await until(lambda: page.input_value("input[name=channel_id]"), "codes that are proposed")
    code, channel = await page.input_value("input[name=id]"), await page.input_value("input[name=channel_id]")
    assert code[10:14] == "1320" and channel == code.replace("1320", "1310")
    devices = (await stand.asks("GET", "/api/v1/devices"))["items"]
    assert code not in {device["id"] for device in devices}
    assert not (await stand.asks("GET", f"/api/v1/channels?text={channel}"))["items"]
    await page.fill(".el-dialog input[name=name]", "南河码头")
    await page.fill("input[name=url]", "http://127.0.0.1/nothing")
    await page.click("[data-test=save]")
    await stand.waits_for(".el-form-item__error", "须以 rtsp:// 开头")
    await stand.shot("30-rtsp-form")
    await page.fill("input[name=url]", camera.url)
    await page.fill("input[name=username]", USER)
    await page.fill(".el-dialog input[name=password]", WRONG)
    await saves(stand)
    return code, channel


async def saves(stand: Stand) -> None:
    """Save, and the dialog is gone."""
    await stand.page.click("[data-test=save]")
    await stand.page.wait_for_selector(".el-dialog", state="detached")


async def is_refused_in_the_tile(stand: Stand, channel: str) -> None:
    page = stand.page
    await stand.go("watch")
    await page.click("[data-test=layout] >> text=1 画面")
    await page.fill(SEARCH, "南河")
    await page.click(f"[data-code='{channel}']")
    await stand.waits_for("[data-test=failure-title]", "用户名或密码错误")
    await stand.waits_for("[data-test=failure-hint]", "修改该设备的用户名与密码")
    await stand.shot("32-rtsp-wrong-password-tile")


async def is_seen(stand: Stand) -> None:
    """The tile that had no picture has one, once somebody asks again."""
    page = stand.page
    await stand.go("watch")
    await stand.plays("webrtc")
    assert await moving(page)
    await stand.waits_for("[data-test=figures]", r"WebRTC · H\.264 320×180")
    await page.fill(SEARCH, "")
    await stand.waits_for("[data-test=ptz-why]", "仅支持 RTSP")
    assert await page.locator("[data-test=ptz] button:enabled").count() == 0
    await stand.shot("33-rtsp-picture")


async def finds_one_that_speaks_onvif(stand: Stand) -> None:
    """An ONVIF camera is found in the network, tested, added with the profile chosen, watched and moved."""
    page = stand.page
    async with RtspCamera(codec="H264", user=USER, password=PASSWORD) as stream:
        profiles = (Profile("sub", "Sub", width=320, height=180), Profile("main", "Main", rtsp_uri=stream.url))
        settings = CameraSettings(
            username=USER, password=PASSWORD, name="dome-7", manufacturer="Acme", model="D-7", location="south gate",
            sources=(VideoSource("dome", profiles, ptz=True),), clock_offset_s=TWO_HOURS_S,
        )  # fmt: skip
        discovery = DiscoverySettings(port=stand.discovery_port, group="")
        async with OnvifCamera(settings, discovery=discovery) as camera:
            await stand.go("devices")
            await page.click("[data-test=add]")
            await page.click("[data-test=kind] >> text=ONVIF 摄像机")
            await until(lambda: page.input_value("input[name=channel_id]"), "codes that are proposed")
            await stand.shot("34-onvif-form")
            await page.click("[data-test=search-network]")
            await page.click("[data-test=found] button >> text=dome-7")
            assert str(camera.port) in await page.input_value("input[name=url]")
            await is_tested(stand)
            code, channel = await page.input_value("input[name=id]"), await page.input_value("input[name=channel_id]")
            await saves(stand)
            await stand.waits_for(f"[data-row='{code}'] [data-test=device-state]", "在线")
            assert (await stand.asks("GET", f"/api/v1/devices/{code}"))["profile"] == "main"
            await is_shown_as_added(stand, code)
            await is_watched_and_moved(stand, camera, channel)


async def is_tested(stand: Stand) -> None:
    """A wrong password is told, the right one tells what the camera is; its clock is told of."""
    page = stand.page
    await page.fill(".el-dialog input[name=username]", USER)
    await page.fill(".el-dialog input[name=password]", WRONG)
    await page.click("[data-test=test-camera]")
    await stand.waits_for("[data-test=test-problem]", "ONVIF 摄像机拒绝了用户名或密码")
    await page.fill(".el-dialog input[name=password]", PASSWORD)
    await page.click("[data-test=test-camera]")
    await stand.waits_for("[data-test=camera]", "Acme · D-7")
    await stand.waits_for("[data-test=camera]", "1 个视频源，2 个配置")
    await stand.waits_for("[data-test=clock]", "比本平台快 2 小时")
    await stand.chooses("[data-test=profile]", "Main · H.264 · 1920×1080 25 fps")
    await stand.shot("35-onvif-tested")


async def is_shown_as_added(stand: Stand, code: str) -> None:
    """Whoever searches again is told which ones are there already; the health names the maker."""
    page = stand.page
    await page.click("[data-test=add]")
    await page.click("[data-test=kind] >> text=ONVIF 摄像机")
    await page.click("[data-test=search-network]")
    await stand.waits_for("[data-test=found] button:disabled", f"已添加为 {code}")
    await page.click(".el-dialog__headerbtn")
    await page.wait_for_selector(".el-dialog", state="detached")
    await page.click(f"[data-row='{code}'] [data-test=examine]")
    await stand.waits_for("[data-test=facts]", "Acme · D-7.*比本平台快 2 小时")
    await stand.shot("36-onvif-health")
    await stand.leaves_the_drawer()
    await stand.shot("36-onvif-devices")


async def is_watched_and_moved(stand: Stand, camera: OnvifCamera, channel: str) -> None:
    page = stand.page
    await stand.go("watch")
    await page.fill(SEARCH, channel)
    await page.click(f"[data-code='{channel}']")
    await stand.waits_for("[data-test=cell-name]", "dome-7")
    await stand.plays("webrtc")
    assert await moving(page)
    assert await page.locator("[data-test=ptz-why]").count() == 0
    await holds(page, "ptz-right")
    move = await camera.wait_for("ContinuousMove")
    await page.mouse.up()
    await camera.wait_for("Stop")
    assert move.pan is not None and move.pan > 0
    await stand.shot("37-onvif-picture")
