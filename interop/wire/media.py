"""Media legs by hand: a sender and a receiver of PS over RTP, on UDP or on TCP with RFC 4571 framing."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from interop.wire import psbytes, video

MAX_PAYLOAD = 1388
_KEPT_PS = 16 << 20


@dataclass(frozen=True, slots=True)
class Unit:
    """One access unit as sent or received: SHA-256 of its Annex B bytes, PES PTS in 90 kHz ticks, key-frame flag."""

    sha256: str
    pts: int | None
    key: bool
    size: int


class Picture:
    """The endless run of access units of one camera, each made unique by a running number."""

    def __init__(self, codec: int, camera: int, first_pts: int) -> None:
        self.codec, self.first_pts = codec, first_pts
        self._units = video.encoded(codec, camera)
        self._at = 0
        self._numbers = itertools.count()

    def skip_to_key(self) -> None:
        """Make the next unit a key frame."""
        while not self._units[self._at % len(self._units)][1]:
            self._at += 1

    def __iter__(self) -> Iterator[tuple[bytes, int, bool]]:
        """(unit, pts, key) without end."""
        while True:
            unit, key = self._units[self._at % len(self._units)]
            self._at += 1
            number = next(self._numbers)
            pts = (self.first_pts + number * (90000 // video.FPS)) % (1 << 33)
            yield video.counted(unit, self.codec, number), pts, key


@dataclass
class Sender:
    """Sends one call's pictures until cancelled; `units` is what was sent, in order."""

    picture: Picture
    ssrc: int
    payload_type: int = 96
    with_psm: bool = True
    with_marker: bool = True
    with_audio: bool = False
    stuffing: bytes = b""
    units: list[Unit] = field(default_factory=list)
    sequence: int = 18139

    def packets(self) -> Iterator[list[bytes]]:
        """The RTP packets of one frame after another."""
        for unit, pts, key in self.picture:
            audio = b"\xd5" * (8000 // video.FPS) if self.with_audio else b""
            pack = psbytes.frame_pack(
                unit,
                pts,
                key=key,
                video=self.picture.codec,
                audio=audio,
                with_psm=self.with_psm,
                has_audio=self.with_audio,
                stuffing=self.stuffing,
            )
            cuts = range(0, len(pack), MAX_PAYLOAD)
            out = []
            for at in cuts:
                marker = self.with_marker and at == cuts[-1]
                payload = pack[at : at + MAX_PAYLOAD]
                out.append(
                    psbytes.rtp(self.sequence, pts, self.ssrc, payload, marker=marker, payload_type=self.payload_type)
                )
                self.sequence += 1
            self.units.append(Unit(hashlib.sha256(unit).hexdigest(), pts, key, len(unit)))
            yield out

    async def run_udp(self, sock: socket.socket, to: tuple[str, int]) -> None:
        """Send frames at their pace from a bound socket."""
        start, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
        for number, frame in enumerate(self.packets()):
            for packet in frame:
                try:
                    sock.sendto(packet, to)
                except (BlockingIOError, ConnectionError):
                    pass
            await asyncio.sleep(max(0.0, start + (number + 1) / video.FPS - loop.time()))

    async def run_tcp(self, writer: asyncio.StreamWriter) -> None:
        """Send frames at their pace on an open stream; ends when the stream breaks."""
        start, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
        try:
            for number, frame in enumerate(self.packets()):
                writer.write(b"".join(psbytes.framed(packet) for packet in frame))
                await writer.drain()
                await asyncio.sleep(max(0.0, start + (number + 1) / video.FPS - loop.time()))
        except ConnectionError:
            pass
        finally:
            writer.close()


class Receiver(asyncio.DatagramProtocol):
    """Takes RTP apart to access units. `faults` lists every departure from the standards, `ps` keeps the raw bytes."""

    def __init__(self, ssrc: int | None = None) -> None:
        self.ssrc = ssrc
        self.units: list[Unit] = []
        self.ps = bytearray()
        self.faults: deque[str] = deque(maxlen=200)
        self.packets = 0
        self.sources: set[tuple[str, int]] = set()
        self.codec: int | None = None
        self.ssrcs: set[int] = set()
        self.payload_types: set[int] = set()
        self._frame: dict[int, bytes] = {}
        self._ticks: int | None = None
        self._last: int | None = None
        self._news = asyncio.Event()
        self._stream = bytearray()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A UDP datagram came."""
        self.sources.add(addr)
        self.packet(data)

    def stream(self, data: bytes) -> None:
        """Bytes of an RFC 4571 stream came."""
        self._stream += data
        while len(self._stream) >= 2:
            length = int.from_bytes(self._stream[:2], "big")
            if len(self._stream) < 2 + length:
                return
            self.packet(bytes(self._stream[2 : 2 + length]))
            del self._stream[: 2 + length]

    def packet(self, data: bytes) -> None:
        """One RTP packet came."""
        if len(data) < 12 or data[0] != 0x80:
            self._fault(f"RTP header {data[:12].hex()}")
            return
        if 72 <= data[1] & 0x7F <= 76:
            return
        self.packets += 1
        marker, self_type = data[1] >> 7, data[1] & 0x7F
        sequence, ticks, ssrc = (int.from_bytes(data[a:b], "big") for a, b in ((2, 4), (4, 8), (8, 12)))
        self.ssrcs.add(ssrc)
        self.payload_types.add(self_type)
        if self.ssrc is not None and ssrc != self.ssrc:
            self._fault(f"SSRC {ssrc} instead of {self.ssrc}")
        if len(data) - 12 > MAX_PAYLOAD:
            self._fault(f"payload of {len(data) - 12} bytes")
        if self._ticks is not None and ticks != self._ticks and self._frame:
            self._fault(f"frame at {self._ticks} ended without marker")
            self._end_frame()
        self._ticks = ticks
        self._frame[sequence] = data[12:]
        if marker:
            self._end_frame()

    def _end_frame(self) -> None:
        frame, self._frame = self._frame, {}
        wrap = max(frame) - min(frame) > 0x8000
        order = sorted(frame, key=lambda n: n + 0x10000 if wrap and n < 0x8000 else n)
        damaged = any((b - a) & 0xFFFF != 1 for a, b in itertools.pairwise(order))
        if damaged or (self._last is not None and (order[0] - self._last) & 0xFFFF != 1):
            self._fault(f"sequence gap before {order[0]}: {self._last}")
        self._last = order[-1]
        data = b"".join(frame[n] for n in order)
        if len(self.ps) < _KEPT_PS:
            self.ps += data
        try:
            self._pack(psbytes.pieces(data))
        except ValueError as error:
            self._fault(f"PS: {error}")
        self._news.set()

    def _pack(self, pieces: list[psbytes.Piece]) -> None:
        clip = [p for p in pieces if p.stream_id == 0xE0]
        for psm in (p.payload for p in pieces if p.stream_id == 0xBC):
            self.codec = psbytes.map_types(psm).get(0xE0, self.codec)
        if not clip:
            return
        unit = b"".join(p.payload for p in clip)
        self.codec = psbytes.video_type(unit) or self.codec
        pts, scr, kinds = clip[0].pts, pieces[0].scr, [p.stream_id for p in pieces]
        key = self.codec is not None and psbytes.is_key(unit, self.codec)
        if kinds[0] != 0xBA or pts is None or scr is None or (pts - scr) % (1 << 33) > 90000:
            self._fault(f"pack begins {kinds[:3]}, SCR {scr}, PTS {pts}")
        elif self._ticks != pts & 0xFFFFFFFF:
            self._fault(f"RTP time {self._ticks} against PTS {pts}")
        if key and kinds[1:3] != [0xBB, 0xBC]:
            self._fault(f"key frame pack begins {kinds[:3]}")
        self.units.append(Unit(hashlib.sha256(unit).hexdigest(), pts, key, len(unit)))

    def _fault(self, text: str) -> None:
        self.faults.append(text)

    async def until(self, enough: int, *, key: bool = False, timeout_s: float = 10.0) -> Unit:
        """Wait for that many units (key frames with `key`); the last of them."""
        async with asyncio.timeout(timeout_s):
            while True:
                have = [unit for unit in self.units if unit.key] if key else self.units
                if len(have) >= enough:
                    return have[enough - 1]
                self._news.clear()
                await self._news.wait()


def bound_udp(host: str, port: int = 0) -> socket.socket:
    """A non-blocking UDP socket with a big receive buffer; port 0 gives a free even port."""
    while True:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, port))
        if port or sock.getsockname()[1] % 2 == 0:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            return sock
        sock.close()
