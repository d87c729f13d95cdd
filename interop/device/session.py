"""Sending one channel's stream to one receiver: PS in RTP over UDP or over TCP (RFC 4571), paced as it is encoded."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from interop.device.source import Frame, LiveSource
from media import PsMuxer, RtpPacketizer
from media.rtp_over_tcp import frame as rfc4571

MAX_UNSENT = 4 * 1024 * 1024
"""Bytes waiting in a TCP connection before whole frames are dropped, up to the next key frame."""

CONNECT_TRIES = 3
CONNECT_PAUSE_S = 1.0
CONNECTED_WITHIN_S = 20.0


KEPT_UNITS = 2000


@dataclass(slots=True)
class Sent:
    """What a session has sent.

    units    SHA-256 of the last access units' elementary streams, each with whether it is a key frame
    packets  RTP packets handed to the socket
    dropped  access units left out because the TCP connection was behind
    lost     datagrams the socket did not take
    """

    units: deque[tuple[str, bool]] = field(default_factory=lambda: deque(maxlen=KEPT_UNITS))
    packets: int = 0
    dropped: int = 0
    lost: int = 0


class MediaSession:
    """One call's stream. Open the socket first (`open_udp`, `listen`), start sending at the ACK."""

    def __init__(self, source: LiveSource, ssrc: int, payload_type: int, on_end: Callable[[str], None]) -> None:
        self.sent = Sent()
        self.ssrc = ssrc
        self.payload_type = payload_type
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
        self._behind = False
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

    async def connect(self, remote: tuple[str, int], *, pause_s: float = CONNECT_PAUSE_S) -> None:
        """TCP active: connect, three tries a second apart (GB/T 28181-2022 Annex D). Raises OSError."""
        for attempt in range(CONNECT_TRIES):
            try:
                reader, writer = await asyncio.open_connection(*remote)
            except OSError:
                if attempt == CONNECT_TRIES - 1:
                    raise
                await asyncio.sleep(pause_s)
            else:
                self._use(reader, writer)
                return

    async def start(self, *, within_s: float = CONNECTED_WITHIN_S) -> None:
        """Begin to send as soon as there is a way to the receiver; TimeoutError when nobody connects in time."""
        if self._udp is None:
            await asyncio.wait_for(self._connected.wait(), within_s)
        if not self._closed:
            self._unsubscribe = self._source.subscribe(self._send)

    async def close(self) -> None:
        """Stop sending and close the sockets."""
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
        if self._closed or self._left_out(unit.key):
            return
        packets = self._packetizer.packets(self._muxer.mux(unit, audio), unit.pts)
        self.sent.units.append((hashlib.sha256(unit.data).hexdigest(), unit.key))
        if self._writer is not None:
            self.sent.packets += len(packets)
            self._writer.write(b"".join(rfc4571(packet) for packet in packets))
            return
        assert self._udp is not None and self._remote is not None
        for packet in packets:
            try:
                self._udp.sendto(packet, self._remote)
            except OSError:  # a full buffer or an ICMP error is one lost packet
                self.sent.lost += 1
            else:
                self.sent.packets += 1

    def _left_out(self, key: bool) -> bool:
        """Whether this unit is dropped: the connection is behind, or it was and no key frame came since."""
        full = self._writer is not None and self._writer.transport.get_write_buffer_size() > MAX_UNSENT
        self._behind = full or (self._behind and not key)
        self.sent.dropped += self._behind
        return self._behind
