"""One live view of the byte platform: its dialog and its media leg."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from interop.wire import manscdp, sipwire
from interop.wire.media import Receiver, Unit, bound_udp
from interop.wire.port import WirePort
from interop.wire.sipwire import Path, Split


class WireCall:
    """A live view of ours. `units`: access units received; `ps`: the raw program stream; `faults`: departures seen."""

    def __init__(self, port: WirePort, channel: str, receiver: Receiver, path: Path) -> None:
        self.port, self.channel, self.receiver, self.path = port, channel, receiver, path
        self.answer: Split | None = None
        self.ended = asyncio.Event()
        self.invite: Split | None = None
        self.goodbye: Split | None = None
        """The other side's BYE."""
        self._sock: socket.socket | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._cseq = 1

    @property
    def units(self) -> list[Unit]:
        """Access units received so far."""
        return self.receiver.units

    @property
    def ps(self) -> bytes:
        """Program-stream bytes received so far (the first 16 MiB)."""
        return bytes(self.receiver.ps)

    @property
    def faults(self) -> list[str]:
        """What the media did wrong."""
        return list(self.receiver.faults)

    @property
    def codec(self) -> str:
        """ "H264", "H265" or "" while unknown; by the bitstream, else by the PSM."""
        return {0x1B: "H264", 0x24: "H265"}.get(self.receiver.codec or 0, "")

    async def first_key(self, timeout_s: float = 10.0) -> Unit:
        """Wait for the first key frame."""
        return await self.receiver.until(1, key=True, timeout_s=timeout_s)

    async def frames(self, count: int, timeout_s: float = 15.0) -> list[Unit]:
        """Wait until that many access units have come; all of them."""
        await self.receiver.until(count, timeout_s=timeout_s)
        return list(self.units)

    def in_dialog(self, method: str, *extra: str, body: bytes = b"", cseq: int | None = None) -> bytes:
        """A request in this call's dialog."""
        assert self.invite is not None and self.answer is not None
        if cseq is None:
            self._cseq += 1
        uri = sipwire.uri_of(self.answer.get("contact") or self.answer.need("to"))
        lines = [
            self.port.via(self.path),
            f"From: {self.invite.need('from')}",
            f"To: {self.answer.need('to')}",
            f"Call-ID: {self.invite.need('call-id')}",
            f"CSeq: {cseq or self._cseq} {method}",
            "Max-Forwards: 70",
            *extra,
        ]
        return sipwire.build(f"{method} {uri} SIP/2.0", lines, body)

    async def bye(self) -> Split:
        """End the call; the answer to the BYE."""
        answer = await self.port.ask(self.in_dialog("BYE"), self.path)
        self.close()
        return answer

    def close(self) -> None:
        """Close the media sockets."""
        self.ended.set()
        if self._udp:
            self._udp.close()
        elif self._sock:
            self._sock.close()
        if self._server:
            self._server.close()
        for writer in self._writers:
            writer.close()

    # -- media legs --------------------------------------------------------------------------------------------------

    async def open_leg(self, transport: str, port: int = 0) -> int:
        """Open what must be open before the offer leaves, at that port (0: any); the port to offer."""
        host = self.port.host
        if transport == "udp":
            self._sock = bound_udp(host, port)
            port = self._sock.getsockname()[1]
            loop = asyncio.get_running_loop()
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self.receiver, sock=self._sock)
            return int(port)
        if transport == "tcp_passive":
            self._server = await asyncio.start_server(self._accepted, host, port)
            return int(self._server.sockets[0].getsockname()[1])
        return 9

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        _ = self.port.spawn(self._read(reader))

    async def dial(self) -> None:
        """Connect to the address in the answer (transport tcp_active)."""
        assert self.answer is not None
        facts = manscdp.sdp_facts(self.answer.body)
        local = (self.port.host, 0)
        for _ in range(2):
            with contextlib.suppress(OSError):
                await self._accepted(*await asyncio.open_connection(facts.host, facts.port, local_addr=local))
                return
            await asyncio.sleep(1.0)
        await self._accepted(*await asyncio.open_connection(facts.host, facts.port, local_addr=local))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                self.receiver.stream(data)
