"""HTTP and WebSocket side of a stream worker: the picture of a view as fragmented MP4.

``GET /live/{view}.mp4?token=…`` is an endless chunked ``video/mp4`` that starts at a key frame.
``GET /live/{view}.ws?token=…`` is a WebSocket with one JSON text (codec, mime, size, watermark), then binary init
segments and fragments. Turned away with a JSON body ``{"error", "step", "message"}``: 403 wrong token, 404 no such
view, 410 view ended, 504 no picture in time. WebRTC is beside it (`media.worker.whep`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Protocol

from aiohttp import web

from media.worker.broadcast import Broadcast, Viewer
from media.worker.control import Event, StalledStep, ViewerJoined, ViewerLeft, ViewWanted
from media.worker.live_units import LiveUnits
from media.worker.views import NotAdmitted, View, ViewTable, Watching

PICTURE_WAIT_S = 10.0
WRITE_TIMEOUT_S = 20.0
"""A viewer whose connection takes nothing for this long is cut."""

WORDS = {
    "no_input": "The stream has not been started.",
    "no_packet": "No media packet has arrived from the camera's side.",
    "no_ps": "Packets arrive, but they carry no MPEG program stream.",
    "no_key_frame": "The stream runs, but no key frame has come yet.",
    "undecodable": "The codec of this stream cannot be shown in a browser.",
}


class Playable(Protocol):
    """What viewing needs of an input."""

    broadcast: Broadcast
    units: LiveUnits

    @property
    def missing(self) -> StalledStep:
        """The step without which there is no picture."""
        ...

    def description(self) -> dict[str, Any]:
        """``codec``, ``mime``, ``width``, ``height`` of the running stream."""
        ...


class Changes:
    """Wakes everybody who waits for something to change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Something changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Until the next change."""
        await self._event.wait()


class Viewing:
    """The web application. ``find`` gives the input of a name, ``emit`` tells the control process."""

    def __init__(
        self,
        views: ViewTable,
        find: Callable[[str], Playable | None],
        changes: Changes,
        emit: Callable[[Event], None],
        *,
        cors_origin: str = "*",
        picture_wait_s: float = PICTURE_WAIT_S,
        write_timeout_s: float = WRITE_TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._views = views
        self._find = find
        self._changes = changes
        self._emit = emit
        self.headers = {"Access-Control-Allow-Origin": cors_origin, "Cache-Control": "no-store"}
        self._picture_wait_s = picture_wait_s
        self._write_timeout_s = write_timeout_s
        self._clock = clock
        self._viewer_ids = iter(range(1, 1 << 62))

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_get(r"/live/{view:[^/]+}.mp4", self._mp4)
        app.router.add_get(r"/live/{view:[^/]+}.ws", self._websocket)
        return app

    async def _mp4(self, request: web.Request) -> web.StreamResponse:
        try:
            view, playable = await self.enter(request)
        except NotAdmitted as refusal:
            return self.turned_away(refusal)
        response = web.StreamResponse(headers={**self.headers, "Content-Type": "video/mp4"})
        if request.version >= (1, 1):
            response.enable_chunked_encoding()
        else:
            response.force_close()  # its end is the only end mark HTTP/1.0 has
        viewer = Viewer()
        with self.watching(view, viewer), _joined(playable.broadcast, viewer):
            await response.prepare(request)
            await self._pump(view, viewer, response.write)
        return response

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        try:
            view, playable = await self.enter(request)
        except NotAdmitted as refusal:
            return self.turned_away(refusal)
        socket = web.WebSocketResponse(compress=False, heartbeat=20.0, max_msg_size=4096)
        await socket.prepare(request)
        viewer = Viewer()
        with self.watching(view, viewer), _joined(playable.broadcast, viewer):
            await socket.send_json({**playable.description(), "watermark": view.watermark})
            async with _reading(socket, viewer):
                await self._pump(view, viewer, socket.send_bytes)
        await socket.close()
        return socket

    def admit(self, request: web.Request) -> View:
        """The view of a request with the right token, in the query or as WHEP players send it. Raises `NotAdmitted`."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return self._views.admit(request.match_info["view"], request.query.get("token", bearer), self._clock())

    async def enter(self, request: web.Request) -> tuple[View, Playable]:
        """Let a request in and wait for its picture. Raises `NotAdmitted`."""
        view = self.admit(request)
        try:
            async with asyncio.timeout(self._picture_wait_s):
                return view, await self._picture(view)
        except TimeoutError:
            playable = self._find(view.input)
            step = playable.missing if playable is not None else "no_input"
            raise NotAdmitted(504, step, WORDS[step]) from None

    async def _picture(self, view: View) -> Playable:
        wanted = False
        while True:
            playable = self._find(view.input)
            if playable is not None and playable.broadcast.ready:
                return playable
            if playable is None and not wanted:
                wanted = True
                self._emit(ViewWanted(view=view.id))
            await self._changes.wait()
            if self._views.get(view.id) is not view:
                raise NotAdmitted(410, "ended", "This view has ended.")

    @contextlib.contextmanager
    def watching(self, view: View, viewer: Watching) -> Iterator[None]:
        """Account for a viewer, however his viewing ends. His view may have ended since he was let in: then he ends."""
        number = next(self._viewer_ids)
        started = time.monotonic()
        view.viewers[number] = viewer
        view.joined += 1
        self._emit(ViewerJoined(view=view.id, viewer=number))
        if self._views.get(view.id) is not view:
            viewer.end("the view has ended")
        try:
            yield
        finally:
            del view.viewers[number]
            view.dropped += viewer.dropped
            seconds = time.monotonic() - started
            reason = viewer.ended or "viewer left"
            self._emit(ViewerLeft(view=view.id, viewer=number, seconds=seconds, bytes=viewer.sent, reason=reason))

    async def _pump(self, view: View, viewer: Viewer, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send until the stream, the view or the viewer ends."""
        try:
            while (data := await viewer.next()) is not None:
                async with asyncio.timeout(self._write_timeout_s):
                    await send(data)
                viewer.sent += len(data)
                view.bytes += len(data)
        except TimeoutError:
            viewer.end("the viewer takes nothing")
        except ConnectionError:
            viewer.end("viewer left")

    def turned_away(self, refusal: NotAdmitted) -> web.Response:
        """The answer to a request that is not let in."""
        return web.json_response(refusal.to_json(), status=refusal.status, headers=self.headers)


@contextlib.contextmanager
def _joined(broadcast: Broadcast, viewer: Viewer) -> Iterator[None]:
    broadcast.join(viewer)
    try:
        yield
    finally:
        broadcast.leave(viewer)


@contextlib.asynccontextmanager
async def _reading(socket: web.WebSocketResponse, viewer: Viewer) -> AsyncIterator[None]:
    """Read the other direction, which says nothing but that the viewer is gone."""

    async def read() -> None:
        async for _ in socket:
            pass
        viewer.end("viewer left")

    reader = asyncio.create_task(read())
    try:
        yield
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
