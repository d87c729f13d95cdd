"""An RTSP client in bytes: it sends what the test writes and reads whole answers and packets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Said:
    """One answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    def __getitem__(self, name: str) -> str:
        return self.headers[name]


@dataclass
class BareClient:
    """`async with await BareClient.to(port) as client: await client.ask("OPTIONS", url)`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    cseq: int = 0
    packets: list[tuple[int, bytes]] = field(default_factory=list)

    @classmethod
    async def to(cls, port: int) -> BareClient:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def __aenter__(self) -> BareClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def ask(self, method: str, uri: str, *headers: str, body: str = "") -> Said:
        self.cseq += 1
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self.cseq}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write(("\r\n".join([*lines, "", ""]) + body).encode())
        said = await self.answer()
        assert said["cseq"] == str(self.cseq)
        return said

    async def answer(self) -> Said:
        """The next answer; packets before it are kept."""
        async with asyncio.timeout(20):
            while (first := await self.reader.readexactly(1)) == b"$":
                await self._packet()
            head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            assert head[0].startswith("RTSP/1.0 ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            return Said(int(head[0].split()[1]), headers, body)

    async def packet(self) -> tuple[int, bytes]:
        """The next packet within the connection: its channel and its bytes."""
        async with asyncio.timeout(20):
            assert await self.reader.readexactly(1) == b"$"
            await self._packet()
        return self.packets[-1]

    async def _packet(self) -> None:
        channel, high, low = await self.reader.readexactly(3)
        self.packets.append((channel, await self.reader.readexactly(high << 8 | low)))

    async def gone(self) -> bool:
        """Read until the server closes the connection."""
        try:
            async with asyncio.timeout(20):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            pass
        return True

    async def set_up(self, url: str, *, transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1") -> str:
        """SETUP of the first track; the session."""
        said = await self.ask("SETUP", f"{url}/trackID=0", f"Transport: {transport}")
        assert said.status == 200, said
        return said["session"].partition(";")[0]

    async def play(self, url: str, *, transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1") -> str:
        """SETUP and PLAY; the session."""
        session = await self.set_up(url, transport=transport)
        assert (await self.ask("PLAY", url, f"Session: {session}")).status == 200
        return session
