"""Scenes of the console's test: cameras that do not register are added, watched, and found fault with."""

from __future__ import annotations

from tests.e2e.console_stand import Stand, moving, until
from tests.stand.rtsp_camera import RtspCamera

SEARCH = "[data-test=search] input, input[data-test=search]"
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
        await page.click(f"{row} [data-test=examine]")
        await stand.waits_for("[data-test=health-reason]", "用户名或密码错误")
        await stand.waits_for("[data-test=facts]", camera.url)
        await stand.shot("31-rtsp-health")
        await stand.leaves_the_drawer()
        await is_refused_in_the_tile(stand, channel)
        await stand.go("devices")
        await page.click(f"{row} [data-test=edit]")
        await page.fill(".el-dialog input[name=password]", PASSWORD)
        await page.click("[data-test=save]")
        await page.wait_for_selector(".el-dialog", state="detached")
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
    await stand.waits_for(".el-form-item__error", "不是有效的 RTSP 地址")
    await stand.shot("30-rtsp-form")
    await page.fill("input[name=url]", camera.url)
    await page.fill("input[name=username]", USER)
    await page.fill(".el-dialog input[name=password]", WRONG)
    await page.click("[data-test=save]")
    await page.wait_for_selector(".el-dialog", state="detached")
    return code, channel


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
    page = stand.page
    await stand.go("watch")
    playing = page.locator("[data-phase=playing]")
    await page.wait_for_selector("[data-test=cell]")
    if not await playing.count():
        await page.click("[data-test=retry]")
    await until(playing.count, "the picture of the camera")
    assert await moving(page)
    await stand.waits_for("[data-test=figures]", r"WebRTC · H\.264 320×180")
    await stand.shot("33-rtsp-picture")
