"""The console in a real browser, on a real node with simulated cameras: everything an operator does in a first hour.

Set CONSOLE_SHOTS to a folder to have a picture of every page left there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from interop.device import Channel, SimulatedDevice
from tests.e2e import console_cameras as cameras
from tests.e2e import console_pictures as pictures
from tests.e2e.console_pictures import (
    GATE,
    HEVC,
    HEVC_CHANNEL,
    HOSTILE,
    LOST,
    LOST_CHANNEL,
    MARKUP,
    NVR,
    PARKING,
    WEST,
)
from tests.e2e.console_stand import (
    DEVICE_PASSWORD,
    NODE,
    PASSWORD,
    UPPER,
    UPPER_PASSWORD,
    USER,
    Stand,
    holds,
    logs_in,
    running_stand,
    until,
)

pytestmark = [
    pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")
]  # fmt: skip

VIEWER, VIEWER_PASSWORD = "li", "Night-Shift-77"

# GB/T 28181-2022 A.3: A5 0F address, instruction, pan and tilt speed, zoom and high address, sum modulo 256.
RIGHT, STOP, ZOOM_IN, FOCUS_NEAR = "A50F0101400000F6", "A50F0100000000B5", "A50F011000004005", "A50F014240000037"
LENS_STOP, PRESET_CALL = "A50F0140000000F5", "A50F018200010038"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    """One node and one browser for every test here."""
    async with running_stand(tmp_path_factory.mktemp("console")) as running:
        yield running


async def test_an_operators_first_hour(stand: Stand) -> None:
    async with stand.watched():
        await sets_up_and_logs_in(stand)
        nvr = await adds_a_recorder(stand)
        await reads_how_a_device_has_been(stand)
        await pictures.finds_and_watches_the_gate(stand)
        await pictures.sees_the_same_picture_by_mse(stand)
        await pictures.is_told_why_the_picture_does_not_come_by_webrtc(stand)
        await steers(stand, nvr)
        await pictures.looks_at_four(stand)
        await pictures.is_told_why_there_is_no_picture(stand)
        await pictures.has_the_picture_again_after_a_break(stand)
        await joins_an_upper_platform(stand)
        await reads_the_other_pages(stand)
        await changes_language_and_theme(stand)
        await comes_back_after_the_session_ended(stand)
        await goes_on_with_a_form_after_the_session_ended(stand)
        await a_viewer_watches_and_does_no_more(stand)


@pytest.mark.rtsp
async def test_a_camera_that_speaks_rtsp_only_is_added_and_its_faults_are_told(stand: Stand) -> None:
    async with stand.watched():
        await stand.enters()
        await cameras.adds_one_with_a_wrong_password(stand)


@pytest.mark.rtsp
async def test_a_camera_that_speaks_onvif_is_found_tested_added_and_moved(stand: Stand) -> None:
    async with stand.watched():
        await stand.enters()
        await cameras.finds_one_that_speaks_onvif(stand)


async def sets_up_and_logs_in(stand: Stand) -> None:
    page = stand.page
    await page.goto(f"{stand.node.api}/devices")
    await page.wait_for_url("**/setup")
    await stand.shot("01-setup")
    for name, value in (("code", "WRONG-WRONG-WRONG-WRONG"), ("username", USER), ("password", PASSWORD)):
        await page.fill(f"input[name={name}]", value)
    await page.fill("input[name=again]", PASSWORD)
    await page.click("button[type=submit]")
    await stand.waits_for("[data-test=problem]", "初始化代码错误")
    await page.fill("input[name=code]", stand.node.setup_code)
    await page.click("button[type=submit]")
    await page.wait_for_url("**/watch")
    await page.click("[data-test=account]")
    await page.click("[data-test=logout]")
    await page.wait_for_url("**/login")
    await stand.waits_for("[data-test=login-notice]", "已退出登录")
    await stand.shot("02-login")
    await logs_in(stand)
    await page.wait_for_url("**/watch")


async def adds_a_recorder(stand: Stand) -> SimulatedDevice:
    await stand.go("devices")
    await adds(stand, NVR, "一号楼录像机")
    assert NODE in await stand.text("[data-test=connect]")
    assert str(stand.node.sip_port) in await stand.text("[data-test=connect]")
    await stand.shot("03-values-for-the-device")
    await stand.closes()
    for device_id, name in ((HEVC, "河堤"), (LOST, "仓库")):
        await adds(stand, device_id, name)
        await stand.closes()
    nvr = await stand.add_device(
        NVR,
        "H264",
        *(Channel(*one) for one in ((GATE, "东门"), (WEST, "西门岗亭"), (HOSTILE, MARKUP), (PARKING, "停车场球机"))),
    )
    await stand.add_device(HEVC, "H265", Channel(HEVC_CHANNEL, "河堤东侧"))
    lost = await stand.add_device(LOST, "H264", Channel(LOST_CHANNEL, "仓库西"))
    await stand.waits_for(f"[data-row='{NVR}']", "在线")
    await stand.shot("04-devices")
    await until(lambda: catalogue_has(stand, 6), "six cameras in the catalogue")
    await lost.stop(unregister=True)
    stand.devices.remove(lost)
    return nvr


async def adds(stand: Stand, device_id: str, name: str) -> None:
    page = stand.page
    await page.click("[data-test=add]")
    await page.fill(".el-dialog input[name=name]", name)
    await page.fill(".el-dialog input[name=id]", device_id)
    await page.fill(".el-dialog input[name=password]", DEVICE_PASSWORD)
    if device_id == NVR:
        await stand.shot("03-add-device")
    await page.click("[data-test=save]")
    await page.wait_for_selector("[data-test=connect]")


async def catalogue_has(stand: Stand, count: int) -> bool:
    body = await stand.asks("GET", "/api/v1/counts")
    return bool(body.get("channel", {}).get("total", 0) >= count)


async def reads_how_a_device_has_been(stand: Stand) -> None:
    page = stand.page
    await page.click(f"[data-row='{LOST}'] [data-test=examine]")
    await stand.waits_for("[data-test=health-reason]", "设备主动注销")
    await stand.waits_for("[data-test=offline]", "秒前.*设备主动注销")
    await stand.shot("04-health-offline")
    await stand.leaves_the_drawer()
    await page.click(f"[data-row='{NVR}'] [data-test=examine]")
    await stand.waits_for("[data-test=health-state]", "在线")
    await stand.waits_for("[data-test=keepalive]", "60 秒（配置值，尚未学习）.*静默")
    await stand.waits_for("[data-test=sessions]", "0 路，上限未知")
    contacts = await stand.text("[data-test=contacts]")
    assert "REGISTER" in contacts and "127.0.0.1" in contacts and "秒前" in contacts
    await stand.shot("04-health")
    await stand.leaves_the_drawer()


async def steers(stand: Stand, nvr: SimulatedDevice) -> None:
    page = stand.page

    async def sent(*commands: str) -> None:
        await until(lambda: [one for _, one in nvr.ptz] == list(commands), f"{commands} at the camera, not {nvr.ptz}")
        assert {channel for channel, _ in nvr.ptz} == {GATE}
        nvr.ptz.clear()

    await holds(page, "ptz-right")
    await until(lambda: len(nvr.ptz) == 1, "the camera starts to move")
    await page.mouse.up()
    await sent(RIGHT, STOP)
    await holds(page, "ptz-zoom_in")
    await until(lambda: len(nvr.ptz) == 1, "the camera starts to zoom")
    await page.mouse.move(700, 400)
    await sent(ZOOM_IN, STOP)
    await page.mouse.up()
    await holds(page, "ptz-focus_near")
    await until(lambda: len(nvr.ptz) == 1, "the camera starts to focus")
    await page.evaluate("window.dispatchEvent(new Event('blur'))")
    await sent(FOCUS_NEAR, LENS_STOP)
    await page.mouse.up()
    await page.click("[data-test=preset-call]")
    await sent(PRESET_CALL)
    async with page.expect_download() as saving:
        await page.click("[data-test=snapshot]")
    path = await (await saving.value).path()
    assert (await asyncio.to_thread(path.read_bytes))[:2] == b"\xff\xd8"


async def joins_an_upper_platform(stand: Stand) -> None:
    page = stand.page
    await stand.go("rules")
    await page.click("[data-test=add]")
    await page.fill(".el-dialog input[name=id]", "gates")
    await page.fill(".el-dialog input[name=name]", "大门")
    await page.click(".el-dialog .el-radio-button >> text=全部通道")
    await stand.shot("11-add-rule")
    await page.click("[data-test=save]")
    await stand.waits_for("[data-test=rules]", "大门")
    await stand.go("uppers")
    await page.click("[data-test=add]")
    await page.fill(".el-dialog input[name=id]", UPPER)
    await page.fill(".el-dialog input[name=name]", "市局共享平台")
    await page.fill(".el-dialog input[name=host]", "127.0.0.1")
    await page.fill(".el-dialog input[name=port]", str(stand.upper.port.port))
    await page.fill(".el-dialog input[name=password]", UPPER_PASSWORD)
    await page.click("[data-test=rule]")
    await page.click(".el-select-dropdown__item:visible >> text=大门")
    await stand.shot("12-add-upper")
    await page.click("[data-test=save]")
    await stand.waits_for("[data-test=upper-problem]", "上级平台拒绝此编码或密码.*403")
    await page.click("[data-test=expand]")
    await stand.waits_for("[data-test=steps]", "注册请求（REGISTER）得到应答 403 禁止.*失败：403 禁止")
    await stand.shot("13-upper-refuses")
    stand.upper.refusing = False
    await page.wait_for_selector("[data-test=upper-state][data-state=registered]", timeout=20_000)
    await stand.waits_for("[data-test=steps]", "得到应答 401 要求认证.*得到应答 200 成功")
    assert NODE in stand.upper.registered
    await stand.shot("14-upper-registered")


async def reads_the_other_pages(stand: Stand) -> None:
    page = stand.page
    await stand.go("rules")
    await stand.waits_for("[data-test=rules]", UPPER)
    await stand.shot("15-rules")
    await stand.go("users")
    await page.click("[data-test=add]")
    await page.fill(".el-dialog input[name=id]", VIEWER)
    await page.fill(".el-dialog input[name=password]", VIEWER_PASSWORD)
    await page.click("[data-test=save]")
    await stand.waits_for("[data-test=users]", "观看员")
    await stand.shot("16-users")
    await stand.go("devices")
    await page.click(f"[data-row='{LOST}'] >> text=删除")
    await stand.waits_for(".el-message-box", f"{LOST}")
    await stand.shot("16-remove-device")
    await page.click(".el-message-box__btns button >> text=删除")
    await page.wait_for_selector(f"[data-row='{LOST}']", state="detached")
    await stand.go("ledger")
    await page.click("[data-test=verify]")
    await stand.waits_for("[data-test=verification]", "台账完整")
    await stand.waits_for("[data-test=ledger]", "值班巡查")
    await stand.shot("17-ledger")
    await stand.asks("POST", "/api/v1/views", {"peer_id": NVR, "code": GATE})
    await stand.go("status")
    await stand.waits_for(".cards", "正常")
    await stand.waits_for("[data-test=streams]", f"正常.*{GATE}.*Mbit/s")
    await stand.shot("18-status")


async def changes_language_and_theme(stand: Stand) -> None:
    page = stand.page
    await page.click("[data-test=language]")
    await stand.waits_for("h1", "Status")
    await page.set_viewport_size({"width": 1280, "height": 720})
    await page.click("[data-test=theme]")
    await stand.go("uppers")
    await stand.waits_for("[data-test=upper-state]", "registered")
    await page.click("[data-test=expand]")
    await stand.waits_for("[data-test=steps]", "REGISTER answered 200")
    await stand.shot("19-uppers-en-light")
    await stand.go("devices")
    await stand.shot("20-devices-en-light")
    await page.click(f"[data-row='{NVR}'] [data-test=examine]")
    await stand.waits_for("[data-test=facts]", "Keepalive interval")
    await stand.shot("20-health-en-light")
    await stand.leaves_the_drawer()
    await page.click("[data-test=add]")
    await page.click("[data-test=kind] >> text=ONVIF camera")
    await stand.waits_for(".el-dialog", "Search the network")
    await stand.shot("20-onvif-form-en-light")
    await stand.closes()
    for other in ("rules", "users", "ledger", "status"):
        await stand.go(other)
        await stand.shot(f"20-{other}-en-light")
    await stand.go("watch")
    await page.reload()
    await until(lambda: no_views(stand), "the page that is left ends its views")
    await page.click(f"[data-code='{NVR}'] .twist")
    await page.click(f"[data-code='{PARKING}']")
    await page.wait_for_selector("[data-phase=playing]", timeout=20_000)
    await stand.waits_for("nav", "Upper platforms")
    for arrangement in ("Divisions", "Groups"):
        await page.click(f".el-segmented >> text={arrangement}")
        await page.wait_for_timeout(700)
        await stand.shot(f"21-watch-en-light-{arrangement.lower()}")
    seen = await page.inner_text("body")
    assert not re.search(r"\b(nav|common|live|tree|ptz|devices|health|camera|onvif)\.[a-z_]+\b", seen), (
        "no key of a text is shown"
    )


async def no_views(stand: Stand) -> bool:
    """Nobody watches but whoever started a view without a page."""
    return not any(view["viewers"] for view in (await stand.asks("GET", "/api/v1/views"))["items"])


async def comes_back_after_the_session_ended(stand: Stand) -> None:
    page = stand.page
    await stand.go("uppers")
    await stand.asks("POST", "/api/v1/logout")
    await page.wait_for_url("**/login?next=/uppers", timeout=20_000)
    await stand.waits_for("[data-test=login-notice]", "Your session has expired")
    await stand.shot("22-expired-en")
    await logs_in(stand)
    await page.wait_for_url("**/uppers")
    await stand.waits_for("[data-test=uppers]", UPPER)


async def goes_on_with_a_form_after_the_session_ended(stand: Stand) -> None:
    page = stand.page
    await page.click("[data-test=add]")
    await page.fill(".el-dialog input[name=name]", "half a form")
    await page.fill(".el-dialog input[name=password]", UPPER_PASSWORD)
    await stand.asks("POST", "/api/v1/logout")
    await stand.waits_for("[data-test=login-notice]", "the open form is as you left it")
    assert page.url.endswith("/uppers") and not await page.locator(".el-dialog").is_visible()
    assert await page.input_value("input[name=username]") == USER
    await stand.shot("22-expired-with-a-form-en")
    await page.keyboard.press("Escape")
    await logs_in(stand)
    await page.locator(".el-dialog input[name=name]").wait_for()
    assert await page.input_value(".el-dialog input[name=name]") == "half a form"
    assert await page.input_value(".el-dialog input[name=password]") == ""
    await stand.shot("22-form-again-en")
    await stand.closes()


async def a_viewer_watches_and_does_no_more(stand: Stand) -> None:
    page = stand.page
    await page.click("[data-test=account]")
    await page.click("[data-test=logout]")
    await page.wait_for_url("**/login")
    await logs_in(stand, VIEWER, VIEWER_PASSWORD)
    await page.wait_for_url("**/watch")
    assert await page.locator("nav a").all_inner_texts() == ["Live", "Status"]
    await page.click(f"[data-code='{NVR}'] .twist")
    await page.click(f"[data-code='{GATE}']")
    await page.wait_for_selector("[data-phase=playing]", timeout=20_000)
    assert await page.locator("[data-test=ptz] button:enabled").count() == 0
    await stand.waits_for("[data-test=ptz]", "Viewers cannot move cameras")
    await stand.shot("23-viewer-en")
    await page.goto(f"{stand.node.api}/ledger")
    await page.wait_for_url("**/watch")
