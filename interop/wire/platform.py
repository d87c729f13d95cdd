"""An upper platform in bytes: takes registrations, queries the catalogue, subscribes, and views channels live.

`async with WirePlatform(id, password) as up: await up.wait_registered(gateway_id); call = await up.play(channel)`.
"""

from __future__ import annotations

import asyncio
import datetime
import itertools
import re
import secrets
from dataclasses import dataclass, field

from interop.wire import manscdp, sipwire
from interop.wire.call import WireCall
from interop.wire.media import Receiver
from interop.wire.port import WirePort
from interop.wire.sipwire import Path, Split, WireRefused, WireTimeout, fresh, tag_of


@dataclass
class CatalogAnswer:
    """What came for one catalogue query: items as element -> text, the SumNum of each fragment, raw bodies."""

    items: list[dict[str, str]] = field(default_factory=list)
    sums: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """DeviceID of each item in order."""
        return [item.get("DeviceID", "") for item in self.items]


class WireSubscription:
    """A catalogue subscription of ours; `notifies` are the NOTIFYs that came in its dialog."""

    def __init__(self, platform: WirePlatform, target: str, path: Path, event: str) -> None:
        self.platform, self.target, self.path, self.event = platform, target, path, event
        self.call_id, self.tag, self.remote_tag, self.cseq = fresh("sub"), fresh(), "", 0
        self.notifies: list[Split] = []
        self.answer: Split | None = None
        self._news = asyncio.Event()

    async def subscribe(self, expires: int = 600) -> Split:
        """SUBSCRIBE, refresh (same dialog) or cancel (expires 0); the answer."""
        up = self.platform
        self.cseq += 1
        to = f"<sip:{self.target}@{self.target[:10]}>" + (f";tag={self.remote_tag}" if self.remote_tag else "")
        lines = up.lines(self.path, to, self.call_id, f"{self.cseq} SUBSCRIBE", self.tag)
        lines += [up.contact(), f"Event: {self.event}", f"Expires: {expires}", "Content-Type: Application/MANSCDP+xml"]
        body = manscdp.xml("Query", "Catalog", up.next_sn(), self.target, declared=up.charset)
        uri = f"sip:{self.target}@{self.path.host}:{self.path.port}"
        answer = await up.port.ask(sipwire.build(f"SUBSCRIBE {uri} SIP/2.0", lines, body), self.path)
        if answer.status != 200:
            raise WireRefused(answer)
        self.answer, self.remote_tag = answer, tag_of(answer.need("to")) or ""
        return answer

    async def cancel(self) -> Split:
        """End the subscription."""
        return await self.subscribe(0)

    def heard(self, notify: Split) -> None:
        """A NOTIFY came."""
        self.notifies.append(notify)
        self._news.set()

    @property
    def events(self) -> list[tuple[str, str]]:
        """(DeviceID, Event) of every item notified so far, in order."""
        rows = itertools.chain.from_iterable(manscdp.items_of(one.text) for one in self.notifies)
        return [(row.get("DeviceID", ""), row.get("Event", "")) for row in rows]

    async def wait_event(self, code: str, event: str, timeout_s: float = 10.0) -> None:
        """Wait until that event of that code was notified."""
        async with asyncio.timeout(timeout_s):
            while (code, event) not in self.events:
                self._news.clear()
                await self._news.wait()


class WirePlatform:
    """A platform `id` at (host, port); everyone who registers must know `password`.

    Public state: `registered` (id -> path), `keepalives` (ids in order), `faults`, `port.received`, `port.sent`.
    """

    def __init__(
        self,
        id: str,
        password: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        algorithm: str = "MD5",
        qop: str = "auth",
        charset: str = "GB2312",
        version: str = "3.0",
        date: bool = True,
        outer_host: str = "",
        media_ports: range | None = None,
    ) -> None:
        self.id, self.password, self.charset, self.version, self.date = id, password, charset, version, date
        self.algorithm, self.qop = algorithm, qop
        self.port = WirePort(host, self._request, port)
        self.outer_host = outer_host
        """The address of a NAT in front, which our Contact and SDP name; "": none."""
        self._media_ports = itertools.cycle(media_ports[::2]) if media_ports else itertools.repeat(0)
        self.registered: dict[str, Path] = {}
        self.keepalives: list[str] = []
        self.calls: list[WireCall] = []
        self.subscriptions: list[WireSubscription] = []
        self.responses: list[Split] = []
        self.silent = False
        self._nonces: set[str] = set()
        self._last_cseq: dict[str, int] = {}
        self._sn = itertools.count(secrets.randbelow(10000) + 1)
        self._ssrc = itertools.count(1)
        self._news = asyncio.Event()

    async def __aenter__(self) -> WirePlatform:
        """Open the SIP port."""
        await self.port.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything without a word."""
        for call in self.calls:
            call.close()
        await self.port.close()

    @property
    def faults(self) -> list[str]:
        """What received messages did wrong."""
        return list(self.port.faults)

    def next_sn(self) -> int:
        """A fresh SN."""
        return next(self._sn)

    def contact(self) -> str:
        """A Contact line."""
        return f"Contact: <sip:{self.id}@{self.outer_host or self.port.host}:{self.port.port}>"

    def lines(self, path: Path, to: str, call_id: str, cseq: str, tag: str) -> list[str]:
        """The headers every request of this platform has."""
        return [
            self.port.via(path),
            f"From: <sip:{self.id}@{self.id[:10]}>;tag={tag}",
            f"To: {to}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq}",
            "Max-Forwards: 70",
            "User-Agent: WirePlatform/1.0",
        ]

    # -- what it hears -----------------------------------------------------------------------------------------------

    async def _request(self, request: Split, path: Path) -> None:
        if self.silent:
            return
        if request.method == "REGISTER":
            self._register(request, path)
        elif request.method == "MESSAGE":
            self.port.reply(request, path, 200)
            if sipwire.element(request.text, "CmdType") == "Keepalive":
                self.keepalives.append(sipwire.user_of(request.need("from")))
            else:
                self.responses.append(request)
            self._news.set()
        elif request.method == "NOTIFY":
            self.port.reply(request, path, 200)
            for one in self.subscriptions:
                if one.call_id == request.need("call-id"):
                    one.heard(request)
        elif request.method == "BYE":
            calls = [c for c in self.calls if c.answer and c.answer.need("call-id") == request.need("call-id")]
            self.port.reply(request, path, 200 if calls else 481)
            for call in calls:
                call.goodbye = request
                call.close()
        elif request.method != "ACK":
            self.port.reply(request, path, 200 if request.method == "OPTIONS" else 405)

    def _register(self, request: Split, path: Path) -> None:
        said, number = request.get("authorization"), int(request.need("cseq").split()[0])
        if number <= self._last_cseq.pop(request.need("call-id"), 0):
            self.port.faults.append(f"CSeq {number} of the REGISTER with credentials is not above the challenged one")
        version = f"X-GB-Ver: {self.version}"
        if not said or not sipwire.credentials_hold(
            said, password=self.password, method="REGISTER", nonces=self._nonces
        ):
            self._last_cseq[request.need("call-id")] = number
            nonce = secrets.token_hex(16)
            self._nonces.add(nonce)
            qop = f', qop="{self.qop}"' if self.qop else ""
            challenge = f'Digest realm="{self.id[:10]}", nonce="{nonce}", algorithm={self.algorithm}{qop}'
            self.port.reply(request, path, 401, lines=[f"WWW-Authenticate: {challenge}", version])
            return
        expires, who = request.need("expires"), sipwire.user_of(request.need("from"))
        now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))
        date = [f"Date: {now.strftime('%Y-%m-%dT%H:%M:%S')}.{now.microsecond // 1000:03d}"] if self.date else []
        lines = [f"Contact: {request.need('contact')}", f"Expires: {expires}", *date, version]
        self.port.reply(request, path, 200, lines=lines)
        if expires == "0":
            self.registered.pop(who, None)
        else:
            self.registered[who] = path
        self._news.set()

    async def _until(self, ready: object, timeout_s: float) -> None:
        assert callable(ready)
        async with asyncio.timeout(timeout_s):
            while not ready():
                self._news.clear()
                await self._news.wait()

    async def wait_registered(self, id: str, timeout_s: float = 10.0) -> Path:
        """Wait until that id is registered; the path to it."""
        await self._until(lambda: id in self.registered, timeout_s)
        return self.registered[id]

    async def wait_keepalive(self, id: str, timeout_s: float = 10.0) -> None:
        """Wait for one more keepalive of that id."""
        had = self.keepalives.count(id)
        await self._until(lambda: self.keepalives.count(id) > had, timeout_s)

    # -- what it asks ------------------------------------------------------------------------------------------------

    def path_to(self, id: str | None) -> Path:
        """The path to a registered id; None gives the only one registered."""
        return self.registered[id] if id else next(iter(self.registered.values()))

    async def message(self, target: str, body: bytes, *, via_peer: str | None = None) -> Split:
        """MESSAGE to an id through the peer it lives behind; the final answer."""
        path = self.path_to(via_peer)
        lines = self.lines(path, f"<sip:{target}@{target[:10]}>", fresh("msg"), "1 MESSAGE", fresh())
        lines.append("Content-Type: Application/MANSCDP+xml")
        return await self.port.ask(
            sipwire.build(f"MESSAGE sip:{target}@{path.host}:{path.port} SIP/2.0", lines, body), path
        )

    async def query(self, command: str, target: str, *, via_peer: str | None = None, timeout_s: float = 8.0) -> Split:
        """A query with one answer (DeviceInfo, DeviceStatus); the Response MESSAGE."""
        sn = str(self.next_sn())
        await self.message(target, manscdp.xml("Query", command, sn, target, declared=self.charset), via_peer=via_peer)
        found: list[Split] = []

        def came() -> bool:
            found[:] = [r for r in self.responses if sipwire.element(r.text, "SN") == sn]
            return bool(found)

        await self._until(came, timeout_s)
        return found[0]

    async def catalog(self, target: str, *, via_peer: str | None = None, timeout_s: float = 20.0) -> CatalogAnswer:
        """A catalogue query; all fragments until SumNum distinct items came. TimeoutError when they do not."""
        sn = str(self.next_sn())
        answer = CatalogAnswer()
        await self.message(
            target, manscdp.xml("Query", "Catalog", sn, target, declared=self.charset), via_peer=via_peer
        )

        def complete() -> bool:
            mine = [r for r in self.responses if sipwire.element(r.text, "SN") == sn]
            answer.bodies = [r.body for r in mine]
            answer.sums = [int(sipwire.element(r.text, "SumNum") or -1) for r in mine]
            answer.items = [item for r in mine for item in manscdp.items_of(r.text)]
            return bool(mine) and len(set(answer.ids)) >= answer.sums[0]

        await self._until(complete, timeout_s)
        return answer

    async def subscribe_catalog(
        self, target: str, *, expires: int = 600, via_peer: str | None = None
    ) -> WireSubscription:
        """Subscribe to catalogue changes; raises WireRefused."""
        one = WireSubscription(self, target, self.path_to(via_peer), f"Catalog;id={self.next_sn()}")
        self.subscriptions.append(one)
        await one.subscribe(expires)
        return one

    async def ptz(self, channel: str, command: str, *, via_peer: str | None = None) -> Split:
        """Send a PTZCmd (16 hex digits); the answer to the MESSAGE."""
        inner = f"<PTZCmd>{command}</PTZCmd>\r\n<Info>\r\n<ControlPriority>5</ControlPriority>\r\n</Info>\r\n"
        body = manscdp.xml("Control", "DeviceControl", self.next_sn(), channel, inner, declared=self.charset)
        return await self.message(channel, body, via_peer=via_peer)

    async def i_frame(self, channel: str, *, via_peer: str | None = None, name: str = "IFameCmd") -> Split:
        """Ask for a key frame; the answer to the MESSAGE."""
        inner = f"<{name}>Send</{name}>\r\n"
        body = manscdp.xml("Control", "DeviceControl", self.next_sn(), channel, inner, declared=self.charset)
        return await self.message(channel, body, via_peer=via_peer)

    async def play(
        self,
        channel: str,
        *,
        transport: str = "udp",
        y: str | None = "own",
        via_peer: str | None = None,
        timeout_s: float = 30.0,
        late: bool = False,
        host: str | None = None,
    ) -> WireCall:
        """INVITE a live view and ACK it. transport: "udp", "tcp_passive" (we listen) or "tcp_active" (we connect).

        y: "own" offers a fresh one, ten digits offer those, None leaves it to the other side. late: the INVITE says
        nothing, and the ACK answers what the other side offers (third-party call control). host: the media address
        we state. Raises WireRefused.
        """
        path = self.path_to(via_peer)
        call = WireCall(self.port, channel, Receiver(), path)
        self.calls.append(call)
        port = await call.open_leg(transport, next(self._media_ports))
        offered = f"0{self.id[3:8]}{next(self._ssrc) % 10000:04d}" if y == "own" else y
        setup = transport.removeprefix("tcp_") if transport != "udp" else ""
        body = manscdp.sdp(
            self.id, host or self.outer_host or self.port.host, port, tcp=bool(setup), setup=setup, y=offered
        )
        lines = self.lines(path, f"<sip:{channel}@{channel[:10]}>", fresh("live"), "1 INVITE", fresh())
        lines += [self.contact(), f"Subject: {channel}:{offered or '0'},{self.id}:0"]
        described = ["Content-Type: application/sdp"]
        start = f"INVITE sip:{channel}@{path.host}:{path.port} SIP/2.0"
        data = sipwire.build(start, lines if late else [*lines, *described], b"" if late else body)
        call.invite = sipwire.split(data)
        try:
            answer = await self.port.ask(data, path, timeout_s=timeout_s)
        except WireTimeout:
            call.close()
            raise
        call.answer = answer
        if answer.status != 200:
            branch = re.search(r"branch=([^;\s]+)", call.invite.need("via"))
            same = b"branch=" + (branch[1] if branch else "").encode()
            self.port.send(re.sub(rb"branch=[^\r\n;]+", same, call.in_dialog("ACK", cseq=1), count=1), path)
            call.close()
            raise WireRefused(answer)
        ack = call.in_dialog("ACK", *described, body=body, cseq=1) if late else call.in_dialog("ACK", cseq=1)
        self.port.send(ack, path)
        facts = manscdp.sdp_facts(answer.body)
        agreed = facts.y or (None if late else offered)
        call.receiver.ssrc = int(agreed) if agreed else None
        if transport == "tcp_active":
            await call.dial()
        return call
