"""One client's connection: reads requests, answers, and plays."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from interop.device.source import LiveSource
from interop.rtsp.datagrams import DatagramPair
from interop.rtsp.dialogue import Action, Offer, ServerDialogue
from interop.rtsp.login import Login
from interop.rtsp.message import BadMessage, Interleaved, Request, RequestFramer, interleaved
from interop.rtsp.playback import Playback
from interop.rtsp.settings import Fault, RtspSettings
from interop.rtsp.transport import Transport

READ = 64 * 1024

Tell = Callable[[str, dict[str, Any]], None]


class Connection:
    """Runs until the client leaves, is silent for too long, or is cut off."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        settings: RtspSettings,
        offers: Mapping[str, Offer],
        sources: Mapping[str, LiveSource],
        datagrams: DatagramPair,
        fault: Callable[[], Fault],
        tell: Tell,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._settings = settings
        self._sources = sources
        self._datagrams = datagrams
        self._fault = fault
        self._tell = tell
        self._playback: Playback | None = None
        self._clock = asyncio.get_running_loop().time
        self.host, self.port = writer.get_extra_info("peername")[:2]
        login = Login(settings.auth, settings.username, settings.password, secrets.token_hex(16))
        self.dialogue = ServerDialogue(settings, offers, login, server_ports=datagrams.ports, fault=fault)
        self.dialogue.heard(self._clock())

    async def run(self) -> None:
        """Serve the client; the connection is closed afterwards."""
        try:
            await self._serve()
        except BadMessage as error:
            self._say("no RTSP", reason=str(error))
        except OSError as error:
            if self.dialogue.session:  # a reset after TEARDOWN is how some clients leave
                self._say("broken", reason=str(error))
        finally:
            self._stop()
            self._writer.transport.abort()

    def heard(self, port: int) -> None:
        """RTCP came from that port of the client's host: the session lives, if the port is its own."""
        if any(not leg.transport.tcp and leg.transport.rtcp_port == port for leg in self.dialogue.legs.values()):
            self.dialogue.heard(self._clock())

    def send(self, transport: Transport, packet: bytes, *, control: bool) -> bool:
        """One packet to the client; False when it reads too slowly and was cut off."""
        if not transport.tcp:
            port = transport.rtcp_port if control else transport.port
            self._datagrams.send(packet, (self.host, port), control=control)
            return True
        return self._write(interleaved(transport.channel + control, packet))

    def cut(self) -> None:
        """Break the connection."""
        self._writer.transport.abort()

    async def _serve(self) -> None:
        framer = RequestFramer()
        while (data := await self._read()) is not None:
            for message in framer.feed(data):
                if isinstance(message, Interleaved):
                    self.dialogue.heard(self._clock())
                elif not self._answer(message):
                    return

    async def _read(self) -> bytes | None:
        """The next bytes; None at the end, which a session that timed out comes to only when more silence follows."""
        while True:
            try:
                async with asyncio.timeout_at(self.dialogue.deadline):
                    return await self._reader.read(READ) or None
            except TimeoutError:
                if self._clock() < self.dialogue.deadline:
                    continue
                if not self.dialogue.session:
                    return None
                self._say("timeout")
                self._stop()
                self.dialogue.end()
                self.dialogue.heard(self._clock())

    def _answer(self, request: Request) -> bool:
        offer = self.dialogue.offer
        answer = self.dialogue.answer(request, self._clock())
        self._say("request", method=request.method, status=answer.data[9:12].decode("latin-1"))
        if not self._write(answer.data):
            return False
        if answer.action is Action.PLAY:
            self._play()
        elif answer.action is not None and offer is not None:
            self._stop()
        return True

    def _play(self) -> None:
        assert self.dialogue.offer is not None, "PLAY is answered 200 only within a session"
        self._playback = Playback(
            self.dialogue.legs.values(),
            self._sources[self.dialogue.offer.path],
            self,
            self._clock,
            self._fault,
            self._settings.fault_after_s,
        )
        self._say("playing", path=self.dialogue.offer.path)

    def _stop(self) -> None:
        playback, self._playback = self._playback, None
        if playback is not None:
            playback.stop()
            self._say("stopped")

    def _write(self, data: bytes) -> bool:
        transport = self._writer.transport
        if transport.is_closing():
            return False
        transport.write(data)
        if transport.get_write_buffer_size() > self._settings.max_backlog:
            self._say("too slow")
            transport.abort()
            return False
        return True

    def _say(self, event: str, **facts: Any) -> None:
        self._tell(event, {"client": f"{self.host}:{self.port}", **facts})
