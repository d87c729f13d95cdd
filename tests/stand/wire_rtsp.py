"""An RTSP camera in bytes: answers what it is told to, sends H.264 (and A-law) interleaved in its connection.

    async with WireRtsp() as camera: camera.url, camera.methods, camera.hold(), camera.cut()

Imports nothing of ours; RFC 2326 for the dialogue, RFC 6184 for the packets.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
import struct

from interop.wire import psbytes, video

MOST = 1200
REALM, NONCE = "camera", "b27f1c"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1{sets}\r\na=control:video\r\n"
)
SOUND = "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:audio\r\n"


def nal_units(unit: bytes) -> list[bytes]:
    """The NAL units of an access unit."""
    return [nal.rstrip(b"\0") for nal in re.split(rb"\x00\x00\x00?\x01", unit) if nal]


class WireRtsp:
    """`status` answers DESCRIBE instead of 200; `sdp` is what it offers; `password` is asked for by `auth`.

    `sets_in_stream` False: the parameter sets are in the description alone.
    """

    def __init__(
        self,
        *,
        status: str = "200 OK",
        sdp: str | None = None,
        password: str = "",
        auth: str = "Digest",
        sound: bool = False,
        sets_in_stream: bool = True,
        fps: int = 50,
    ) -> None:
        self.status, self.password, self.auth, self.fps = status, password, auth, fps
        self.sets_in_stream = sets_in_stream
        self.film = [unit for unit, _ in video.encoded(psbytes.H264, 7)]
        sets = [nal for nal in nal_units(self.film[0]) if nal[0] & 31 in (7, 8)]
        told = ",".join(base64.b64encode(nal).decode() for nal in sets)
        self.sdp = sdp if sdp is not None else SDP.format(sets=f";sprop-parameter-sets={told}")
        if sound:
            self.sdp += SOUND
        self.sound = sound
        self.port = 0
        self.methods: list[str] = []
        self.logins: list[str] = []
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sends = asyncio.Event()
        self._sends.set()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    @property
    def playing(self) -> int:
        """Sessions that are sent to."""
        return len(self._tasks)

    def hold(self) -> None:
        """Send nothing for a while."""
        self._sends.clear()

    def go_on(self) -> None:
        self._sends.set()

    async def open(self) -> None:
        """Listen, where it listened before if it did."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """End every connection without a word."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def close(self) -> None:
        """Nobody listens any more."""
        if self._server is not None:
            self._server.close()
            self.cut()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> WireRtsp:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                while head[:1] == b"$":  # the receiver's RTCP, in front of its request
                    head = head[4 + int.from_bytes(head[2:4], "big") :]
                if head:
                    writer.write(self._answer(head.decode(), writer))
        self._writers.discard(writer)
        writer.close()

    def _answer(self, request: str, writer: asyncio.StreamWriter) -> bytes:
        method, uri, _ = request.split(" ", 2)
        headers = dict(re.findall(r"(?im)^([\w-]+):\s*(.*?)\r?$", request))
        self.methods.append(method)
        said: dict[str, str] = {"CSeq": headers.get("CSeq", "0"), "Session": "4711;timeout=60"}
        body = ""
        status = "200 OK"
        if method == "DESCRIBE":
            status = self._let_in(method, uri, headers.get("Authorization", "")) or self.status
            if status.startswith("401"):
                said["WWW-Authenticate"] = f'{self.auth} realm="{REALM}", nonce="{NONCE}"'
            if status.startswith("200"):
                body = self.sdp
                said |= {"Content-Type": "application/sdp", "Content-Base": f"{self.url}/"}
        elif method == "SETUP":
            channel = "2-3" if uri.endswith("audio") else "0-1"
            if "TCP" not in headers["Transport"]:
                status = "461 Unsupported Transport"
            said["Transport"] = f"RTP/AVP/TCP;unicast;interleaved={channel}"
        elif method == "PLAY":
            self._spawn(writer)
        elif method == "OPTIONS":
            said["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
        if body:
            said["Content-Length"] = str(len(body))
        lines = [f"RTSP/1.0 {status}", *(f"{name}: {value}" for name, value in said.items()), "", body]
        return "\r\n".join(lines).encode()

    def _let_in(self, method: str, uri: str, login: str) -> str:
        """ "" for who knows the password, else the status that asks for it."""
        if not self.password:
            return ""
        if login:
            self.logins.append(login)
        if self.auth == "Basic":
            right = login == "Basic " + base64.b64encode(f"u:{self.password}".encode()).decode()
        else:
            inner = hashlib.md5(f"u:{REALM}:{self.password}".encode()).hexdigest()
            outer = hashlib.md5(f"{method}:{uri}".encode()).hexdigest()
            right = hashlib.md5(f"{inner}:{NONCE}:{outer}".encode()).hexdigest() in login
        return "" if right else "401 Unauthorized"

    def _spawn(self, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._send(writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        sequence, ssrc = 1, 0x0A0B0C0D
        for number in range(1_000_000):
            await self._sends.wait()
            if writer.is_closing():
                return
            payloads = self._payloads(self.film[number % len(self.film)])
            for place, payload in enumerate(payloads):
                marker = 0x80 if place == len(payloads) - 1 else 0
                rtp = struct.pack("!BBHII", 0x80, marker | 96, sequence & 0xFFFF, number * 90_000 // self.fps, ssrc)
                writer.write(struct.pack("!cBH", b"$", 0, len(rtp + payload)) + rtp + payload)
                sequence += 1
            if self.sound:
                rtp = struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, number * 160, ssrc + 1) + b"\xd5" * 160
                writer.write(struct.pack("!cBH", b"$", 2, len(rtp)) + rtp)
            await asyncio.sleep(1 / self.fps)

    def _payloads(self, unit: bytes) -> list[bytes]:
        """Single NAL unit packets and FU-A fragments (RFC 6184 5.6, 5.8)."""
        payloads = []
        for nal in nal_units(unit):
            if nal[0] & 31 in (7, 8) and not self.sets_in_stream:
                continue
            if len(nal) <= MOST:
                payloads.append(nal)
                continue
            pieces = [nal[at : at + MOST] for at in range(1, len(nal), MOST)]
            for place, piece in enumerate(pieces):
                edge = (0x80 if place == 0 else 0) | (0x40 if place == len(pieces) - 1 else 0)
                payloads.append(bytes((nal[0] & 0xE0 | 28, edge | nal[0] & 31)) + piece)
        return payloads
