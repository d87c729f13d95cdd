"""One live view of the byte device: its dialog and its media leg."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

from interop.wire.manscdp import SdpFacts
from interop.wire.media import Sender, Unit, bound_udp
from interop.wire.port import WirePort
from interop.wire.sipwire import Path, Split


@dataclass
class DeviceCall:
    """One INVITE a device accepted: its dialog and its media leg.

    `answer`: our 200 as sent, empty before; `ended_by`: "BYE", "CANCEL", "device" or "closed".
    """

    channel: str
    invite: Split
    path: Path
    local_tag: str
    sender: Sender
    answer: bytes = b""
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_by: str = ""
    task: asyncio.Task[None] | None = None
    _sock: socket.socket | None = None
    _listener: asyncio.Server | None = None
    _connected: asyncio.Queue[asyncio.StreamWriter] = field(default_factory=asyncio.Queue)

    @property
    def units(self) -> list[Unit]:
        """Access units sent so far."""
        return self.sender.units

    async def open_leg(self, host: str, offer: SdpFacts) -> tuple[int, str]:
        """Bind what suits the offer; port and a=setup of the answer (port 9: this side connects)."""
        if not offer.tcp:
            self._sock = bound_udp(host)
            return self._sock.getsockname()[1], ""
        if offer.setup != "active":
            return 9, "active"

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._connected.put_nowait(writer)

        self._listener = await asyncio.start_server(accept, host, 0)
        return self._listener.sockets[0].getsockname()[1], "passive"

    async def repeat_until_acked(self, port: WirePort) -> None:
        """Send the 200 again until its ACK comes (RFC 3261 13.3.1.4)."""
        wait = 0.5
        while not self.acked.is_set():
            try:
                await asyncio.wait_for(self.acked.wait(), wait)
            except TimeoutError:
                wait = min(wait * 2, 4.0)
                port.send(self.answer, self.path)

    async def send_media(self, host: str, offer: SdpFacts, *, other_port: bool = False) -> None:
        """Send to where the offer says until cancelled; `other_port`: over UDP from a port the answer does not name."""
        if self._sock is not None:
            sock = bound_udp(host) if other_port else self._sock
            try:
                await self.sender.run_udp(sock, (offer.host, offer.port))
            finally:
                sock.close()
        elif self._listener is not None:
            await self.sender.run_tcp(await self._connected.get())
        else:
            await self.sender.run_tcp(await _connect(host, offer))

    def close(self, by: str) -> None:
        """End it without a word; what ended it first is kept."""
        if not self.ended.is_set():
            self.ended_by = by
            self.ended.set()
        if self.task:
            self.task.cancel()
        if self._sock:
            self._sock.close()
        if self._listener:
            self._listener.close()
        while not self._connected.empty():
            self._connected.get_nowait().close()


async def _connect(host: str, offer: SdpFacts) -> asyncio.StreamWriter:
    for _ in range(3):
        try:
            _, writer = await asyncio.open_connection(offer.host, offer.port, local_addr=(host, 0))
            return writer
        except OSError:
            await asyncio.sleep(1.0)
    raise ConnectionError(f"nobody listens at {offer.host}:{offer.port}")
