"""The whole story once, with real nodes and devices and short recordings; and what a failing step says."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from interop.demo.node import ApiFailure, NodeProcess
from interop.demo.pictures import judge
from interop.demo.screen import Screen
from interop.demo.story import CAMERA, NVR, RTSP_NAME, StepFailed, Story, together


def _story(output: Path) -> tuple[Story, io.StringIO]:
    out = io.StringIO()
    return Story(output, Screen(Console(file=out, width=80)), play_seconds=1.5), out


async def test_every_step_works_and_leaves_its_result(tmp_path_factory: pytest.TempPathFactory) -> None:
    output = tmp_path_factory.mktemp("s")  # short: sockets of the nodes lie below it
    story, out = _story(output)
    try:
        await story.run()
        assert len(story.logs) == 7
        region = story.nodes["region"]
        page = await region.call("GET", "/api/v1/channels?limit=500")
        channels = [row for row in page["items"] if row["kind"] == "channel"]
        assert sorted({row["code"][:10] for row in channels}) == sorted({CAMERA[:10], NVR[:10]})
        assert [row["name"] for row in channels if row["code"][10:13] == "132"] == [RTSP_NAME]
        await _what_does_not_fit_fails(story, channels)
        await _the_region_is_left_to_the_visitor(story)
    finally:
        await story.stop()
    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert [judge(output / f"region-{name}.mp4").codec for name in ("live", "nvr", "rtsp")] == [
        "H.264",
        "H.265",
        "H.264",
    ]
    assert (output / "region-snapshot.jpg").read_bytes().startswith(b"\xff\xd8")
    trace = (output / "signalling-trace.txt").read_text("utf-8")
    heads = [line.split()[1] for line in trace.splitlines() if line[:9].strip()[:1].isdigit()]
    assert {"region", "city", "district", "enterprise"} <= set(heads)
    assert "\n           INVITE sip:" in trace and "\n           a=rtpmap:96 PS/90000\n" in trace
    assert "media port open" in trace
    assert 'response="***"' in trace and trace.count("response=") == trace.count('response="***"')
    assert not any(password in trace for password in story.passwords)
    assert all(device.exit_status == 0 for device in story.devices)
    assert all(node.process is not None and node.process.returncode == 0 for node in story.nodes.values())


async def _the_region_is_left_to_the_visitor(story: Story) -> None:
    """With a code and without an account, and with all it knows of the world below."""
    region = story.nodes["region"]
    code = await story.hand_over()
    assert (await region.call("GET", "/api/v1/setup"))["needed"]
    with pytest.raises(ApiFailure, match="401"):
        await region.log_in()
    region.user = "visitor"
    await region.set_up()
    assert region.setup_code == code
    assert [user["id"] for user in (await region.call("GET", "/api/v1/users"))["items"]] == ["visitor"]
    city = (await region.call("GET", "/api/v1/devices"))["items"]
    assert [(device["id"], device["online"]) for device in city] == [(story.nodes["city"].id, True)]
    await story.verify_ledgers()


async def _what_does_not_fit_fails(story: Story, channels: list[dict[str, Any]]) -> None:
    nvr = next(row for row in channels if row["code"].startswith(NVR[:10]))
    with pytest.raises(ValueError, match="holds H.265, not H.264"):
        await story.play(nvr, "wrong.mp4", "H.264")
    region = story.nodes["region"]
    whole = region.config_file.read_text("utf-8")
    with pytest.raises(ValueError, match="a password is in the trace"):
        story._contains_no_password(f"Password: {story.passwords[0]}")
    region.config_file.write_text(whole.replace("[node]", "[nowhere]"), "utf-8")
    with pytest.raises(RuntimeError, match="region platform: "):
        await story.verify_ledgers()
    region.config_file.write_text(whole, "utf-8")


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ApiFailure(409, {"message": "it exists"}), "409: it exists"),
        (RuntimeError("it ended"), "it ended"),
        (TimeoutError(), "TimeoutError"),
        (KeyError("items"), "'items'"),
    ],
)
async def test_a_failing_step_says_which_and_why(tmp_path: Path, raised: Exception, told: str) -> None:
    story, _ = _story(tmp_path)

    async def work() -> None:
        raise raised

    with pytest.raises(StepFailed) as failed:
        await story.step("connecting", work())
    assert str(failed.value) == f"connecting: {told}"
    assert story.logs == []


async def test_a_channel_that_is_not_found_is_told_by_what_was_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, _ = _story(tmp_path)

    async def nothing(*_: object) -> dict[str, Any]:
        return {"items": []}

    monkeypatch.setattr("interop.demo.story.PATIENCE", 2)
    monkeypatch.setattr(NodeProcess, "call", nothing)
    await story.calls_ended()
    with pytest.raises(LookupError, match="is found by loading dock"):
        await story.find([], RTSP_NAME)


async def test_a_call_that_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story, _ = _story(tmp_path)

    async def one(*_: object) -> dict[str, Any]:
        return {"items": [{}]}

    monkeypatch.setattr("interop.demo.story.PATIENCE", 2)
    monkeypatch.setattr(NodeProcess, "call", one)
    with pytest.raises(TimeoutError, match="4 streams have no viewer"):
        await story.calls_ended()


async def test_the_first_failure_ends_the_others() -> None:
    ended: list[str] = []

    async def fails() -> None:
        raise RuntimeError("first")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    with pytest.raises(RuntimeError, match="first"):
        await together([waits(), fails()])
    assert ended == ["waits"]
