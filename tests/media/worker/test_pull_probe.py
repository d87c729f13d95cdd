"""Asking a camera what it offers, over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from media.errors import LocalError
from media.worker.control import Probed, ProbeSource
from media.worker.pull_probe import probe
from tests.stand.wire_rtsp import WireRtsp


async def test_a_camera_says_what_it_offers_and_is_not_made_to_send() -> None:
    async with WireRtsp(sound=True) as camera:
        assert await probe(ProbeSource(url=camera.url)) == Probed(video_codec="H264", audio_codec="PCMA")
        assert camera.methods == ["DESCRIBE"] and camera.playing == 0


@pytest.mark.parametrize("auth", ["Digest", "Basic"])
async def test_the_login_is_given_when_it_is_asked_for(auth: str) -> None:
    async with WireRtsp(password="s3cret", auth=auth) as camera:
        right = ProbeSource(url=camera.url, username="u", password="s3cret")
        assert (await probe(right)).reason is None
        wrong = ProbeSource(url=camera.url, username="u", password="other")
        assert await probe(wrong) == Probed(reason="not_authorised", detail="401 Unauthorized")
        assert (await probe(ProbeSource(url=camera.url))).reason == "not_authorised"
        assert "s3cret" not in repr(right) and "s3cret" not in str(right)


async def test_a_camera_that_is_not_there_says_so_too() -> None:
    async with WireRtsp() as camera:
        url = camera.url
    assert (await probe(ProbeSource(url=url))).reason == "connect_refused"


async def test_one_that_closes_the_door_or_says_nothing_has_its_reason() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    for answer, reason in ((close, "ended"), (nothing, "timeout")):
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert (await probe(ProbeSource(url=f"rtsp://127.0.0.1:{port}/", timeout_s=0.3))).reason == reason
        server.close()
        await server.wait_closed()


async def test_what_is_no_address_is_our_own_fault() -> None:
    with pytest.raises(LocalError):
        await probe(ProbeSource(url="http://192.0.2.1/"))
