"""WebRTC (WHEP) in a real browser: Chromium plays a view of a node with simulated cameras, or is refused in words.

What a web page does is in `PLAYER`: the same flow as the console's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from interop.demo.node import NodeProcess
from tests.e2e.chain import Chain, running_chain

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(240)]

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-features=WebRtcHideLocalIpsWithMdns",
)  # fmt: skip
CAMERAS = {"H264": "34020100001320000001", "H265": "34020100001320000002"}

PLAYER = """async (url) => {
  const pc = new RTCPeerConnection();
  const stream = new MediaStream();
  pc.ontrack = (event) => stream.addTrack(event.track);
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  await pc.setLocalDescription();
  const reply = await fetch(url, {
    method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp,
  });
  if (!reply.ok) { pc.close(); return {status: reply.status, body: await reply.json()}; }
  const session = new URL(reply.headers.get('Location'), reply.url).href;
  await pc.setRemoteDescription({type: 'answer', sdp: await reply.text()});
  const video = document.createElement('video');
  video.muted = true; video.srcObject = stream; document.body.append(video);
  await video.play();
  window.live = {pc, video, session};
  return {status: reply.status, session, audio: reply.headers.get('Audio-Left-Out')};
}"""

PIXELS = """async () => {
  const {video} = window.live, canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext('2d');
  const seen = new Set(); let bright = 0;
  for (let n = 0; n < 40 && seen.size < 8; n++) {
    context.drawImage(video, 0, 0);
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) {
      sum = (sum * 31 + data[at] + data[at + 1] * 7) >>> 0;
      bright |= data[at];
    }
    seen.add(sum);
    await new Promise((done) => setTimeout(done, 100));
  }
  return {width: canvas.width, height: canvas.height, different: seen.size, bright};
}"""

STATS = """async () => {
  const found = {};
  const reports = [...(await window.live.pc.getStats()).values()];
  for (const one of reports.filter((report) => report.type === 'inbound-rtp')) {
    const codec = reports.find((report) => report.id === one.codecId);
    found[one.kind] = {codec: codec && codec.mimeType, type: codec && codec.payloadType, received: one.packetsReceived,
                       lost: one.packetsLost, decoded: one.framesDecoded, samples: one.totalSamplesReceived};
  }
  return found;
}"""


@contextlib.asynccontextmanager
async def browser_page(chain: Chain) -> AsyncIterator[Page]:
    """A tab that stands on the node's own origin, so that its content policy holds."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        try:
            page = await browser.new_page()
            await page.goto(f"{chain.top.api}/healthz")
            yield page
        finally:
            await browser.close()


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    """One node with a simulated camera of each codec."""
    async with running_chain(1, tmp_path) as running:
        for codec, channel in CAMERAS.items():
            await running.add_simulated(channel.replace("00132", "00111"), channel, codec=codec, media="tcp_passive")
        await running.channels_at(running.top, 2)
        yield running


async def view_of(node: NodeProcess, codec: str) -> dict[str, Any]:
    channel = CAMERAS[codec]
    key = {"peer_id": channel.replace("00132", "00111"), "code": channel}
    return dict(await node.call("POST", "/api/v1/views", key))


async def ends(node: NodeProcess, view: dict[str, Any]) -> list[dict[str, Any]]:
    """What the ledger says of the end of a view."""
    rows = (await node.call("GET", "/api/v1/ledger?limit=200"))["items"]
    return [row for row in rows if row["grant_id"] == view["grant_id"] and row["result"] == "ended"]


async def until(node: NodeProcess, view: dict[str, Any], viewers: int) -> None:
    """Wait until the node knows of so many viewers."""
    async with asyncio.timeout(15):
        while (await node.call("GET", f"/api/v1/views/{view['id']}"))["viewers"] != viewers:
            await asyncio.sleep(0.1)


async def test_a_browser_plays_a_view_and_its_end_is_in_the_ledger(chain: Chain) -> None:
    node = chain.top
    async with browser_page(chain) as page:
        view = await view_of(node, "H264")
        begun = await page.evaluate(PLAYER, view["whep_url"])
        assert begun["status"] == 201, begun
        pixels = await page.evaluate(PIXELS)
        assert (pixels["width"], pixels["height"]) == (320, 180)
        assert pixels["different"] >= 8 and pixels["bright"] > 0, pixels
        stats = await page.evaluate(STATS)
        assert stats["video"]["codec"] == "video/H264" and stats["video"]["decoded"] > 5
        await until(node, view, 1)
        ended = await page.evaluate("async () => (await fetch(window.live.session, {method: 'DELETE'})).status")
        assert ended == 200
        await until(node, view, 0)
        again = await page.evaluate("async () => (await fetch(window.live.session, {method: 'DELETE'})).status")
        assert again == 404
    await node.call("DELETE", f"/api/v1/views/{view['id']}")
    (row,) = await ends(node, view)
    assert row["bytes"] > 5000 and row["seconds"] > 0 and row["detail"]["reason"].startswith("ended by")


async def test_h265_is_refused_in_words_and_the_page_goes_on_with_mp4(chain: Chain) -> None:
    async with browser_page(chain) as page:
        view = await view_of(chain.top, "H265")
        refused = await page.evaluate(PLAYER, view["whep_url"])
    assert refused["status"] == 406
    body = refused["body"]
    assert (body["error"], body["step"]) == ("failure", "codec_unplayable")
    assert "H.265" in body["message"] and "H.265" in body["message_zh"] and "ws_url" in body["hint"]
    async with aiohttp.ClientSession() as session, session.get(view["mp4_url"]) as video:
        assert video.status == 200


async def test_a_wrong_or_expired_address_is_refused_in_the_browser(chain: Chain) -> None:
    async with browser_page(chain) as page:
        view = await view_of(chain.top, "H264")
        wrong = await page.evaluate(PLAYER, view["whep_url"][:-3] + "AAA")
        assert (wrong["status"], wrong["body"]["step"]) == (403, "token")
        await chain.top.call("DELETE", f"/api/v1/views/{view['id']}")
        over = await page.evaluate(PLAYER, view["whep_url"])
        assert (over["status"], over["body"]["step"]) == (410, "ended")


async def test_a_closed_tab_and_an_ended_view_end_the_viewer(chain: Chain) -> None:
    node = chain.top
    async with browser_page(chain) as page:
        view = await view_of(node, "H264")
        assert (await page.evaluate(PLAYER, view["whep_url"]))["status"] == 201
        await page.evaluate(PIXELS)
        await page.evaluate("window.live.pc.close()")
        await until(node, view, 0)
        assert (await page.evaluate(PLAYER, view["whep_url"]))["status"] == 201
        await until(node, view, 1)
        await node.call("DELETE", f"/api/v1/views/{view['id']}")
        ended = "() => ['failed', 'closed', 'disconnected'].includes(window.live.pc.connectionState)"
        await page.wait_for_function(ended, timeout=20_000)
    (row,) = await ends(node, view)
    assert row["bytes"] > 0 and row["detail"]["reason"].startswith("ended by")
