"""A node with simulated cameras and an upper platform around it, and a browser's page on its console.

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

from interop.demo.node import NodeProcess
from interop.demo.ports import free_port
from interop.device import Channel, DeviceSettings, PictureSettings, SimulatedDevice
from interop.wire.platform import WirePlatform
from interop.wire.sipwire import Path as WirePath
from interop.wire.sipwire import Split

if TYPE_CHECKING:
    from playwright.async_api import Page

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns",
)  # fmt: skip
NODE, UPPER = "34020000002000000001", "34000000002000000009"
USER, PASSWORD, DEVICE_PASSWORD, UPPER_PASSWORD = "zhang", "Duty-Room-2026x", "cam-4711-pw", "upper-4711-pw"
SEARCH = "[data-test=search] input, input[data-test=search]"
SETTINGS: dict[str, dict[str, Any]] = {
    "media": {"device_transport": "udp", "linger_seconds": 1.0},
    "rtsp": {"probe_seconds": 1.0},
}


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
    discovery_port: int
    """Where the node looks for ONVIF cameras."""
    upper: Gatekeeper
    page: Page
    devices: list[SimulatedDevice] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    whep: list[str] = field(default_factory=list)
    """Methods of the requests to WHEP addresses, in order."""

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

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """What goes wrong is left as a picture and in words; nothing complained of itself."""
        try:
            yield
            assert self.complaints == []
        except BaseException:
            await self.shot("failed")
            log = await asyncio.to_thread(self.node.log_file.read_text, "utf-8", "replace")
            print(log[-4000:], self.complaints)
            raise

    async def asks(self, method: str, path: str, body: object = None) -> Any:
        """What the API answers whoever is logged in on the page."""
        return await self.page.evaluate(
            """async ([method, path, body]) => {
              const token = JSON.parse(sessionStorage.getItem('gbgateway.session')).token;
              const headers = {Authorization: 'Bearer ' + token, 'Content-Type': 'application/json'};
              const answer = await fetch(path, {method, headers, body: body === null ? null : JSON.stringify(body)});
              return answer.status === 204 ? null : await answer.json();
            }""",
            [method, path, body],
        )

    async def enters(self) -> None:
        """Log in anew as the administrator, in Chinese; the first of all makes the account."""
        page = self.page
        await page.goto(f"{self.node.api}/login")
        await page.evaluate("sessionStorage.clear(); localStorage.clear()")
        await page.goto(f"{self.node.api}/watch")
        await page.wait_for_selector("button[type=submit]")
        if page.url.endswith("/setup"):
            for name, value in (("code", self.node.setup_code), ("again", PASSWORD)):
                await page.fill(f"input[name={name}]", value)
        await logs_in(self)
        await page.wait_for_url("**/watch")

    async def closes(self) -> None:
        """Close the dialog."""
        await self.page.click(".el-dialog__footer button")
        await self.page.wait_for_selector(".el-dialog", state="detached")

    async def leaves_the_drawer(self) -> None:
        """Close what lies over the page's side."""
        await self.page.click(".el-drawer__close-btn")
        await self.page.wait_for_selector(".el-drawer", state="detached")

    async def plays(self, way: str, count: int = 1) -> None:
        """Until so many pictures play this way."""
        there = self.page.locator(f"[data-phase=playing][data-way={way}]")
        await until(lambda: there.count(), f"a picture by {way}", 250)
        await until(lambda: _is(there.count(), count), f"{count} pictures by {way}", 250)

    async def chooses(self, selector: str, text: str) -> None:
        """Choose an option of a select by its text."""
        await self.page.click(selector)
        await self.page.click(f".el-select-dropdown__item:visible >> text={text}")

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
    """Everything, started; the page is still empty."""
    from playwright.async_api import async_playwright

    port = free_port()
    settings = SETTINGS | {"onvif": {"discovery_targets": [f"127.0.0.1:{port}"]}}
    node = NodeProcess(NODE, "湖滨分局视频网关", folder / "node", set(), settings)
    async with contextlib.AsyncExitStack() as everything:
        upper = await everything.enter_async_context(Gatekeeper(UPPER, UPPER_PASSWORD))
        playwright = await everything.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        everything.push_async_callback(browser.close)
        context = await browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        stand = Stand(node, port, upper, await context.new_page())
        stand.page.on("pageerror", lambda error: stand.complaints.append(str(error)))
        stand.page.on("console", lambda said: stand.complaints.append(said.text) if is_complaint(said) else None)
        stand.page.on("request", lambda asked: stand.whep.append(asked.method) if "/whep/" in asked.url else None)
        everything.push_async_callback(node.stop)
        everything.push_async_callback(stop_devices, stand)
        await node.start()
        async with asyncio.timeout(10):
            await node._code_known.wait()
        yield stand


def is_complaint(said: Any) -> bool:
    """What a page must not say: refusals of its own policy and mistakes; answers above 399 are part of the play."""
    return said.type == "error" and "Failed to load resource" not in said.text


async def stop_devices(stand: Stand) -> None:
    """Switch the simulated cameras off."""
    await asyncio.gather(*(device.stop(unregister=False) for device in stand.devices))


async def _is(counted: Awaitable[int], wanted: int) -> bool:
    return await counted == wanted


async def until(true: Callable[[], object | Awaitable[object]], what: str, tries: int = 150) -> None:
    """Wait for something to become true, a tenth of a second per try."""
    for _ in range(tries):
        held = true()
        if await held if isinstance(held, Awaitable) else held:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"it did not happen: {what}")


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


async def playing(page: Page, count: int) -> bool:
    """Whether so many pictures play, whichever way."""
    return await page.locator("[data-phase=playing]").count() == count


async def holds(page: Page, name: str) -> None:
    """Press a button and keep it pressed."""
    box = await page.locator(f"[data-test={name}]").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()


async def logs_in(stand: Stand, user: str = USER, password: str = PASSWORD) -> None:
    """Fill in and send the form."""
    await stand.page.fill("input[name=username]", user)
    await stand.page.fill("input[name=password]", password)
    await stand.page.click("button[type=submit]")
