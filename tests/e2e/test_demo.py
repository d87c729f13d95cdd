"""The demonstration as a user starts it, judged by other programs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.console_stand import CHROMIUM, FLAGS, is_complaint, moving

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run left; the run must have ended well, in lines of 80 columns."""
    directory = tmp_path_factory.mktemp("demo")
    run = subprocess.run(
        [sys.executable, "-m", "interop.demo", "--once", "--output", "demo-output"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert max(map(len, run.stdout.splitlines())) <= 80, run.stdout
    return directory / "demo-output"


def test_the_results_are_there(output: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in output.iterdir() if path.is_file()}
    assert sizes["region-snapshot.jpg"] > 5_000
    assert min(sizes[f"region-{name}.mp4"] for name in ("live", "nvr", "rtsp")) > 100_000
    trace = (output / "signalling-trace.txt").read_text("utf-8")
    assert all(f" {place} 127.0.0.1:" in trace for place in ("region", "city", "district", "enterprise"))
    for method in ("REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "INVITE", "ACK", "BYE"):
        assert f"\n           {method} sip:" in trace, f"no {method} in the trace"
    assert re.findall(r"response=[^,\s]*", trace) and set(re.findall(r"response=[^,\s]*", trace)) == {'response="***"'}
    assert "\n           a=recvonly\n" in trace and re.search(r"^           y=\d{10}$", trace, re.M), "no body"
    assert all((output / "nodes" / place / "gbgateway.log").stat().st_size for place in ("region", "enterprise"))


@pytest.mark.ffprobe
@pytest.mark.parametrize(
    ("name", "codec"), [("region-live.mp4", "h264"), ("region-nvr.mp4", "hevc"), ("region-rtsp.mp4", "h264")]
)
def test_another_program_reads_the_recordings(output: Path, name: str, codec: str) -> None:
    probe = shutil.which("ffprobe")
    assert probe is not None
    command = [probe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(output / name)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    video = next(stream for stream in json.loads(run.stdout)["streams"] if stream["codec_type"] == "video")
    assert (video["codec_name"], video["width"], video["height"]) == (codec, 640, 360)
    assert int(video["nb_read_frames"]) > 100


@contextlib.asynccontextmanager
async def staying_up(directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The demonstration as a visitor starts it; Ctrl-C at the end, after which it has to end well."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "interop.demo", "--seconds", "2",
        cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def invited(process: asyncio.subprocess.Process) -> tuple[str, str, str]:
    """Address, set-up code and name of a camera, out of what the demonstration says at its end."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(150):
        while "Ctrl-C" not in said:
            line = (await process.stdout.readline()).decode()
            assert line, f"it ended: {said}"
            said += line
    address = re.search(r"^  Open +(http://\S+)$", said, re.M)
    code = re.search(r"^  Set-up code +([A-Z2-9-]{23})$", said, re.M)
    camera = re.search(r"^  Then search +(.+)$", said, re.M)
    assert address and code and camera, said
    assert max(map(len, said.splitlines())) <= 80
    return address[1], code[1], camera[1]


@pytest.mark.browser
async def test_a_visitor_sets_the_region_up_finds_the_camera_and_sees_it(tmp_path: Path) -> None:
    from playwright.async_api import async_playwright

    async with staying_up(tmp_path) as process, async_playwright() as playwright:
        address, code, camera = await invited(process)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = await browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        await page.goto(address)
        await page.wait_for_url("**/setup")
        for name, value in (("code", code), ("username", "visitor"), ("password", "Tea-At-Five-77")):
            await page.fill(f"input[name={name}]", value)
        await page.fill("input[name=again]", "Tea-At-Five-77")
        await page.click("button[type=submit]")
        await page.wait_for_url("**/watch")
        await page.fill("[data-test=search] input, input[data-test=search]", camera)
        await page.wait_for_selector("[data-test=found]")
        await page.get_by_role("treeitem").filter(has_text=camera).click()
        await page.wait_for_selector("[data-phase=playing]", timeout=20_000)
        assert await moving(page), "the pixels of the picture change"
        assert complaints == []
        await browser.close()
