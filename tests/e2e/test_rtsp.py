"""Cameras that speak RTSP only, at the bottom of gateways in a row: for whoever watches they are like any other.

The cameras are GStreamer's RTSP server; the upper platform is the hand-written one.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest

from interop.demo.node import ApiFailure, NodeProcess
from interop.wire.call import WireCall
from interop.wire.sipwire import WireRefused
from tests.e2e.chain import Chain, running_chain, until
from tests.stand.rtsp_camera import RtspCamera

pytestmark = [pytest.mark.e2e, pytest.mark.rtsp, pytest.mark.timeout(240)]

SETTINGS = {"rtsp": {"probe_seconds": 1.0}, "media": {"linger_seconds": 1.0, "silent_seconds": 5.0}}
USER, PASSWORD, MISTAKEN = "viewer", "s3cret/Pass@word", "an0ther-one"


@dataclass(frozen=True)
class Kind:
    """One kind of camera: its codecs, how it asks for the password, and over what it sends."""

    codec: str
    audio: str = ""
    auth: str = ""
    transport: str = "tcp"

    def camera(self) -> RtspCamera:
        login = {"user": USER, "password": PASSWORD, "auth": self.auth} if self.auth else {}
        return RtspCamera(codec=self.codec, audio=self.audio, **login)


KINDS = (
    Kind("H264", "PCMA", "digest"),
    Kind("H265", "PCMU", "basic"),
    Kind("H264", "AAC", transport="udp"),
)


def device_id(number: int) -> str:
    return f"340201000011100000{number:02d}"


def channel_id(number: int) -> str:
    return f"340201000013200000{number:02d}"


async def enrol(node: NodeProcess, number: int, camera: RtspCamera, **fields: Any) -> dict[str, Any]:
    body = {"id": device_id(number), "name": f"camera {number}", "kind": "rtsp", "url": camera.url, **fields}
    return await node.call("POST", "/api/v1/devices", body)


async def source(node: NodeProcess, number: int) -> dict[str, Any]:
    return (await node.call("GET", f"/api/v1/devices/{device_id(number)}"))["source"]


async def known(node: NodeProcess, number: int, state: str, timeout_s: float = 30) -> dict[str, Any]:
    """Wait until a camera is online or offline; what is known of it."""

    async def so() -> bool:
        return (await source(node, number))["state"] == state

    await until(so, timeout_s)
    return await source(node, number)


async def status_at(node: NodeProcess, number: int) -> str:
    rows = (await node.call("GET", f"/api/v1/channels?text={channel_id(number)}"))["items"]
    return str(rows[0]["status"]) if rows else ""


def decoded(ps: bytes) -> tuple[str, int]:
    """Codec and number of the pictures a decoder makes of a program stream, none of them damaged."""
    with av.open(io.BytesIO(ps), format="mpeg") as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"err_detect": "explode"}
        return stream.codec_context.name, sum(1 for _ in container.decode(stream))


async def watch(chain: Chain, number: int, frames: int = 25, **how: Any) -> WireCall:
    """Watch a camera from the very top for a while."""
    call = await chain.upper.play(channel_id(number), **how)
    await call.first_key(20)
    await call.frames(frames, 30)
    return call


async def test_rtsp_cameras_are_seen_at_the_top_of_three_levels_like_any_other(tmp_path: Path) -> None:
    cameras = [kind.camera() for kind in KINDS]
    try:
        await asyncio.gather(*(camera.start() for camera in cameras))
        async with running_chain(3, tmp_path, settings=SETTINGS, sip_traces=True) as chain:
            for number, (kind, camera) in enumerate(zip(KINDS, cameras, strict=True)):
                login = {"username": USER, "password": PASSWORD} if kind.auth else {}
                shown = await enrol(chain.bottom, number, camera, rtsp_transport=kind.transport, **login)
                assert shown["channel_id"] == channel_id(number) and PASSWORD not in str(shown)
            for number, kind in enumerate(KINDS):
                found = await known(chain.bottom, number, "online")
                assert (found["video_codec"], found["audio_codec"]) == (kind.codec, kind.audio)
            await chain.shown_above(*(channel_id(number) for number in range(len(KINDS))))
            calls = await asyncio.gather(
                watch(chain, 0), watch(chain, 1, transport="tcp_passive"), watch(chain, 2, transport="tcp_active")
            )
            for kind, call in zip(KINDS, calls, strict=True):
                name, pictures = decoded(call.ps)
                assert name == {"H264": "h264", "H265": "hevc"}[kind.codec]
                assert pictures >= 23 and call.units[0].key and not call.faults
            for call in calls:
                await call.bye()
            await seen_by_an_operator_at_the_top(chain)
            await until(lambda: nothing_runs(chain.bottom), 20)
            await asyncio.to_thread(no_password_is_written, tmp_path)
    finally:
        await asyncio.gather(*(camera.stop() for camera in cameras))


async def seen_by_an_operator_at_the_top(chain: Chain) -> None:
    """A search finds the camera, and a picture of it is a picture."""
    rows = (await chain.top.call("GET", "/api/v1/channels?text=camera"))["items"]
    assert {row["code"] for row in rows} == {channel_id(number) for number in range(len(KINDS))}
    row = next(row for row in rows if row["code"] == channel_id(1))
    jpeg = await chain.top.fetch(f"/api/v1/channels/{row['peer_id']}/{row['code']}/snapshot")
    with av.open(io.BytesIO(jpeg)) as picture:
        assert (picture.streams.video[0].width, picture.streams.video[0].height) == (320, 180)


async def nothing_runs(node: NodeProcess) -> bool:
    """No camera is called that nobody watches."""
    return not (await node.call("GET", "/api/v1/streams"))["items"]


def no_password_is_written(directory: Path) -> None:
    """Neither logs nor databases nor ledgers nor SIP traces hold it."""
    holding = [
        path
        for path in directory.rglob("*")
        if path.is_file() and any(word in path.read_bytes() for word in (PASSWORD.encode(), b"s3cret%2FPass"))
    ]
    assert not holding


async def test_a_camera_that_fails_says_why_and_disturbs_no_other(tmp_path: Path) -> None:
    async with (
        RtspCamera(codec="H264", user=USER, password=PASSWORD) as guarded,
        RtspCamera(codec="H264") as steady,
        RtspCamera(codec="JPEG") as jpeg,
        running_chain(2, tmp_path, settings=SETTINGS) as chain,
    ):
        closed = RtspCamera()
        closed.port = 1
        fickle = RtspCamera(codec="H265")
        await fickle.start()
        try:
            for number, camera in enumerate((steady, guarded, closed, fickle, jpeg)):
                login = {"username": USER, "password": MISTAKEN} if camera is guarded else {}
                await enrol(chain.bottom, number, camera, **login)
            await known(chain.bottom, 0, "online")
            await known(chain.bottom, 3, "online")
            await chain.shown_above(*(channel_id(number) for number in range(5)))
            watched = await watch(chain, 0)
            await each_failure_has_its_words(chain)
            await a_stopped_camera_ends_with_its_reason_and_comes_back(chain, fickle)
            before = len(watched.units)
            await watched.frames(before + 5, 10)
            assert not watched.ended.is_set() and not watched.faults
            await watched.bye()
        finally:
            await fickle.stop()


async def each_failure_has_its_words(chain: Chain) -> None:
    for number, step in ((1, "rtsp_refused_password"), (2, "rtsp_refused_connection"), (4, "rtsp_codec_not_carried")):
        found = await known(chain.bottom, number, "offline")
        assert found["step"] == step and found["message"] and found["message_zh"] and found["hint"]
        with pytest.raises(ApiFailure) as refused:
            view = {"peer_id": device_id(number), "code": channel_id(number)}
            await chain.bottom.call("POST", "/api/v1/views", view)
        body = refused.value.body
        assert body["step"] == step and body["message"] and body["message_zh"] and body["hint"]
        assert PASSWORD not in str(body) and MISTAKEN not in str(body)
        with pytest.raises(WireRefused) as answered:
            await chain.upper.play(channel_id(number))
        assert answered.value.status in (480, 488)

        async def off(number: int = number) -> bool:
            return await status_at(chain.top, number) == "OFF"

        await until(off)


async def a_stopped_camera_ends_with_its_reason_and_comes_back(chain: Chain, camera: RtspCamera) -> None:
    call = await watch(chain, 3)
    await camera.kill()
    async with asyncio.timeout(30):
        await call.ended.wait()
    found = await known(chain.bottom, 3, "offline")
    assert found["step"] in ("rtsp_refused_connection", "rtsp_ended")
    failed = await chain.bottom.fetch("/metrics")
    assert b'reason="rtsp_refused_connection"' in failed or b'reason="rtsp_ended"' in failed
    await camera.start()
    await known(chain.bottom, 3, "online")
    again = await watch(chain, 3)
    assert decoded(again.ps)[0] == "hevc"
    await again.bye()


async def test_a_short_break_of_the_camera_is_bridged(tmp_path: Path) -> None:
    """It comes back before its stream is given up: the call above goes on, and times and numbers run on."""
    async with RtspCamera(codec="H264") as camera, running_chain(1, tmp_path, settings=SETTINGS) as chain:
        await enrol(chain.bottom, 0, camera)
        await known(chain.bottom, 0, "online")
        await chain.shown_above(channel_id(0))
        call = await watch(chain, 0)
        await camera.kill()
        await camera.start()
        before = len(call.units)
        await call.frames(before + 15, 30)
        assert not call.ended.is_set()
        assert decoded(call.ps)[1] >= before + 10
        await call.bye()
