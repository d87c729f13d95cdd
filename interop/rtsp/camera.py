"""A camera that speaks RTSP: listens, encodes while somebody watches, and fails as it is told to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from interop.device.picture import MovingPicture, PictureSettings, ToneEncoder, VideoEncoder
from interop.device.source import LiveSource
from interop.rtsp.connection import Connection, Tell
from interop.rtsp.datagrams import DatagramPair
from interop.rtsp.dialogue import Offer
from interop.rtsp.medium import media_of
from interop.rtsp.settings import RtspSettings, Stream
from interop.rtsp.tone import AacTone


class RtspCamera:
    """`async with RtspCamera(RtspSettings(username="u", password="p")) as camera: camera.url`.

    `tell` hears of every request, of playing, and of clients that were cut off. `fault` may be changed at any time;
    what is wrong with the media holds for streams that play already.
    """

    def __init__(self, settings: RtspSettings | None = None, tell: Tell | None = None) -> None:
        self.settings = settings or RtspSettings()
        self.fault = self.settings.fault
        self.port = self.settings.port
        self._tell = tell or (lambda event, facts: None)
        self._server: asyncio.Server | None = None
        self._datagrams = DatagramPair()
        self._offers: dict[str, Offer] = {}
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        title = self.settings.name
        self._sources = {_path(stream): _source(stream, title) for stream in self.settings.streams}

    @property
    def url(self) -> str:
        """The address of the first stream, without user and password."""
        return self.url_of(self.settings.streams[0].path)

    def url_of(self, path: str) -> str:
        """The address of the stream at `path`."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"rtsp://{host}:{self.port}{path}"

    @property
    def clients(self) -> int:
        """Connections that are open."""
        return len(self._connections)

    @property
    def encoding(self) -> bool:
        """Whether any stream is being encoded."""
        return any(source.encoding for source in self._sources.values())

    async def start(self) -> None:
        """Listen; at the same port as before after a stop(). OSError when the port is taken."""
        for stream in self.settings.streams if not self._offers else ():
            sets = await asyncio.to_thread(first_unit, stream.picture)
            self._offers[_path(stream)] = Offer(_path(stream), media_of(stream, sets))
        self._datagrams = DatagramPair()
        await self._datagrams.open(self.settings.host, self._heard)
        try:
            self._server = await asyncio.start_server(self._accept, self.settings.host, self.port)
        except OSError:
            self._datagrams.close()
            raise
        self.port = self._server.sockets[0].getsockname()[1]
        self._tell("listening", {"url": self.url})

    async def stop(self) -> None:
        """Cut every client off and give the ports back."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        tasks = list(self._connections.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for source in self._sources.values():
            await source.close()
        self._datagrams.close()

    async def __aenter__(self) -> RtspCamera:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= self.settings.max_clients or self._server is None:
            self._tell("too many", {"clients": len(self._connections)})
            writer.transport.abort()
            return
        connection = Connection(
            reader, writer, self.settings, self._offers, self._sources, self._datagrams, lambda: self.fault, self._tell
        )
        task = asyncio.create_task(connection.run(), name=f"RTSP client {connection.host}:{connection.port}")
        self._connections[connection] = task
        task.add_done_callback(lambda _: self._connections.pop(connection))

    def _heard(self, host: str, port: int) -> None:
        for connection in self._connections:
            if connection.host == host:
                connection.heard(port)


def _path(stream: Stream) -> str:
    return stream.path.rstrip("/")


def _source(stream: Stream, title: str) -> LiveSource:
    picture = replace(stream.picture, audio=bool(stream.sound))
    return LiveSource(picture, title, AacTone if stream.sound == "AAC" else ToneEncoder)


def first_unit(picture: PictureSettings) -> bytes:
    """A key frame with the parameter sets every key frame of these settings has."""
    drawing, encoder = MovingPicture(picture, ""), VideoEncoder(picture)
    for number in range(picture.gop):
        for unit in encoder.encode(drawing.frame(number, 0.0), number, key=number == 0):
            return unit.data
    raise RuntimeError(f"the {picture.codec} encoder gave nothing")
