"""Sending one channel's stream to one receiver: PS in RTP over UDP or over TCP (RFC 4571), paced as it is encoded."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from interop.device.source import Frame, LiveSource
from media import PsMuxer, RtpPacketizer
from media.rtp_over_tcp import frame as rfc4571

MAX_UNSENT = 4 * 1024 * 1024
"""Bytes waiting in a TCP connection before whole frames are dropped."""


@dataclass(slots=True)
class Sent:
    """What a session has sent: the SHA-256 of each access unit's elementary stream and whether it is a key frame."""

    units: list[tuple[str, bool]] = field(default_factory=list)
    packets: int = 0
    dropped: int = 0


class MediaSession:
    """One call's stream. Open the socket first (`open_udp`, `listen`), start sending at the ACK."""

    def __init__(self, source: LiveSource, ssrc: int, payload_type: int, on_end: Callable[[str], None]) -> None:
        self.sent = Sent()
        self._source = source
        self._muxer = PsMuxer(source.settings.codec, "PCMA" if source.settings.audio else None)
        self._packetizer = RtpPacketizer(ssrc, payload_type)
        self._on_end = on_end
        self._udp: socket.socket | None = None
        self._remote: tuple[str, int] | None = None
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._unsubscribe: Callable[[], None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._closed = False

    def open_udp(self, host: str, remote: tuple[str, int]) -> int:
        """Bind the sending socket; our port."""
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setblocking(False)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._udp.bind((host, 0))
        self._remote = remote
        return int(self._udp.getsockname()[1])

    async def listen(self, host: str) -> int:
        """TCP passive: accept one connection; our port."""
        self._server = await asyncio.start_server(self._accepted, host, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def connect(self, remote: tuple[str, int]) -> None:
        """TCP active: connect, three tries a second apart (GB/T 28181-2022 Annex D)."""
        for attempt in range(3):
            try:
                reader, writer = await asyncio.open_connection(*remote)
            except OSError:
                if attempt == 2:
                    raise
                await asyncio.sleep(1)
            else:
                self._use(reader, writer)
                return

    async def start(self) -> None:
        """Begin to send as soon as there is a way to the receiver."""
        if self._udp is None:
            await asyncio.wait_for(self._connected.wait(), 20)
        if not self._closed:
            self._unsubscribe = self._source.subscribe(self._send)

    async def close(self) -> None:
        self._closed = True
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._udp is not None:
            self._udp.close()
        if self._server is not None:
            self._server.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None or self._closed:
            writer.close()
            return
        self._use(reader, writer)

    def _use(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._reading = asyncio.create_task(self._watch(reader), name="media connection")
        self._connected.set()

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        """Receivers send nothing but RTCP; the end of the connection ends the session."""
        try:
            while await reader.read(65536):
                pass
        except OSError:
            pass
        if not self._closed:
            self._on_end("media connection closed")

    def _send(self, frame: Frame) -> None:
        unit, audio = frame
        if self._closed:
            return
        if self._writer is not None and self._writer.transport.get_write_buffer_size() > MAX_UNSENT:
            self.sent.dropped += 1
            return
        packets = self._packetizer.packets(self._muxer.mux(unit, audio), unit.pts)
        self.sent.units.append((hashlib.sha256(unit.data).hexdigest(), unit.key))
        del self.sent.units[:-2000]
        self.sent.packets += len(packets)
        if self._writer is not None:
            self._writer.write(b"".join(rfc4571(packet) for packet in packets))
        elif self._udp is not None and self._remote is not None:
            for packet in packets:
                with contextlib.suppress(OSError):  # a full buffer or an ICMP error is one lost packet
                    self._udp.sendto(packet, self._remote)
