"""Plain sockets that speak SIP by hand: one address with UDP and TCP, and a stranger who says any bytes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from interop.wire.lint import message_faults
from interop.wire.sipwire import Path, Split, WireTimeout, answer_bytes, fresh, split, take_stream

OnRequest = Callable[[Split, Path], Coroutine[Any, Any, None]]


class WirePort(asyncio.DatagramProtocol):
    """One SIP address: a UDP socket and a TCP listener on one port, plus the TCP streams opened or accepted.

    Every message in and out is kept (the last 2000); `faults` lists what received messages did wrong.
    """

    def __init__(self, host: str, on_request: OnRequest, port: int = 0) -> None:
        self.host, self.port, self.on_request = host, port, on_request
        self.received: deque[Split] = deque(maxlen=2000)
        self.sent: deque[bytes] = deque(maxlen=2000)
        self.faults: deque[str] = deque(maxlen=500)
        self._udp: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._answers: dict[tuple[str, str], asyncio.Queue[Split]] = {}
        self._replied: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Bind UDP and TCP to one port (any free one when the port is 0)."""
        loop = asyncio.get_running_loop()
        for _ in range(20):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind((self.host, self.port))
                port = udp.getsockname()[1]
                self._server = await asyncio.start_server(self._accepted, self.host, port)
            except OSError:
                udp.close()
                if self.port:
                    raise
                continue
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
            self.port = port
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self, sock=udp)
            return
        raise OSError("no port free for both UDP and TCP")

    async def close(self) -> None:
        """Close every socket and end every task of this port."""
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        if self._udp:
            self._udp.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def dial(self, host: str, port: int) -> Path:
        """Open a TCP stream to a SIP address; requests may come back on it."""
        reader, writer = await asyncio.open_connection(host, port, local_addr=(self.host, 0))
        path = Path("TCP", host, port, writer)
        self._writers.add(writer)
        _ = self.spawn(self._read(reader, path))
        return path

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine until it ends or this port closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.faults.append(f"handler: {task.exception()!r}")

    def send(self, data: bytes, path: Path) -> None:
        """Send bytes as they are."""
        self.sent.append(data)
        if path.writer is not None:
            if not path.writer.is_closing():
                path.writer.write(data)
        elif self._udp and not self._udp.is_closing():
            self._udp.sendto(data, (path.host, path.port))

    def via(self, path: Path, branch: str | None = None) -> str:
        """A Via line of this port for a request on that path."""
        port = path.writer.get_extra_info("sockname")[1] if path.writer else self.port
        return f"Via: SIP/2.0/{path.transport} {self.host}:{port};rport;branch={branch or fresh('z9hG4bK')}"

    async def ask(self, data: bytes, path: Path, *, timeout_s: float = 8.0) -> Split:
        """Send a request, repeat it over UDP as RFC 3261 17.1.2.2 says, return the final answer."""
        request = split(data)
        key = (_branch(request), request.method)
        queue: asyncio.Queue[Split] = asyncio.Queue()
        self._answers[key] = queue
        loop = asyncio.get_running_loop()
        end, wait = loop.time() + timeout_s, 0.5
        again = True
        try:
            while (now := loop.time()) < end:
                if again:
                    self.send(data, path)
                pause = min(wait, end - now) if path.transport == "UDP" else end - now
                with contextlib.suppress(TimeoutError):
                    answer = await asyncio.wait_for(queue.get(), pause)
                    if answer.status >= 200:
                        return answer
                    again = request.method != "INVITE"
                wait = min(wait * 2, 4.0)
        finally:
            del self._answers[key]
        raise WireTimeout(f"no final answer to {request.start}")

    def reply(
        self,
        request: Split,
        path: Path,
        status: int,
        *,
        lines: Iterable[str] = (),
        body: bytes = b"",
        to_tag: str = "",
        reason: str | None = None,
    ) -> bytes:
        """Answer a request; a final answer is repeated by itself when the request is repeated."""
        data = answer_bytes(
            request, status, source=path, to_tag=to_tag or fresh(), lines=lines, body=body, reason=reason
        )
        self.reply_raw(request, path, data)
        return data

    def reply_raw(self, request: Split, path: Path, data: bytes) -> None:
        """Answer with ready bytes."""
        self._replied[_branch(request), request.method] = data
        if len(self._replied) > 500:
            self._replied.popitem(last=False)
        self.send(data, path)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """A UDP datagram came."""
        self._heard(data, Path("UDP", addr[0], addr[1]))

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("peername")[:2]
        self._writers.add(writer)
        _ = self.spawn(self._read(reader, Path("TCP", host, port, writer)))

    async def _read(self, reader: asyncio.StreamReader, path: Path) -> None:
        buffer = bytearray()
        try:
            while data := await reader.read(65536):
                buffer += data
                for message in take_stream(buffer):
                    self._heard(message, path)
        except ConnectionError:
            pass
        finally:
            assert path.writer is not None
            path.writer.close()
            self._writers.discard(path.writer)

    def _heard(self, data: bytes, path: Path) -> None:
        if not data.strip(b"\r\n\0"):
            return
        self.faults.extend(message_faults(data, path.transport))
        try:
            message = split(data)
            key = (_branch(message), message.method)
        except (ValueError, IndexError) as error:
            self.faults.append(f"unreadable: {error}")
            return
        self.received.append(message)
        if message.status:
            if key in self._answers:
                self._answers[key].put_nowait(message)
        elif key in self._replied and message.method != "ACK":
            self.send(self._replied[key], path)
        else:
            _ = self.spawn(self._handle(message, path))

    async def _handle(self, request: Split, path: Path) -> None:
        try:
            await self.on_request(request, path)
        except (ValueError, OSError, WireTimeout) as error:
            self.faults.append(f"{request.start}: {error!r}")
            if request.method != "ACK" and (_branch(request), request.method) not in self._replied:
                self.reply(request, path, 500, reason=f"Wire {type(error).__name__}")


def _branch(message: Split) -> str:
    found = re.search(r";\s*branch=([^;,\s]+)", message.need("via"))
    return found[1] if found else message.need("call-id") + message.need("cseq")


class WireStranger(asyncio.DatagramProtocol):
    """Somebody at an address of its own who says any bytes and listens to what comes back.

    `async with WireStranger("127.0.0.9") as s: await s.say(data, ("127.0.0.1", 5060))` gives the answers heard
    within the wait (the first one ends it unless `every` is set).
    """

    def __init__(self, host: str = "127.0.0.9") -> None:
        self.host = host
        self.port = 0
        self.heard: asyncio.Queue[bytes] = asyncio.Queue(1000)

    async def __aenter__(self) -> WireStranger:
        """Bind a UDP port at the address."""
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self.port = self._udp.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        self._udp.close()
        await asyncio.sleep(0)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Keep what was heard."""
        if not self.heard.full():
            self.heard.put_nowait(data)

    def throw(self, data: bytes, to: tuple[str, int]) -> None:
        """Send bytes and do not wait."""
        self._udp.sendto(data, to)

    async def say(self, data: bytes, to: tuple[str, int], *, wait_s: float = 2.0, every: bool = False) -> list[bytes]:
        """Send bytes over UDP; answers within the wait."""
        self.throw(data, to)
        out: list[bytes] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while every or not out:
                    out.append(await self.heard.get())
        return out

    async def say_tcp(self, data: bytes, to: tuple[str, int], *, wait_s: float = 2.0) -> bytes:
        """Send bytes on a new TCP stream; what came back until it closed, fell silent for the wait, or one message."""
        reader, writer = await asyncio.open_connection(*to, local_addr=(self.host, 0))
        out = bytearray()
        try:
            writer.write(data)
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(wait_s):
                    while b"\r\n\r\n" not in out and (part := await reader.read(65536)):
                        out += part
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return bytes(out)
