"""A camera or NVR in bytes: registers, keeps alive, answers queries, and sends real video when invited.

`async with WireDevice(id, password, server, server_id) as device: await device.register()`.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field

from interop.wire import manscdp, psbytes, sipwire
from interop.wire.manscdp import WireChannel
from interop.wire.media import Picture, Sender, Unit, bound_udp
from interop.wire.port import WirePort
from interop.wire.sipwire import Path, Split, WireRefused, fresh, tag_of
from interop.wire.video import encoded


@dataclass
class Deviations:
    """What this device does other than the standard says; the defaults are a well-behaved device."""

    declared: str = "GB2312"  # charset the XML prolog names
    written: str | None = None  # charset really used, when it lies
    answer_y: str | None = "offer"  # y= of the answer: "offer" echoes, None leaves it out, ten digits are its own
    rtp_ssrc: int | None = None  # SSRC in RTP whatever was agreed
    other_source_port: bool = False  # media leaves from a port the answer does not name
    with_psm: bool = True
    with_marker: bool = True
    with_audio: bool = False
    pack_stuffing: bytes = b""  # up to 7 bytes in each pack header
    items_per_message: int = 2
    lose: frozenset[int] = frozenset()  # fragments of a catalogue answer never sent, counted from 0
    duplicate: frozenset[int] = frozenset()  # fragments sent twice
    shuffle: bool = False  # fragments sent last to first
    refuse_invite: int | None = None  # answer INVITE with this code
    silent_after_100: bool = False  # 100 Trying, then nothing for ever
    no_media: bool = False  # accepts the call and sends no packet
    answer_delay_s: float = 0.0  # between 100 and 200
    answer_without_sdp: bool = False
    deaf_to_i_frame: bool = False  # takes the force-key-frame command and does nothing


@dataclass
class DeviceCall:
    """One INVITE accepted by the device."""

    channel: str
    invite: Split
    path: Path
    local_tag: str
    sender: Sender
    answer: bytes = b""
    sock: socket.socket | None = None
    listener: asyncio.Server | None = None
    task: asyncio.Task[None] | None = None
    connected: asyncio.Queue[asyncio.StreamWriter] = field(default_factory=asyncio.Queue)
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_by: str = ""

    @property
    def units(self) -> list[Unit]:
        """Access units sent so far."""
        return self.sender.units


class WireDevice:
    """A device at (host, port) that belongs to the platform `server_id` at `server` = (host, port).

    Public state: `calls` (every call ever accepted), `ptz` (PTZCmd hex received), `i_frames` (names of the
    force-key-frame element received), `port.received`, `faults` (what the platform's messages did wrong).
    """

    def __init__(
        self,
        id: str,
        password: str,
        server: tuple[str, int],
        server_id: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        transport: str = "UDP",
        channels: Iterable[WireChannel] | None = None,
        codec: str = "H264",
        deviations: Deviations | None = None,
        first_pts: int = 8_100_000,
        version: str = "2.0",
    ) -> None:
        self.id, self.password, self.server, self.server_id = id, password, server, server_id
        self.transport, self.version, self.first_pts = transport.upper(), version, first_pts
        self.codec = psbytes.H265 if codec == "H265" else psbytes.H264
        self.channels = list(channels) if channels is not None else [WireChannel(id[:10] + "1320000001")]
        self.deviations = deviations or Deviations()
        self.port = WirePort(host, self._request, port)
        self.path = Path("UDP", *server)
        self.calls: list[DeviceCall] = []
        self.ptz: list[str] = []
        self.i_frames: list[str] = []
        self.subscriptions: list[Split] = []
        self.expires = 3600
        self._numbers = itertools.count(1)
        self._register_call_id, self._register_cseq, self._register_tag = fresh("reg"), 0, fresh()

    async def __aenter__(self) -> WireDevice:
        """Open the SIP port."""
        await self.port.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all calls without a word and close everything."""
        for call in self.calls:
            self._stop(call, "closed")
        await self.port.close()

    @property
    def faults(self) -> list[str]:
        """What received messages did wrong."""
        return list(self.port.faults)

    @property
    def live(self) -> list[DeviceCall]:
        """Calls not ended yet."""
        return [call for call in self.calls if not call.ended.is_set()]

    def _lines(self, to: str, call_id: str, cseq: str, tag: str, *extra: str, own: str | None = None) -> list[str]:
        domain = self.server_id[:10]
        me = own or f"sip:{self.id}@{domain}"
        return [
            self.port.via(self.path),
            f"From: <{me}>;tag={tag}",
            f"To: {to}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq}",
            "Max-Forwards: 70",
            "User-Agent: WireDevice/1.0",
            *extra,
        ]

    def contact(self, user: str | None = None) -> str:
        """A Contact line."""
        return f"Contact: <sip:{user or self.id}@{self.port.host}:{self.port.port}>"

    # -- registration ------------------------------------------------------------------------------------------------

    async def register(self, expires: int | None = None) -> Split:
        """REGISTER with the digest round trip; the 200. Raises WireRefused on another answer."""
        if self.transport == "TCP" and (self.path.writer is None or self.path.writer.is_closing()):
            self.path = await self.port.dial(*self.server)
        elif self.transport == "UDP":
            self.path = Path("UDP", *self.server)
        self.expires = self.expires if expires is None else expires
        answer = await self._register_once("")
        if answer.status == 401:
            uri = f"sip:{self.server_id}@{self.server_id[:10]}"
            challenge = answer.need("www-authenticate")
            value = sipwire.authorization(challenge, user=self.id, password=self.password, method="REGISTER", uri=uri)
            answer = await self._register_once(f"Authorization: {value}")
        if answer.status != 200:
            raise WireRefused(answer)
        return answer

    async def _register_once(self, authorization: str) -> Split:
        self._register_cseq += 1
        uri = f"sip:{self.server_id}@{self.server_id[:10]}"
        lines = self._lines(
            f"<sip:{self.id}@{self.server_id[:10]}>",
            self._register_call_id,
            f"{self._register_cseq} REGISTER",
            self._register_tag,
            self.contact(),
            f"Expires: {self.expires}",
            f"X-GB-Ver: {self.version}",
        )
        lines += [authorization] if authorization else []
        return await self.port.ask(sipwire.build(f"REGISTER {uri} SIP/2.0", lines), self.path)

    async def unregister(self) -> Split:
        """REGISTER with Expires 0; the 200."""
        answer = await self.register(0)
        self.expires = 3600
        return answer

    # -- what it says by itself --------------------------------------------------------------------------------------

    async def message(self, body: bytes) -> Split:
        """MESSAGE to the platform; its final answer whatever it is."""
        uri = f"sip:{self.server_id}@{self.server_id[:10]}"
        lines = self._lines(
            f"<{uri}>", fresh("msg"), f"{next(self._numbers)} MESSAGE", fresh(), "Content-Type: Application/MANSCDP+xml"
        )
        return await self.port.ask(sipwire.build(f"MESSAGE {uri} SIP/2.0", lines, body), self.path)

    def xml(self, kind: str, command: str, sn: int | str, device: str, inner: str = "") -> bytes:
        """A body in the charset of this device, lies included."""
        d = self.deviations
        return manscdp.xml(kind, command, sn, device, inner, declared=d.declared, written=d.written)

    async def keepalive(self, faulty: Iterable[str] = (), status: str = "OK") -> Split:
        """One keepalive; the platform's answer."""
        info = "".join(f"<DeviceID>{one}</DeviceID>\r\n" for one in faulty)
        inner = f"<Status>{status}</Status>\r\n" + (f"<Info>\r\n{info}</Info>\r\n" if info else "")
        return await self.message(self.xml("Notify", "Keepalive", next(self._numbers), self.id, inner))

    async def notify_catalog(self, events: Iterable[tuple[str, str]]) -> Split:
        """NOTIFY catalogue events, (channel id, event) each, in the last catalogue subscription."""
        subscribe = self.subscriptions[-1]
        rows = []
        for code, event in events:
            known = next((c for c in self.channels if c.id == code), WireChannel(code))
            extra = known.elements | {"Event": event}
            full = event in ("ADD", "UPDATE")
            short = f"<Item><DeviceID>{code}</DeviceID><Event>{event}</Event></Item>"
            rows.append(WireChannel(code, known.name, extra).item(self.id) if full else short)
        body = self.xml("Notify", "Catalog", next(self._numbers), self.id, manscdp.device_list(rows, len(rows)))
        return await self.notify(subscribe, body)

    async def notify(self, subscribe: Split, body: bytes, state: str = "active;expires=600") -> Split:
        """NOTIFY in the dialog of that SUBSCRIBE."""
        uri = sipwire.uri_of(subscribe.get("contact") or subscribe.need("from"))
        own = sipwire.uri_of(subscribe.need("to"))
        lines = self._lines(
            subscribe.need("from"),
            subscribe.need("call-id"),
            f"{next(self._numbers)} NOTIFY",
            self._tag(subscribe),
            self.contact(),
            f"Event: {subscribe.get('event') or 'presence'}",
            f"Subscription-State: {state}",
            "Content-Type: Application/MANSCDP+xml",
            own=own,
        )
        return await self.port.ask(sipwire.build(f"NOTIFY {uri} SIP/2.0", lines, body), self.path)

    @staticmethod
    def _tag(request: Split) -> str:
        return tag_of(request.need("to")) or "dev" + re.sub(r"\W", "", request.need("call-id"))[:20]

    # -- what it is asked --------------------------------------------------------------------------------------------

    async def _request(self, request: Split, path: Path) -> None:
        method = request.method
        if method == "MESSAGE":
            self.port.reply(request, path, 200)
            await self._command(request)
        elif method == "SUBSCRIBE":
            self.subscriptions.append(request)
            lines = [self.contact(), f"Expires: {request.get('expires') or 0}"]
            self.port.reply(request, path, 200, lines=lines, to_tag=self._tag(request))
        elif method == "INVITE":
            await self._invite(request, path)
        elif method in ("ACK", "BYE", "CANCEL"):
            self._in_call(request, path)
        else:
            self.port.reply(request, path, 200 if method in ("INFO", "OPTIONS") else 405)

    async def _command(self, request: Split) -> None:
        text = request.text
        command, sn = sipwire.element(text, "CmdType"), sipwire.element(text, "SN") or "0"
        device = sipwire.element(text, "DeviceID") or self.id
        if command == "Catalog":
            await self.send_catalog(sn)
        elif command == "DeviceInfo":
            inner = (
                "<DeviceName>Wire NVR</DeviceName>\r\n<Result>OK</Result>\r\n<Manufacturer>WireCo</Manufacturer>\r\n"
            )
            inner += f"<Model>NVR-W</Model>\r\n<Firmware>1.0</Firmware>\r\n<Channel>{len(self.channels)}</Channel>\r\n"
            await self.message(self.xml("Response", command, sn, device, inner))
        elif command == "DeviceStatus":
            inner = "<Result>OK</Result>\r\n<Online>ONLINE</Online>\r\n<Status>OK</Status>\r\n"
            await self.message(self.xml("Response", command, sn, device, inner))
        elif command == "DeviceControl":
            self._control(text, device)

    def _control(self, text: str, device: str) -> None:
        if ptz := sipwire.element(text, "PTZCmd"):
            self.ptz.append(ptz)
        for name in ("IFameCmd", "IFrameCmd"):
            if sipwire.element(text, name):
                self.i_frames.append(name)
                for call in self.live if not self.deviations.deaf_to_i_frame else ():
                    if device in (call.channel, self.id):
                        call.sender.picture.skip_to_key()

    async def send_catalog(self, sn: str) -> None:
        """The catalogue answer in fragments, each sent after the 200 of the one before."""
        d = self.deviations
        items = [channel.item(self.id) for channel in self.channels]
        cuts = [items[at : at + d.items_per_message] for at in range(0, len(items), d.items_per_message)] or [[]]
        order = [n for n in range(len(cuts)) if n not in d.lose for _ in range(2 if n in d.duplicate else 1)]
        for number in reversed(order) if d.shuffle else order:
            inner = manscdp.device_list(cuts[number], len(items))
            await self.message(self.xml("Response", "Catalog", sn, self.id, inner))

    # -- live view ---------------------------------------------------------------------------------------------------

    async def _invite(self, request: Split, path: Path) -> None:
        d, channel = self.deviations, sipwire.user_of(request.start.split()[1])
        known = [one.id for one in self.channels] + [self.id]
        self.port.reply(request, path, 100)
        if channel not in known or d.refuse_invite:
            self.port.reply(request, path, d.refuse_invite or 404)
            return
        if d.silent_after_100:
            return
        offer = manscdp.sdp_facts(request.body)
        await asyncio.to_thread(encoded, self.codec, known.index(channel) + 1)
        picture = Picture(self.codec, known.index(channel) + 1, self.first_pts)
        own_y = d.answer_y if d.answer_y not in (None, "offer") else None
        ssrc = int(own_y or offer.y or 1)
        sender = Sender(
            picture,
            ssrc if d.rtp_ssrc is None else d.rtp_ssrc,
            with_psm=d.with_psm,
            with_marker=d.with_marker,
            with_audio=d.with_audio,
            stuffing=d.pack_stuffing,
        )
        call = DeviceCall(channel, request, path, fresh("dev"), sender)
        self.calls.append(call)
        if d.answer_delay_s:
            await asyncio.sleep(d.answer_delay_s)
            if call.ended.is_set():
                return
        await self._answer(call, offer)

    async def _answer(self, call: DeviceCall, offer: manscdp.SdpFacts) -> None:
        d, host = self.deviations, self.port.host
        port, setup = 9, ""
        if offer.tcp:
            setup = "passive" if offer.setup == "active" else "active"
        if offer.tcp and setup == "passive":

            async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                call.connected.put_nowait(writer)

            call.listener = await asyncio.start_server(accept, host, 0)
            port = call.listener.sockets[0].getsockname()[1]
        elif not offer.tcp:
            call.sock = bound_udp(host)
            port = call.sock.getsockname()[1]
        y = (offer.y or f"{call.sender.ssrc:010d}") if d.answer_y == "offer" else d.answer_y
        body = manscdp.sdp(call.channel, host, port, tcp=offer.tcp, setup=setup, send=True, y=y)
        lines = [self.contact(call.channel)] + ([] if d.answer_without_sdp else ["Content-Type: application/sdp"])
        call.answer = self.port.reply(
            call.invite, call.path, 200, lines=lines, to_tag=call.local_tag, body=b"" if d.answer_without_sdp else body
        )
        call.task = self.port.spawn(self._serve(call, offer, setup))

    async def _serve(self, call: DeviceCall, offer: manscdp.SdpFacts, setup: str) -> None:
        await self._repeat_until_acked(call)
        if self.deviations.no_media:
            await call.ended.wait()
        elif call.sock is not None:
            sock = bound_udp(self.port.host) if self.deviations.other_source_port else call.sock
            try:
                await call.sender.run_udp(sock, (offer.host, offer.port))
            finally:
                sock.close()
        elif setup == "passive":
            await call.sender.run_tcp(await call.connected.get())
        else:
            await call.sender.run_tcp(await self._connect(offer))

    async def _repeat_until_acked(self, call: DeviceCall) -> None:
        wait = 0.5
        while not call.acked.is_set():
            try:
                await asyncio.wait_for(call.acked.wait(), wait)
            except TimeoutError:
                wait = min(wait * 2, 4.0)
                self.port.send(call.answer, call.path)

    async def _connect(self, offer: manscdp.SdpFacts) -> asyncio.StreamWriter:
        for _ in range(3):
            try:
                _, writer = await asyncio.open_connection(offer.host, offer.port, local_addr=(self.port.host, 0))
                return writer
            except OSError:
                await asyncio.sleep(1.0)
        raise ConnectionError(f"nobody listens at {offer.host}:{offer.port}")

    def _in_call(self, request: Split, path: Path) -> None:
        calls = [c for c in self.calls if c.invite.need("call-id") == request.need("call-id")]
        call = calls[-1] if calls else None
        if request.method == "ACK":
            if call:
                call.acked.set()
        elif call is None or (request.method == "BYE" and tag_of(request.need("to")) != call.local_tag):
            self.port.reply(request, path, 481)
        else:
            self.port.reply(request, path, 200, to_tag=call.local_tag)
            if request.method == "CANCEL" and not call.answer:
                self.port.reply(call.invite, call.path, 487, to_tag=call.local_tag)
            if request.method == "BYE" or not call.answer:
                self._stop(call, request.method)

    def _stop(self, call: DeviceCall, by: str) -> None:
        if not call.ended.is_set():
            call.ended_by = by
            call.ended.set()
        if call.task:
            call.task.cancel()
        if call.sock:
            call.sock.close()
        if call.listener:
            call.listener.close()
        while not call.connected.empty():
            call.connected.get_nowait().close()

    async def hang_up(self, call: DeviceCall) -> Split:
        """End a call from this side; the answer to the BYE."""
        self._stop(call, "device")
        uri = sipwire.uri_of(call.invite.get("contact") or call.invite.need("from"))
        own = sipwire.uri_of(call.invite.need("to"))
        lines = self._lines(call.invite.need("from"), call.invite.need("call-id"), "1 BYE", call.local_tag, own=own)
        return await self.port.ask(sipwire.build(f"BYE {uri} SIP/2.0", lines), call.path)
