"""Scenes of the console's test: pictures by WebRTC and by MSE, and the reasons where there is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from interop.device import Channel
from tests.e2e.console_stand import SEARCH, Stand, moving, playing, until

if TYPE_CHECKING:
    from playwright.async_api import Route

NVR, HEVC = "34020000001180000001", "34020000001320000009"
GATE, WEST, HOSTILE, PARKING = (f"3402000000131000000{number}" for number in range(1, 5))
HEVC_CHANNEL, LOST = "34020000001310000091", "34020000001320000005"
LOST_CHANNEL = "34020000001310000051"
MARKUP = "<img src=x onerror=window.hurt=1><b>'\"&amp;"


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
    await stand.plays("webrtc")
    assert await moving(page), "the pixels of the picture change"
    await stand.waits_for(".about", "gbsim · virtual")
    await stand.waits_for("[data-test=figures]", r"WebRTC · H\.264 640×360 · \d+ fps")
    await stand.waits_for("[data-test=lag]", "缓冲")
    await page.fill(SEARCH, "")
    await page.wait_for_selector(f"[data-code='{NVR}']")
    await stand.shot("06-watch")


async def sees_the_same_picture_by_mse(stand: Stand) -> None:
    page = stand.page
    assert stand.whep == ["POST"]
    await stand.chooses("[data-test=player]", "MSE")
    await stand.plays("mse")
    await until(lambda: "DELETE" in stand.whep, "the end of the WebRTC session")
    assert await moving(page)
    await stand.waits_for("[data-test=figures]", r"MSE · H\.264 640×360 · \d+ fps")
    behind = await page.evaluate(
        """(() => { const video = document.querySelector('video');
        return video.buffered.end(video.buffered.length - 1) - video.currentTime })()"""
    )
    assert behind < 1.5
    await page.hover("[data-test=cell]")
    await page.click("[data-test=show-details]")
    await stand.waits_for("[data-test=details]", "MSE（经 HTTP 的 MP4 分片）")
    assert await page.locator("[data-test=why]").count() == 0, "nobody asks why, for MSE was chosen"


async def is_told_why_the_picture_does_not_come_by_webrtc(stand: Stand) -> None:
    page = stand.page

    async def full(route: Route) -> None:
        body = {"error": "failure", "step": "busy", "message": "No capacity.", "message_zh": "资源不足。", "hint": ""}
        await route.fulfill(status=503, json=body, headers={"Access-Control-Allow-Origin": "*"})

    async def deaf(route: Route) -> None:
        """An answer nobody can connect with, as where a firewall swallows the packets."""
        answer = await route.fetch()
        sdp = re.sub(r"a=ice-pwd:\S+", f"a=ice-pwd:{'x' * 24}", await answer.text())
        await route.fulfill(response=answer, body=sdp)

    await page.route("**/whep/*", full)
    await stand.chooses("[data-test=player]", "WebRTC")
    await stand.waits_for("[data-test=failure]", "WebRTC 名额已满.*选“自动”")
    await stand.shot("06-webrtc-only")
    await stand.chooses("[data-test=player]", "自动")
    await stand.plays("mse")
    await stand.waits_for("[data-test=why]", "WebRTC 名额已满")
    await page.unroute("**/whep/*", full)
    await page.route("**/whep/*", deaf)
    await stand.chooses("[data-test=player]", "WebRTC")
    await stand.waits_for("[data-test=failure]", "WebRTC 未能在 5 秒内连通")
    await stand.chooses("[data-test=player]", "自动")
    await stand.plays("mse")
    assert await moving(page)
    await stand.waits_for("[data-test=why]", "WebRTC 未能在 5 秒内连通：UDP 媒体端口可能被防火墙拦截")
    await stand.waits_for("[data-test=details]", "首帧用时")
    await stand.shot("06-mse-with-reason")
    await page.unroute("**/whep/*", deaf)
    await stand.chooses("[data-test=player]", "WebRTC")
    await stand.plays("webrtc")
    await stand.chooses("[data-test=player]", "自动")
    await stand.plays("webrtc")
    await page.hover("[data-test=cell]")
    await page.click("[data-test=show-details]")


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
    assert "486" in ladder and "ACK" in ladder and "媒体端口已打开" in ladder and "media port open" not in ladder
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
    for view in (await stand.asks("GET", "/api/v1/views"))["items"]:
        await stand.asks("DELETE", f"/api/v1/views/{view['id']}")
    await stand.waits_for("[data-test=failure-title]", "媒体流中断")
    await page.wait_for_selector("[data-phase=playing]", timeout=20_000)
    assert await moving(page)
