"""The console in a real browser, on a real node with simulated cameras: everything an operator does in a first hour.

Set CONSOLE_SHOTS to a folder to have a picture of every page left there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interop.demo.node import NodeProcess
from interop.device import Channel, DeviceSettings, PictureSettings, SimulatedDevice
from interop.wire.platform import WirePlatform
from interop.wire.sipwire import Path as WirePath
from interop.wire.sipwire import Split

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(300)]

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
NODE, NVR, HEVC = "34020000002000000001", "34020000001180000001", "34020000001320000009"
GATE, WEST, HOSTILE, PARKING = (f"3402000000131000000{number}" for number in range(1, 5))
HEVC_CHANNEL, LOST, UPPER = "34020000001310000091", "34020000001320000005", "34000000002000000009"
LOST_CHANNEL = "34020000001310000051"
SEARCH = "[data-test=search] input, input[data-test=search]"
MARKUP = "<img src=x onerror=window.hurt=1><b>'\"&amp;"
VIEWER, VIEWER_PASSWORD = "li", "Night-Shift-77"
USER, PASSWORD, DEVICE_PASSWORD, UPPER_PASSWORD = "zhang", "Duty-Room-2026x", "cam-4711-pw", "upper-4711-pw"

# GB/T 28181-2022 A.3: A5 0F address, instruction, pan and tilt speed, zoom and high address, sum modulo 256.
RIGHT, STOP, ZOOM_IN, FOCUS_NEAR = "A50F0101400000F6", "A50F0100000000B5", "A50F011000004005", "A50F014240000037"
LENS_STOP, PRESET_CALL = "A50F0140000000F5", "A50F018200010038"


class Gatekeeper(WirePlatform):
    """An upper platform that refuses everybody until it is told otherwise."""

    refusing = True

    def _register(self, request: Split, path: WirePath) -> None:
        if self.refusing:
            self.port.reply(request, path, 403)
        else:
            super()._register(request, path)


@dataclass
class Stand:
    """The node, what is around it, and the browser's page on it."""

    node: NodeProcess
    upper: Gatekeeper
    page: Page
    devices: list[SimulatedDevice] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def add_device(self, device_id: str, codec: str, *channels: Channel) -> SimulatedDevice:
        """A simulated camera with a real encoder, registered."""
        picture = PictureSettings(
            codec="H265" if codec == "H265" else "H264", width=640, height=360, fps=10, gop=10, bitrate=400_000
        )
        device = SimulatedDevice(
            DeviceSettings(
                id=device_id, server_id=NODE, server_host="127.0.0.1", server_port=self.node.sip_port,
                password=DEVICE_PASSWORD, channels=channels, charset="GB18030", picture=picture, max_encoders=3,
            )
        )  # fmt: skip
        await device.start()
        self.devices.append(device)
        return device

    async def shot(self, name: str) -> None:
        """Leave a picture of the page, if anybody wants one."""
        if folder := os.environ.get("CONSOLE_SHOTS"):
            await self.page.wait_for_timeout(500)
            await self.page.screenshot(path=Path(folder) / f"{name}.png")

    async def go(self, page: str) -> None:
        await self.page.click(f"[data-test=nav-{page}]")
        await self.page.wait_for_url(f"**/{page}")

    async def text(self, selector: str) -> str:
        return await self.page.inner_text(selector)

    async def waits_for(self, selector: str, pattern: str) -> None:
        """Until the text there holds this."""
        await self.page.locator(selector).filter(has_text=re.compile(pattern)).first.wait_for(timeout=20_000)


@contextlib.asynccontextmanager
async def running_stand(folder: Path) -> AsyncIterator[Stand]:
    from playwright.async_api import async_playwright

    node = NodeProcess(
        NODE, "湖滨分局视频网关", folder / "node", set(), {"media": {"device_transport": "udp", "linger_seconds": 1.0}}
    )
    async with contextlib.AsyncExitStack() as everything:
        upper = await everything.enter_async_context(Gatekeeper(UPPER, UPPER_PASSWORD))
        playwright = await everything.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        everything.push_async_callback(browser.close)
        context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
        stand = Stand(node, upper, await context.new_page())
        stand.page.on("pageerror", lambda error: stand.complaints.append(str(error)))
        stand.page.on("console", lambda said: stand.complaints.append(said.text) if is_complaint(said) else None)
        everything.push_async_callback(node.stop)
        everything.push_async_callback(stop_devices, stand)
        await node.start()
        async with asyncio.timeout(10):
            await node._code_known.wait()
        try:
            yield stand
        except BaseException:
            await stand.shot("failed")
            print(node.log_file.read_text("utf-8", "replace")[-4000:], stand.complaints)
            raise


def is_complaint(said: Any) -> bool:
    """What a page must not say: refusals of its own policy and mistakes; answers above 399 are part of the play."""
    return said.type == "error" and "Failed to load resource" not in said.text


async def stop_devices(stand: Stand) -> None:
    await asyncio.gather(*(device.stop(unregister=False) for device in stand.devices))


async def until(true: Callable[[], object | Awaitable[object]], what: str, tries: int = 150) -> None:
    for _ in range(tries):
        held = true()
        if await held if isinstance(held, Awaitable) else held:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"it did not happen: {what}")


async def test_an_operators_first_hour(tmp_path: Path) -> None:
    async with running_stand(tmp_path) as stand:
        await sets_up_and_logs_in(stand)
        nvr = await adds_a_recorder(stand)
        await finds_and_watches_the_gate(stand)
        await steers(stand, nvr)
        await looks_at_four(stand)
        await is_told_why_there_is_no_picture(stand)
        await has_the_picture_again_after_a_break(stand)
        await joins_an_upper_platform(stand)
        await reads_the_other_pages(stand)
        await changes_language_and_theme(stand)
        await comes_back_after_the_session_ended(stand)
        await a_viewer_watches_and_does_no_more(stand)
        assert stand.complaints == []


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


async def logs_in(stand: Stand, user: str = USER, password: str = PASSWORD) -> None:
    await stand.page.fill("input[name=username]", user)
    await stand.page.fill("input[name=password]", password)
    await stand.page.click("button[type=submit]")


async def adds_a_recorder(stand: Stand) -> SimulatedDevice:
    await stand.go("devices")
    await adds(stand, NVR, "一号楼录像机")
    assert NODE in await stand.text("[data-test=connect]")
    assert str(stand.node.sip_port) in await stand.text("[data-test=connect]")
    await stand.shot("03-values-for-the-device")
    await closes(stand)
    for device_id, name in ((HEVC, "河堤"), (LOST, "仓库")):
        await adds(stand, device_id, name)
        await closes(stand)
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


async def closes(stand: Stand) -> None:
    await stand.page.click(".el-dialog__footer button")
    await stand.page.wait_for_selector(".el-dialog", state="detached")


async def catalogue_has(stand: Stand, count: int) -> bool:
    body = await stand.page.evaluate(
        """async () => (await (await fetch('/api/v1/counts', {headers: {Authorization: 'Bearer ' +
        JSON.parse(sessionStorage.getItem('gbgateway.session')).token}})).json())"""
    )
    return bool(body.get("channel", {}).get("total", 0) >= count)


async def finds_and_watches_the_gate(stand: Stand) -> None:
    page = stand.page
    await stand.go("watch")
    await page.click(f"[data-code='{NVR}'] .twist")
    await page.wait_for_selector(f"[data-code='{HOSTILE}']")
    assert MARKUP in await stand.text(f"[data-code='{HOSTILE}']"), "a name from outside is shown as it is"
    assert await page.evaluate("window.hurt === undefined && !document.querySelector('[role=tree] img')")
    await page.fill(SEARCH, "东")
    await stand.waits_for("[data-test=found]", "找到 2 个")
    assert await page.locator("[role=treeitem]").count() == 2, "东门 and 河堤东侧"
    await stand.shot("05-search")
    await page.fill("[data-test=purpose] input, input[data-test=purpose]", "值班巡查")
    await page.click(f"[data-code='{GATE}']")
    await page.wait_for_selector("[data-phase=playing]", timeout=20_000)
    assert await moving(page), "the pixels of the picture change"
    await stand.waits_for(".about", "gbsim · virtual")
    await page.wait_for_selector("[data-test=lag]")
    behind = await page.evaluate(
        """(() => { const video = document.querySelector('video');
        return video.buffered.end(video.buffered.length - 1) - video.currentTime })()"""
    )
    assert behind < 1.5
    await page.fill(SEARCH, "")
    await page.wait_for_selector(f"[data-code='{NVR}']")
    await page.wait_for_timeout(2500)
    await stand.shot("06-watch")


async def moving(page: Page, selector: str = "video") -> bool:
    """Whether the picture of a video element changes, by what can be read back from it."""
    return bool(
        await page.evaluate(
            """async (selector) => {
              const video = document.querySelector(selector), canvas = document.createElement('canvas');
              canvas.width = 160; canvas.height = 90;
              const pen = canvas.getContext('2d', {willReadFrequently: true});
              const look = () => { pen.drawImage(video, 0, 0, 160, 90); return pen.getImageData(0, 0, 160, 90).data };
              const first = look();
              if (!first.some((value, at) => at % 4 < 3 && value > 40)) return false;
              for (let tries = 0; tries < 50; tries++) {
                await new Promise((done) => setTimeout(done, 100));
                const now = look();
                if (now.filter((value, at) => Math.abs(value - first[at]) > 40).length > 50) return true;
              }
              return false;
            }""",
            selector,
        )
    )


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


async def holds(page: Page, name: str) -> None:
    box = await page.locator(f"[data-test={name}]").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()


async def looks_at_four(stand: Stand) -> None:
    page = stand.page
    await page.click("[data-test=layout] >> text=4 画面")
    await page.click(f"[data-code='{HEVC}'] .twist")
    for code in (HEVC_CHANNEL, PARKING):
        await page.click(f"[data-code='{code}']")
    failed = page.locator("[data-test=failure]")
    await failed.wait_for(timeout=20_000)
    assert "编码无法播放" in await failed.inner_text() and "hvc1" in await failed.inner_text()
    await until(lambda: playing(page, 2), "two pictures beside the one this browser cannot show")
    await page.click(f"[data-code='{HOSTILE}']")
    await until(lambda: playing(page, 3), "a third")
    assert MARKUP in await stand.text("[data-test=wall]")
    assert await page.evaluate("window.hurt === undefined")
    await page.wait_for_timeout(2500)
    await stand.shot("07-four")


async def playing(page: Page, count: int) -> bool:
    return await page.locator("[data-phase=playing]").count() == count


async def is_told_why_there_is_no_picture(stand: Stand) -> None:
    page = stand.page
    await page.click("[data-test=layout] >> text=9 画面")
    await page.fill(SEARCH, "西门")
    await page.click(f"[data-code='{WEST}']")
    refused = page.locator("[data-test=failure]").filter(has_text="486")
    await refused.wait_for(timeout=20_000)
    assert "设备拒绝" in await refused.inner_text(), "the recorder encodes three streams and no more"
    await refused.locator("[data-test=trace]").click()
    await stand.waits_for("[data-test=ladder]", "INVITE")
    ladder = await stand.text("[data-test=ladder]")
    assert "486" in ladder and "ACK" in ladder
    await stand.shot("08-refused-with-trace")
    await page.click("[data-test=ladder] >> text=关闭")
    parking = page.locator("[data-test=cell]").filter(has_text="停车场球机")
    await parking.hover()
    await parking.locator("[data-test=close-cell]").click()
    west = page.locator("[data-test=cell]").filter(has_text="西门岗亭")
    await west.and_(page.locator("[data-phase=playing]")).wait_for(timeout=60_000)
    await page.fill(SEARCH, "仓")
    await page.click(f"[data-code='{LOST_CHANNEL}']")
    offline = page.locator("[data-test=failure]").filter(has_text="设备离线")
    await offline.wait_for(timeout=20_000)
    assert "最近注册与心跳时间" in await offline.inner_text()
    assert "设备上线后自动重新点播" in await offline.inner_text()
    await stand.shot("09-nine")
    await page.click("[data-test=layout] >> text=1 画面")
    await page.wait_for_timeout(500)
    await stand.shot("10-offline")
    await stand.add_device(LOST, "H264", Channel(LOST_CHANNEL, "仓库西"))
    await page.wait_for_selector("[data-phase=playing]", timeout=30_000)
    await page.fill(SEARCH, "")


async def has_the_picture_again_after_a_break(stand: Stand) -> None:
    page = stand.page
    await page.click(f"[data-code='{GATE}']")
    await page.wait_for_selector("[data-phase=playing]", timeout=20_000)
    await page.evaluate(
        """async () => {
          const headers = {Authorization: 'Bearer ' + JSON.parse(sessionStorage.getItem('gbgateway.session')).token};
          for (const view of (await (await fetch('/api/v1/views', {headers})).json()).items)
            await fetch('/api/v1/views/' + view.id, {method: 'DELETE', headers});
        }"""
    )
    await stand.waits_for("[data-test=failure-title]", "媒体流中断")
    await page.wait_for_selector("[data-phase=playing]", timeout=20_000)
    assert await moving(page)


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
    await stand.shot("13-upper-refuses")
    stand.upper.refusing = False
    await page.wait_for_selector("[data-test=upper-state][data-state=registered]", timeout=20_000)
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
    started = await page.evaluate(
        """async (body) => (await fetch('/api/v1/views', {method: 'POST', body: JSON.stringify(body), headers: {
          'Content-Type': 'application/json',
          Authorization: 'Bearer ' + JSON.parse(sessionStorage.getItem('gbgateway.session')).token}})).status""",
        {"peer_id": NVR, "code": GATE},
    )
    assert started == 201
    await stand.go("status")
    await stand.waits_for(".cards", "正常")
    await stand.waits_for("[data-test=streams]", f"正常.*{GATE}.*Mbit/s")
    await stand.shot("18-status")


async def changes_language_and_theme(stand: Stand) -> None:
    page = stand.page
    await page.click("[data-test=language]")
    await stand.waits_for("h1", "Status")
    await page.click("[data-test=theme]")
    await stand.go("uppers")
    await stand.waits_for("[data-test=upper-state]", "registered")
    await stand.shot("19-uppers-en-light")
    await stand.go("devices")
    await stand.shot("20-devices-en-light")
    await stand.go("watch")
    await page.reload()
    await page.click(f"[data-code='{NVR}'] .twist")
    await page.click(f"[data-code='{PARKING}']")
    await page.wait_for_selector("[data-phase=playing]", timeout=20_000)
    await stand.waits_for("nav", "Upper platforms")
    for arrangement in ("Divisions", "Groups"):
        await page.click(f".el-segmented >> text={arrangement}")
        await page.wait_for_timeout(700)
        await stand.shot(f"21-watch-en-light-{arrangement.lower()}")
    seen = await page.inner_text("body")
    assert not re.search(r"\b(nav|common|live|tree|ptz|devices)\.[a-z_]+\b", seen), "no key of a text is shown"


async def comes_back_after_the_session_ended(stand: Stand) -> None:
    page = stand.page
    await stand.go("uppers")
    await page.evaluate(
        """() => fetch('/api/v1/logout', {method: 'POST', headers: {Authorization: 'Bearer ' +
        JSON.parse(sessionStorage.getItem('gbgateway.session')).token}})"""
    )
    await page.wait_for_url("**/login?next=/uppers", timeout=20_000)
    await stand.waits_for("[data-test=login-notice]", "Your session has expired")
    await stand.shot("22-expired-en")
    await logs_in(stand)
    await page.wait_for_url("**/uppers")
    await stand.waits_for("[data-test=uppers]", UPPER)


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
