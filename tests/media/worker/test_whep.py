"""WHEP over real sockets: aiortc as an independent viewer of a real film, and everything that is refused."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from interop.demo.ports import free_range
from media.unit import AccessUnit
from media.worker import whep
from media.worker.broadcast import Broadcast, Fragment
from media.worker.control import CloseView, Event, OpenView, StalledStep, ViewerJoined, ViewerLeft
from media.worker.live_units import LiveUnits
from media.worker.viewer_network import ViewerNetwork
from media.worker.viewing import Changes, Viewing
from media.worker.views import ViewTable
from media.worker.whep import Whep, WhepSettings

HOST = "127.0.0.1"


class Camera:
    """An input that plays a film over and over."""

    missing: StalledStep = "no_key_frame"

    def __init__(self, units: list[AccessUnit], audio: str | None) -> None:
        self.broadcast, self.units = Broadcast(), LiveUnits()
        self.broadcast.start(b"INIT")
        self.broadcast.send(Fragment(b"KEY", True))
        self._film, self._audio = units, audio
        self._task = asyncio.create_task(self._play())

    def description(self) -> dict[str, Any]:
        return {}

    async def _play(self) -> None:
        pts = 90_000
        while True:
            for unit in self._film:
                shown = AccessUnit(unit.codec, pts, pts, unit.key, unit.data, "video")
                sound = [AccessUnit(self._audio, pts, pts, True, b"\xd5" * 320, "audio")] if self._audio else []
                self.units.offer([shown, *sound])
                pts += 3600
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Stand:
    """The web side of a stream worker with one view ``v`` of input ``in``."""

    def __init__(self) -> None:
        self.views, self.inputs, self.events = ViewTable(), dict[str, Camera](), list[Event]()
        self.http = aiohttp.ClientSession()
        self.whep: Whep | None = None
        self.peers: list[RTCPeerConnection] = []

    async def start(self, *, cors_origin: str = "*", **settings: Any) -> None:
        viewing = Viewing(
            self.views,
            self.inputs.get,
            Changes(),
            self.events.append,
            cors_origin=cors_origin,
            picture_wait_s=0.05,
            clock=lambda: 1000.0,
        )
        usual = ViewerNetwork(bind=HOST, ports=settings.pop("ports", None) or free_range(20, set()))
        self.whep = Whep(viewing, WhepSettings(usual, **settings))
        app = viewing.application()
        self.whep.add_routes(app)
        self.runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, HOST, 0).start()
        self.url = f"http://{HOST}:{self.runner.addresses[0][1]}/whep/"
        digest = hashlib.sha256(b"t").hexdigest()
        self.views.open(OpenView(view="v", input="in", token_sha256=digest, expires_at=2000.0))

    def play(self, units: list[AccessUnit], audio: str | None = "PCMA") -> None:
        self.inputs["in"] = Camera(units, audio)

    async def close(self) -> None:
        for peer in self.peers:
            await peer.close()
        assert self.whep is not None
        await self.whep.close()
        assert len(self.whep) == 0
        for camera in self.inputs.values():
            await camera.stop()
        await self.http.close()
        await self.runner.cleanup()

    # --- what a viewer does -----------------------------------------------------------------------------------------

    async def offer(self, *kinds: str) -> RTCPeerConnection:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)
        for kind in kinds or ("video", "audio"):
            peer.addTransceiver(kind, direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        return peer

    async def post(
        self, body: str | bytes, query: str = "?token=t", kind: str = whep.SDP, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, decoded body and headers."""
        sent = {"Content-Type": kind, **headers}
        async with self.http.post(f"{self.url}v{query}", data=body, headers=sent) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if "json" in reply.content_type else text, dict(reply.headers)

    async def watch(self, *kinds: str) -> tuple[RTCPeerConnection, dict[str, str], str]:
        """A viewer that connects; our answer's headers and text."""
        peer = await self.offer(*kinds)
        status, text, headers = await self.post(peer.localDescription.sdp)
        assert status == 201, text
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        return peer, headers, text

    async def left(self) -> ViewerLeft:
        async with asyncio.timeout(20):
            while not (told := [event for event in self.events if isinstance(event, ViewerLeft)]):
                await asyncio.sleep(0.01)
        return told[-1]


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: [HOST])
    place = Stand()
    yield place
    await place.close()


async def frames(peer: RTCPeerConnection, kind: str, count: int) -> list[Any]:
    """Decoded pictures or sounds of an independent receiver."""
    (receiver,) = [one.receiver for one in peer.getTransceivers() if one.kind == kind]
    return [await asyncio.wait_for(receiver.track.recv(), 20) for _ in range(count)]


async def test_a_film_arrives_decodable_with_its_sound_and_ends_by_delete(stand: Stand, film: Any) -> None:
    await stand.start(cors_origin="https://console.example")
    stand.play(film.units)
    peer, headers, text = await stand.watch()
    assert headers["Content-Type"] == "application/sdp" and "Audio-Left-Out" not in headers
    assert headers["Access-Control-Allow-Origin"] == "https://console.example"
    assert "Location" in headers["Access-Control-Expose-Headers"] and headers["Location"].startswith("v/")
    pictures = await frames(peer, "video", 12)
    assert {(picture.width, picture.height) for picture in pictures} == {(320, 240)}
    assert len({picture.to_ndarray(format="gray").tobytes() for picture in pictures}) > 6, "the stripes move"
    assert (await frames(peer, "audio", 3))[0].sample_rate == 8000
    async with stand.http.delete(stand.url + headers["Location"]) as reply:
        assert reply.status == 200
    left = await stand.left()
    assert left.reason == "viewer left" and left.bytes > 3000 and left.seconds > 0
    assert stand.views.stats()[0].bytes == left.bytes and stand.views.stats()[0].viewers == 0
    assert [event.viewer for event in stand.events if isinstance(event, ViewerJoined)] == [left.viewer]
    async with stand.http.delete(stand.url + headers["Location"]) as reply:
        assert (reply.status, (await reply.json())["step"]) == (404, "unknown_dialog")


async def test_the_negotiated_codec_is_the_one_that_is_sent(stand: Stand, film: Any) -> None:
    assert importlib.metadata.version("aiortc").startswith("1.16."), "read aiortc's private names again"
    await stand.start()
    stand.play(film.units, "PCMU")
    peer, _, text = await stand.watch()
    codecs = {one.kind: one._codecs[0] for one in peer.getTransceivers()}
    assert (codecs["video"].mimeType, codecs["audio"].mimeType) == ("video/H264", "audio/PCMU")
    assert "VP8" not in text and "opus" not in text
    await frames(peer, "video", 1)
    stats = await peer.getStats()
    assert sum(one.packetsReceived for one in stats.values() if one.type == "inbound-rtp" and one.kind == "video") > 0


async def test_sound_that_cannot_pass_is_left_out_with_its_reason(stand: Stand, film: Any) -> None:
    await stand.start()
    stand.play(film.units, "AAC")
    await asyncio.sleep(0.05)
    offered = await stand.offer()
    status, text, headers = await stand.post(offered.localDescription.sdp)
    assert status == 201 and "m=audio 0 " in text
    assert headers["Audio-Left-Out"] == "AAC would have to be transcoded for WebRTC"


async def test_an_offer_without_audio_gets_none_and_is_told(stand: Stand, film: Any) -> None:
    await stand.start()
    stand.play(film.units)
    await asyncio.sleep(0.05)
    peer, headers, text = await stand.watch("video")
    assert "m=audio" not in text
    assert headers["Audio-Left-Out"] == "the offer takes no PCMA beside the video"
    await frames(peer, "video", 1)


async def test_a_viewer_who_hangs_up_is_gone_and_a_closed_view_ends_its_viewer(stand: Stand, film: Any) -> None:
    await stand.start()
    stand.play(film.units)
    peer, _, _ = await stand.watch("video")
    await frames(peer, "video", 1)
    await peer.close()
    assert (await stand.left()).reason == "viewer left"
    stand.events.clear()
    peer, _, _ = await stand.watch("video")
    await frames(peer, "video", 1)
    stand.views.close(CloseView(view="v", reason="grant revoked"))
    assert (await stand.left()).reason == "grant revoked"


async def test_a_viewer_who_vanishes_is_ended(stand: Stand, film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.05)
    monkeypatch.setattr("aioice.ice.CONSENT_FAILURES", 2)
    await stand.start()
    stand.play(film.units)
    peer, _, _ = await stand.watch("video")
    await frames(peer, "video", 1)
    for protocol in peer.getTransceivers()[0].receiver.transport.transport._connection._protocols:
        protocol.transport.abort()
    assert (await stand.left()).reason == "the viewer vanished"


async def test_a_viewer_who_never_connects_is_ended(stand: Stand, film: Any) -> None:
    await stand.start(connect_s=0.05)
    stand.play(film.units)
    offered = await stand.offer("video")
    assert (await stand.post(offered.localDescription.sdp))[0] == 201
    assert (await stand.left()).reason.startswith("never connected")


async def test_who_may_not_watch_is_told_as_everywhere(stand: Stand, film: Any) -> None:
    await stand.start()
    assert (await stand.post("v=0"))[:2] == (
        504,
        {"error": "failure", "step": "no_input", "message": "The stream has not been started."},
    )
    stand.play(film.units)
    assert (await stand.post("v=0", "?token=wrong"))[0] == 403
    assert (await stand.post("v=0", ""))[0] == 403
    assert (await stand.post("v=0\n" + "a=x\n" * 20_000, ""))[0] == 403
    status, body, headers = await stand.post("v=0", "", Authorization="Bearer t")
    assert (status, body["step"], headers["Access-Control-Allow-Origin"]) == (406, "not_acceptable", "*")
    stand.views.open(OpenView(view="v", input="in", token_sha256=hashlib.sha256(b"t").hexdigest(), expires_at=999.0))
    status, body, _ = await stand.post("v=0")
    assert (status, body["step"]) == (410, "expired")


async def test_h265_and_b_frames_are_refused_in_words(stand: Stand, film: Any) -> None:
    await stand.start()
    stand.play([AccessUnit("H265", 0, 0, True, b"\x00\x00\x01\x26\x01", "video")])
    offered = await stand.offer()
    status, body, _ = await stand.post(offered.localDescription.sdp)
    assert (status, body["error"], body["step"]) == (406, "failure", "codec_unplayable")
    assert "H.265" in body["message"] and "H.265" in body["message_zh"] and "ws_url" in body["hint"]
    await stand.inputs["in"].stop()
    stand.play(film.units)
    stand.inputs["in"].units.reordered = True
    await stand.inputs["in"].stop()
    stand.inputs["in"].units.offer(film.units[:1])
    stand.inputs["in"].units.reordered = True
    status, body, _ = await stand.post(offered.localDescription.sdp)
    assert (status, body["step"]) == (406, "codec_unplayable") and "B frames" in body["message"]


async def test_bodies_that_are_no_offer_are_refused(stand: Stand, film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await stand.start()
    stand.play(film.units)
    assert (await stand.post("{}", kind="application/json"))[0] == 415
    assert (await stand.post("hello"))[1]["step"] == "bad_request"
    assert (await stand.post(b"v=0\n\xff"))[0] == 400
    assert (await stand.post("v=0\n" + "a=x\n" * 20_000))[0] == 413
    monkeypatch.setattr(whep, "OFFER_S", 0.02)

    async def slow() -> AsyncIterator[bytes]:
        yield b"v=0"
        await asyncio.sleep(0.3)

    async with stand.http.post(stand.url + "v?token=t", data=slow(), headers={"Content-Type": whep.SDP}) as reply:
        assert (reply.status, (await reply.json())["step"]) == (408, "timeout")


async def test_other_methods_and_the_browsers_question_before(stand: Stand) -> None:
    await stand.start()
    for path in ("v", "v/session"):
        async with stand.http.options(stand.url + path) as reply:
            assert reply.status == 204
            assert reply.headers["Access-Control-Allow-Methods"] == "POST, DELETE, OPTIONS"
            assert reply.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization"
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
    async with stand.http.get(stand.url + "v?token=t") as reply:
        assert (reply.status, reply.headers["Allow"]) == (405, "POST, OPTIONS")
    async with stand.http.patch(stand.url + "v/session", data="a=candidate") as reply:
        assert (reply.status, reply.headers["Allow"]) == (405, "DELETE, OPTIONS")
        assert (await reply.json())["step"] == "unsupported"


async def test_viewers_are_bounded(stand: Stand, film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whep, "MOST_PER_VIEW", 1)
    await stand.start(most=3)
    stand.play(film.units)
    text = (await stand.offer("video")).localDescription.sdp
    assert (await stand.post(text))[0] == 201
    status, body, _ = await stand.post(text)
    assert (status, body["step"]) == (503, "busy") and "webrtc_viewers" in body["hint"]


async def test_viewers_who_come_all_at_once_are_bounded_too(
    stand: Stand, film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whep, "MOST_PER_VIEW", 2)
    await stand.start()
    stand.play(film.units)
    text = (await stand.offer("video")).localDescription.sdp
    answers = await asyncio.gather(*(stand.post(text) for _ in range(6)))
    assert sorted(status for status, _, _ in answers) == [201] * 2 + [503] * 4
    assert all("WebRTC" in body["message_zh"] for status, body, _ in answers if status == 503)


async def test_a_view_that_ends_while_its_viewer_is_let_in_shows_nothing(
    stand: Stand, film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from media.worker.webrtc import WebRtcTransport

    listen = WebRtcTransport.listen

    async def meanwhile(self: Any, reached: Any, cname: str) -> Any:
        stand.views.close(CloseView(view="v", reason="grant revoked"))
        return await listen(self, reached, cname)

    monkeypatch.setattr(WebRtcTransport, "listen", meanwhile)
    await stand.start()
    stand.play(film.units)
    peer = await stand.offer("video")
    status, text, _ = await stand.post(peer.localDescription.sdp)
    assert status == 201
    left = await stand.left()
    assert (left.reason, left.bytes) == ("the view has ended", 0)


async def test_ports_are_bounded(stand: Stand, film: Any) -> None:
    first, _ = free_range(2, set())
    await stand.start(ports=(first, first))
    stand.play(film.units)
    text = (await stand.offer("video")).localDescription.sdp
    assert (await stand.post(text))[0] == 201
    status, body, _ = await stand.post(text)
    assert (status, body["step"]) == (503, "busy") and "no port" in body["message"]


async def test_a_node_may_serve_no_webrtc(stand: Stand, film: Any) -> None:
    await stand.start(most=0)
    stand.play(film.units)
    assert (await stand.post("v=0"))[1]["step"] == "unsupported"


async def test_webrtc_that_cannot_be_loaded_is_said(stand: Stand, film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await stand.start()
    stand.play(film.units)
    text = (await stand.offer("video")).localDescription.sdp
    monkeypatch.setitem(sys.modules, "media.worker.webrtc", None)
    status, body, _ = await stand.post(text)
    assert (status, body["step"]) == (503, "internal") and "not available" in body["message"]


async def test_sockets_that_cannot_be_taken_over_are_closed(
    stand: Stand, film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from media.worker.webrtc import WebRtcTransport

    async def broken(self: Any, reached: Any, cname: str) -> None:
        raise OSError("no memory")

    await stand.start()
    stand.play(film.units)
    text = (await stand.offer("video")).localDescription.sdp
    monkeypatch.setattr(WebRtcTransport, "listen", broken)
    assert (await stand.post(text))[0] == 500
    assert stand.whep is not None and len(stand.whep) == 0


async def test_a_fault_of_ours_ends_one_viewer_and_is_logged(
    stand: Stand, film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any) -> None:
        raise ZeroDivisionError

    await stand.start()
    stand.play(film.units)
    monkeypatch.setattr("media.worker.whep_peer.WhepPeer._tracks", broken)
    assert (await stand.post((await stand.offer("video")).localDescription.sdp))[0] == 201
    assert (await stand.left()).bytes == 0
    await asyncio.sleep(0)
    assert stand.whep is not None and len(stand.whep) == 0
