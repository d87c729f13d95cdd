"""Peers made of bytes for the tests of signalling: they say what they are told to and keep what they hear."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from interop.wire import manscdp
from interop.wire.port import WirePort
from interop.wire.sipwire import Path, Split, WireTimeout, build, element, fresh, split
from sip import Request, parse_message
from sip.aio import Incoming, SipStack
from sip.timings import Timings

NODE = "34020000002000000001"
UPPER = "34010000002000000001"
LOWER = "34020000002000000009"
CAMERA = "34020000001320000001"
CHANNEL = "34020000001310000001"
QUICK = Timings(t1=0.02, t2=0.08, t4=0.1)

Answer = int | tuple[int, list[str]] | tuple[int, list[str], bytes] | None


def xml(kind: str, command: str, inner: str = "", *, sn: int = 1, device: str = NODE, **options: Any) -> bytes:
    """A MANSCDP body."""
    return manscdp.xml(kind, command, sn, device, inner, **options)


def request_bytes(
    method: str,
    target: str = NODE,
    *,
    sender: str = CAMERA,
    lines: Iterable[str] = (),
    body: bytes = b"",
    via: str = "Via: SIP/2.0/UDP 192.0.2.7:5060;rport;branch={branch}",
    call_id: str = "",
    cseq: int = 1,
    tag: str = "t1",
    to: str = "",
) -> bytes:
    """One request as a peer writes it; the Via names an address that is not ours to answer to."""
    rows = [
        via.format(branch=fresh("z9hG4bK")),
        f"From: <sip:{sender}@{sender[:10]}>;tag={tag}",
        f"To: {to or f'<sip:{target}@{target[:10]}>'}",
        f"Call-ID: {call_id or fresh('call')}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
    ]
    if body:
        rows.append("Content-Type: Application/MANSCDP+xml")
    return build(f"{method} sip:{target}@{target[:10]} SIP/2.0", [*rows, *lines], body)


def parsed(data: bytes) -> Request:
    """The request as the stack hands it on."""
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def digest(
    challenge: dict[str, str],
    *,
    user: str,
    password: str,
    qop: str | None = "auth",
    nc: str = "00000001",
    uri: str = f"sip:{NODE}@3402000000",
) -> str:
    """An Authorization line for a challenge, computed by hand (RFC 2617 3.2.2.1)."""

    def h(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    ha1, ha2 = h(f"{user}:{challenge['realm']}:{password}"), h(f"REGISTER:{uri}")
    if qop == "auth-int":
        ha2 = h(f"REGISTER:{uri}:{h('')}")
    middle = f"{challenge['nonce']}:{nc}:c0ffee:{qop}" if qop else challenge["nonce"]
    text = f'Authorization: Digest username="{user}", realm="{challenge["realm"]}", nonce="{challenge["nonce"]}", '
    text += f'uri="{uri}", response="{h(f"{ha1}:{middle}:{ha2}")}"'
    return text + (f', qop={qop}, nc={nc}, cnonce="c0ffee"' if qop else "")


class RawPeer:
    """One peer on its own port. `answer(request)` says how: a status, or with lines and body; None is no answer."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.port = WirePort(host, self._asked)
        self.heard: list[Split] = []
        self.answer: Callable[[Split], Answer] = lambda request: 200
        self._news = asyncio.Event()

    async def __aenter__(self) -> RawPeer:
        await self.port.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.port.close()

    @property
    def address(self) -> tuple[str, int]:
        return (self.port.host, self.port.port)

    async def _asked(self, request: Split, path: Path) -> None:
        self.heard.append(request)
        self._news.set()
        answer = self.answer(request)
        if isinstance(answer, int):
            answer = (answer, [])
        if answer is not None:
            self.port.reply(request, path, answer[0], lines=answer[1], body=answer[2] if len(answer) > 2 else b"")

    def of(self, method: str, command: str | None = None) -> list[Split]:
        """What was heard of a method, and of one command."""
        found = [request for request in self.heard if request.method == method]
        return [r for r in found if command is None or element(r.text, "CmdType") == command]

    async def until(self, ready: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Wait until something is so; looked at with every request that comes."""
        async with asyncio.timeout(timeout_s):
            while not ready():
                self._news.clear()
                await self._news.wait()

    async def wait_for(self, method: str, command: str | None = None, count: int = 1) -> list[Split]:
        await self.until(lambda: len(self.of(method, command)) >= count)
        return self.of(method, command)

    async def ask(self, stack_port: int, data: bytes, timeout_s: float = 5.0) -> Split:
        """Send a request and return its final answer."""
        return await self.port.ask(data, Path("UDP", "127.0.0.1", stack_port), timeout_s=timeout_s)

    async def unanswered(self, stack_port: int, data: bytes, wait_s: float = 0.2) -> bool:
        """Whether a request stays without an answer."""
        try:
            await self.ask(stack_port, data, wait_s)
        except WireTimeout:
            return True
        return False

    def say(self, stack_port: int, data: bytes) -> None:
        """Send bytes and wait for nothing."""
        self.port.send(data, Path("UDP", "127.0.0.1", stack_port))


class Desk:
    """A real stack of ours on a port of its own; requests go to `handler`, and are kept in `heard`."""

    def __init__(self, handler: Callable[[Incoming], None] | None = None) -> None:
        self.handler = handler
        self.heard: list[Incoming] = []
        self.stack = SipStack(user_agent="Desk/1.0", on_request=self._asked, timings=QUICK)
        self.port = 0

    async def __aenter__(self) -> Desk:
        self.port = await self.stack.listen_on_one_number(("UDP", "TCP"), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.close()

    def _asked(self, incoming: Incoming) -> None:
        self.heard.append(incoming)
        if self.handler is not None:
            self.handler(incoming)


async def eventually(ready: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while not ready():
            await asyncio.sleep(0.005)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


__all__ = [
    "CAMERA", "CHANNEL", "LOWER", "NODE", "QUICK", "UPPER", "Clock", "Desk", "RawPeer", "digest", "eventually",
    "parsed", "request_bytes", "split", "xml",
]  # fmt: skip
