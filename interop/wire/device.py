"""A camera or NVR in bytes: registers, keeps alive, answers queries, and sends real video when invited.

`async with WireDevice(id, password, server, server_id) as device: await device.register()`.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterable

from interop.wire import manscdp, psbytes, sipwire
from interop.wire.deviations import Deviations
from interop.wire.device_call import DeviceCall
from interop.wire.manscdp import WireChannel
from interop.wire.media import Picture, Sender
from interop.wire.port import WirePort
from interop.wire.sipwire import Path, Split, WireRefused, fresh, tag_of
from interop.wire.video import encoded

__all__ = ["Deviations", "DeviceCall", "WireDevice"]


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
            call.close("closed")
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
        if d.max_calls is not None and len(self.live) >= d.max_calls:
            self.port.reply(request, path, 486)
            return
        if d.silent_after_100:
            return
        offer = manscdp.sdp_facts(request.body)
        sender = await self._sender(known.index(channel) + 1, offer)
        call = DeviceCall(channel, request, path, fresh("dev"), sender)
        self.calls.append(call)
        if d.answer_delay_s:
            await asyncio.sleep(d.answer_delay_s)
            if call.ended.is_set():
                return
        await self._answer(call, offer)

    async def _sender(self, camera: int, offer: manscdp.SdpFacts) -> Sender:
        d = self.deviations
        await asyncio.to_thread(encoded, self.codec, camera)
        own_y = d.answer_y if d.answer_y not in (None, "offer") else None
        ssrc = int(own_y or offer.y or 1)
        return Sender(
            Picture(self.codec, camera, self.first_pts),
            ssrc if d.rtp_ssrc is None else d.rtp_ssrc,
            with_psm=d.with_psm,
            with_marker=d.with_marker,
            with_audio=d.with_audio,
            stuffing=d.pack_stuffing,
        )

    async def _answer(self, call: DeviceCall, offer: manscdp.SdpFacts) -> None:
        d, host = self.deviations, self.port.host
        port, setup = await call.open_leg(host, offer)
        y = (offer.y or f"{call.sender.ssrc:010d}") if d.answer_y == "offer" else d.answer_y
        body = manscdp.sdp(call.channel, host, port, tcp=offer.tcp, setup=setup, send=True, y=y)
        lines = [self.contact(call.channel)] + ([] if d.answer_without_sdp else ["Content-Type: application/sdp"])
        call.answer = self.port.reply(
            call.invite, call.path, 200, lines=lines, to_tag=call.local_tag, body=b"" if d.answer_without_sdp else body
        )
        call.task = self.port.spawn(self._serve(call, offer))

    async def _serve(self, call: DeviceCall, offer: manscdp.SdpFacts) -> None:
        await call.repeat_until_acked(self.port)
        if self.deviations.no_media:
            await call.ended.wait()
        else:
            await call.send_media(self.port.host, offer, other_port=self.deviations.other_source_port)

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
                call.close(request.method)

    async def hang_up(self, call: DeviceCall) -> Split:
        """End a call from this side; the answer to the BYE."""
        call.close("device")
        uri = sipwire.uri_of(call.invite.get("contact") or call.invite.need("from"))
        own = sipwire.uri_of(call.invite.need("to"))
        lines = self._lines(call.invite.need("from"), call.invite.need("call-id"), "1 BYE", call.local_tag, own=own)
        return await self.port.ask(sipwire.build(f"BYE {uri} SIP/2.0", lines), call.path)
