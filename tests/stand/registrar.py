"""A small platform on the project's own SIP stack: takes registrations and keepalives, queries a catalogue.

It exists to be judged by independent programs and the byte kit; policy and storage are left out on purpose.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from sip import Challenge, Credentials, Headers, NonceTable, Request, Uri, format_date, manscdp
from sip.aio import Incoming, Peer, SipStack, WireEvent
from sip.digest import ha1, verify
from sip.sdp import Sdp


class SmallRegistrar:
    """`async with SmallRegistrar(id, password) as up:`; see `port`, `bindings`, `keepalives`, `wire`."""

    def __init__(
        self, id: str, password: str, *, algorithm: str = "MD5", charset: manscdp.Charset = manscdp.Charset.GB2312
    ) -> None:
        self.id, self.password, self.algorithm, self.charset = id, password, algorithm, charset
        self.stack = SipStack(user_agent="Stand/1.0", on_request=self._asked, on_wire=self._wired)
        self.port = 0
        self.bindings: dict[str, Peer] = {}
        self.keepalives: list[str] = []
        self.wire: list[WireEvent] = []
        self.answers: dict[int, list[Any]] = {}
        self.notifies: list[Any] = []
        self.news = asyncio.Event()
        self._nonces = NonceTable()
        self._serial = 0

    async def __aenter__(self) -> SmallRegistrar:
        self.port = await self.stack.listen_on_one_number(("UDP", "TCP"), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.close()

    def _wired(self, event: WireEvent) -> None:
        self.wire.append(event)

    def _asked(self, incoming: Incoming) -> None:
        method = incoming.request.method
        if method == "REGISTER":
            self._register(incoming)
        elif method in ("MESSAGE", "NOTIFY"):
            incoming.respond(200)
            self._take(incoming)
        else:
            incoming.respond(200)
        self.news.set()

    def _register(self, incoming: Incoming) -> None:
        request = incoming.request
        given = request.headers.get("Authorization")
        user = request.from_.uri.user or ""
        if given is not None:
            credentials = Credentials.parse(given)
            secret = ha1(credentials.username, credentials.realm, self.password, credentials.algorithm)
            fits = verify(credentials, ha1=secret, method="REGISTER")
            if fits and self._nonces.check(credentials.nonce, credentials.nc, time.monotonic()) == "ok":
                self.bindings[user] = incoming.source
                headers = [("Contact", request.headers.get("Contact") or ""), ("Expires", str(request.expires))]
                incoming.respond(200, headers=[*headers, ("Date", format_date(time.time()))])
                return
        challenge = Challenge(self.id[:10], self._nonces.issue(time.monotonic()), self.algorithm, ("auth",))
        incoming.respond(401, headers=[("WWW-Authenticate", str(challenge))])

    def _take(self, incoming: Incoming) -> None:
        message = manscdp.loads(incoming.request.body).message
        if isinstance(message, manscdp.Keepalive):
            self.keepalives.append(message.device_id)
        elif isinstance(message, manscdp.CatalogNotify):
            self.notifies.append(message)
        else:
            self.answers.setdefault(message.sn, []).append(message)

    def request(self, method: str, target: str, to: Peer, headers: list[tuple[str, str]], body: bytes) -> Request:
        """A request of this platform outside a dialog."""
        self._serial += 1
        host, port = self.stack.local_address(to)
        return Request(
            method,
            Uri.parse(f"sip:{target}@{to.host}:{to.port}"),
            Headers(
                [
                    ("From", f"<sip:{self.id}@{self.id[:10]}>;tag=t{self._serial}"),
                    ("To", f"<sip:{target}@{self.id[:10]}>"),
                    ("Call-ID", f"stand-{self._serial}-{id(self)}"),
                    ("CSeq", f"1 {method}"),
                    ("Max-Forwards", "70"),
                    ("Contact", f"<sip:{self.id}@{host}:{port}>"),
                    *headers,
                ]
            ),
            body,
        )

    async def send(self, target: str, message: Any, *, peer: str | None = None) -> int:
        """MESSAGE with one command; the status of the answer."""
        to = self.bindings[peer or target]
        body = manscdp.dumps(message, charset=self.charset)
        request = self.request("MESSAGE", target, to, [("Content-Type", "Application/MANSCDP+xml")], body)
        return (await self.stack.ask(request, to)).status

    async def catalog(self, target: str, sn: int, timeout_s: float = 10.0) -> list[manscdp.CatalogItem]:
        """A catalogue query; the items once SumNum of them came."""
        status = await self.send(target, manscdp.CatalogQuery(sn=sn, device_id=target))
        assert status == 200
        async with asyncio.timeout(timeout_s):
            while True:
                fragments = self.answers.get(sn, [])
                items = [item for fragment in fragments for item in fragment.items]
                if fragments and len(items) >= (fragments[0].sum_num or 0):
                    return items
                self.news.clear()
                await self.news.wait()

    def offer(self, channel: str, y: str, to: Peer) -> Request:
        """An INVITE for a live view over UDP."""
        sdp = Sdp(self.id, "127.0.0.1", "127.0.0.1", 30000, rtpmap={96: "PS/90000"}, direction="recvonly", ssrc=y)
        headers = [("Subject", f"{channel}:{y},{self.id}:0"), ("Content-Type", "application/sdp")]
        return self.request("INVITE", channel, to, headers, bytes(sdp))
