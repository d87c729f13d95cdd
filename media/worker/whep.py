"""WebRTC viewing by WHEP (WebRTC-HTTP egress, draft-ietf-wish-whep): the same views and tokens as fragmented MP4.

``POST /whep/{view}?token=…`` with an SDP offer (``application/sdp``) is answered 201 with the SDP answer and the
address of the session in ``Location`` (relative to the request's own); ``DELETE`` there ends it. The answer has all
candidates, and those of the viewer are not needed: there is nothing to trickle, PATCH is 405. H.264 and G.711 pass as
they are; a header ``Audio-Left-Out`` says why a stream that has sound comes without. Turned away as in
`media.worker.viewing`, and: 400 no SDP, 406 a codec or an offer that does not fit, 413, 415, 503 too many viewers.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from media.errors import LocalError
from media.es.codecs import H264
from media.worker.candidates import NoPort
from media.worker.live_units import AUDIO_CODECS, LiveUnits, UnitQueue
from media.worker.rtp_track import RtpTrack
from media.worker.viewer_network import ViewerNetwork, ViewerNetworks
from media.worker.viewing import Viewing
from media.worker.views import NotAdmitted, View
from media.worker.whep_peer import CONNECT_S, WhepPeer
from media.worker.whep_sdp import Codec, Local, Offer, OfferRefused, Remote, answer

if TYPE_CHECKING:
    from media.worker.webrtc import WebRtcTransport

MOST_OFFER_BYTES = 65_536
OFFER_S = 10.0
MOST_PER_VIEW = 8
"""WebRTC viewers of one view: it belongs to one person, with a few windows at most."""
SDP = "application/sdp"
OTHER_PLAYER = "Use ws_url or mp4_url of the view, or have the camera send H.264 without B frames."

log = structlog.get_logger("media.worker.whep")


@dataclass(frozen=True, slots=True)
class WhepSettings:
    """``usual``: where viewers send to, ``networks``: where those of other networks do; ``most``: viewers of a worker.

    ``most`` 0: none."""

    usual: ViewerNetwork = ViewerNetwork()
    networks: tuple[ViewerNetwork, ...] = ()
    most: int = 200
    connect_s: float = CONNECT_S


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What comes of an offer: ``left_out`` says why there is no sound although the stream has some."""

    offer: Offer
    video: Codec
    audio: Codec | None
    left_out: str
    remote: Remote


@dataclass(slots=True)
class _Session:
    view: View
    queue: UnitQueue
    task: asyncio.Task[None]


class Whep:
    """The WebRTC viewers of one worker."""

    def __init__(self, viewing: Viewing, settings: WhepSettings) -> None:
        self._viewing = viewing
        self._settings = settings
        self._networks = ViewerNetworks(settings.usual, settings.networks)
        self._sessions: dict[str, _Session] = {}
        self._opening: list[View] = []
        preflight = {"Access-Control-Allow-Methods": "POST, DELETE, OPTIONS", "Access-Control-Max-Age": "86400"}
        self._preflight = preflight | {
            "Access-Control-Allow-Headers": "Content-Type, Authorization",
            "Accept-Post": SDP,
        }

    def __len__(self) -> int:
        return len(self._sessions)

    def add_routes(self, app: web.Application) -> None:
        """Serve ``/whep``."""
        app.router.add_route("*", "/whep/{view}", self._endpoint)
        app.router.add_route("*", "/whep/{view}/{session}", self._session)

    async def close(self) -> None:
        """End all viewers and wait for their goodbyes."""
        for session in self._sessions.values():
            session.queue.end("the worker stops")
        if tasks := [session.task for session in self._sessions.values()]:
            await asyncio.wait(tasks)

    async def _endpoint(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=self._viewing.headers | self._preflight)
        if request.method != "POST":
            return self._not_allowed("POST, OPTIONS")
        try:
            return await self._begin(request)
        except NotAdmitted as refusal:
            return self._viewing.turned_away(refusal)
        except OfferRefused as refusal:
            status = 400 if refusal.step == "bad_request" else 406
            return self._viewing.turned_away(
                NotAdmitted(status, refusal.step, str(refusal), refusal.message_zh, OTHER_PLAYER)
            )

    async def _session(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=self._viewing.headers | self._preflight)
        if request.method != "DELETE":
            return self._not_allowed("DELETE, OPTIONS")
        session = self._sessions.get(request.match_info["session"])
        if session is None or session.view.id != request.match_info["view"]:
            refusal = NotAdmitted(404, "unknown_dialog", "There is no such session.", "会话不存在。")
            return self._viewing.turned_away(refusal)
        session.queue.end("viewer left")
        await asyncio.wait((session.task,))
        return web.Response(headers=self._viewing.headers)

    def _not_allowed(self, allowed: str) -> web.Response:
        refusal = NotAdmitted(405, "unsupported", f"This address takes {allowed}.", f"此地址只支持 {allowed}。")
        answered = self._viewing.turned_away(refusal)
        answered.headers["Allow"] = allowed
        return answered

    # --- a new viewer -----------------------------------------------------------------------------------------------

    async def _begin(self, request: web.Request) -> web.Response:
        if not self._settings.most:
            raise NotAdmitted(404, "unsupported", "This node serves no WebRTC.", "本节点未启用 WebRTC。", OTHER_PLAYER)
        self._viewing.admit(request)  # before a byte of a stranger's is read
        text = await _offer_text(request)
        view, playable = await self._viewing.enter(request)
        _check_playable(playable.units)
        agreed, queue = _agree(Offer(text), playable.units), UnitQueue()
        if len(self._sessions) + len(self._opening) >= self._settings.most or self._on(view) >= MOST_PER_VIEW:
            raise _busy("too many WebRTC viewers", "WebRTC 观看者过多")
        self._opening.append(view)
        playable.units.expect(queue)
        try:
            session, said = await self._open(request, view, playable.units, queue, agreed)
        except BaseException:
            playable.units.leave(queue)
            raise
        finally:
            self._opening.remove(view)
        headers = {**self._viewing.headers, "Content-Type": SDP, "Location": f"{view.id}/{session}"}
        headers["Access-Control-Expose-Headers"] = "Location, Audio-Left-Out"
        if agreed.left_out:
            headers["Audio-Left-Out"] = agreed.left_out
        return web.Response(status=201, body=said.encode(), headers=headers)

    async def _open(
        self, request: web.Request, view: View, units: LiveUnits, queue: UnitQueue, agreed: _Agreed
    ) -> tuple[str, str]:
        """Open the transport and start the viewer; the session's id and our answer."""
        transport, cname = (await _load())(), secrets.token_hex(8)
        local = await self._listen(request, transport, cname)
        video = RtpTrack(agreed.video.payload_type)
        audio = RtpTrack(agreed.audio.payload_type) if agreed.audio is not None else None
        tracks = [("video", agreed.video, video.ssrc)]
        if agreed.audio is not None and audio is not None:
            tracks.append(("audio", agreed.audio, audio.ssrc))
        session = secrets.token_urlsafe(16)

        def count(size: int) -> None:
            view.bytes += size

        peer = WhepPeer(transport, queue, video, audio, cname, count=count, connect_s=self._settings.connect_s)
        task = asyncio.create_task(self._live(session, peer, view, units, agreed.remote), name=f"whep {view.id}")
        self._sessions[session] = _Session(view, queue, task)
        return session, answer(agreed.offer, local, tracks)

    async def _listen(self, request: web.Request, transport: WebRtcTransport, cname: str) -> Local:
        """Have the transport listen where the viewer can reach it. Raises `NotAdmitted`."""
        seen = request.transport.get_extra_info("sockname")[0] if request.transport is not None else ""
        own = transport.own_addresses()
        try:
            reached = self._networks.open(request.remote or "", seen, own)
        except NoPort as problem:
            raise _busy(f"no port for WebRTC: {problem}", f"没有可用的 WebRTC 端口（{problem}）") from problem
        try:
            return await transport.listen(reached, cname)
        except BaseException:
            await transport.close()
            for one in reached:
                one.sock.close()
            raise

    async def _live(self, session: str, peer: WhepPeer, view: View, units: LiveUnits, remote: Remote) -> None:
        """One viewer; the boundary at which a failure of ours is logged."""
        try:
            with self._viewing.watching(view, peer.queue):
                await peer.run(units, remote)
        except Exception as error:
            log.exception("webrtc viewer failed", view=view.id, error=repr(error))
        finally:
            self._sessions.pop(session, None)
            log.info("webrtc viewer left", view=view.id, reason=peer.queue.ended, bytes=peer.queue.sent)

    def _on(self, view: View) -> int:
        """How many viewers a view has, those included whose transport is being opened."""
        views = [session.view for session in self._sessions.values()] + self._opening
        return sum(one is view for one in views)


async def _load() -> type[WebRtcTransport]:
    """The transport of WebRTC, loaded when it is first needed: it brings aiortc with it. Raises `NotAdmitted`."""

    def load() -> type[WebRtcTransport]:
        from media.worker.webrtc import WebRtcTransport

        return WebRtcTransport

    try:
        return await asyncio.to_thread(load)
    except (ImportError, LocalError) as problem:
        log.error("webrtc is not available", error=str(problem))
        raise NotAdmitted(
            503,
            "internal",
            "WebRTC is not available on this node; see its log.",
            "本节点 WebRTC 不可用，详见日志。",
            OTHER_PLAYER,
        ) from problem


def _busy(why: str, why_zh: str) -> NotAdmitted:
    hint = "Use ws_url of the view, or raise media.webrtc_viewers, or widen media.webrtc_port_min/max."
    return NotAdmitted(503, "busy", f"No capacity is left: {why}.", f"资源不足：{why_zh}。", hint)


async def _offer_text(request: web.Request) -> str:
    """The body. Raises `NotAdmitted` (408, 413, 415), `OfferRefused`."""
    if request.content_type != SDP:
        raise NotAdmitted(415, "unsupported", f"The body has to be {SDP}.", f"请求体必须是 {SDP}。")
    body = b""
    try:
        async with asyncio.timeout(OFFER_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MOST_OFFER_BYTES:
                    raise NotAdmitted(413, "bad_request", "The offer is too large.", "SDP 过大。")
        return body.decode()
    except TimeoutError:
        raise NotAdmitted(408, "timeout", "The offer did not come in.", "SDP 接收超时。") from None
    except UnicodeDecodeError:
        raise OfferRefused("bad_request", "The offer is not UTF-8.", "SDP 不是 UTF-8 编码。") from None


def _agree(offer: Offer, units: LiveUnits) -> _Agreed:
    """Raises `OfferRefused`."""
    video, audio, left_out = offer.h264(units.profile), None, ""
    codec = units.audio_codec
    if codec in AUDIO_CODECS and codec is not None:
        audio = offer.g711(codec)
        left_out = "" if audio else f"the offer takes no {codec} beside the video"
    elif codec is not None:
        left_out = f"{codec} would have to be transcoded for WebRTC"
    return _Agreed(offer, video, audio, left_out, offer.remote(with_audio=audio is not None))


def _check_playable(units: LiveUnits) -> None:
    """Raises `NotAdmitted` for what browsers do not play over WebRTC."""
    if units.codec != H264:
        name = (units.codec or "This codec").replace("H26", "H.26")
        raise NotAdmitted(
            406,
            "codec_unplayable",
            f"{name} cannot be played over WebRTC; browsers take H.264 there.",
            f"WebRTC 无法播放 {name}，浏览器只支持 H.264。",
            OTHER_PLAYER,
        )
    if units.reordered:
        raise NotAdmitted(
            406,
            "codec_unplayable",
            "The stream has B frames, which WebRTC cannot play.",
            "码流含 B 帧，WebRTC 无法播放。",
            OTHER_PLAYER,
        )
