"""A simulated GB/T 28181 camera or NVR on the public front doors of `sip` and `media`."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from interop.device.picture import PictureSettings
from interop.device.session import MediaSession
from interop.device.source import LiveSource
from sip import Challenge, Headers, NameAddr, RemoteError, Request, Response, Uri, response_to
from sip.aio import Incoming, Peer, SipStack
from sip.dialog import Dialog
from sip.digest import answer
from sip.manscdp import (
    CatalogItem,
    CatalogNotify,
    CatalogQuery,
    CatalogResponse,
    Command,
    DeviceInfoQuery,
    DeviceInfoResponse,
    DeviceStatusQuery,
    DeviceStatusResponse,
    Edition,
    IFrameControl,
    ItemInfo,
    Keepalive,
    PtzControl,
    dumps,
    loads,
)
from sip.sdp import Sdp, answer_to, ssrc_value

MANSCDP = "Application/MANSCDP+xml"


@dataclass(frozen=True, slots=True)
class Channel:
    """One camera of the device."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Who the device is, where it registers, what it films. `charset` is what it writes."""

    id: str
    server_id: str
    server_host: str
    server_port: int
    password: str = field(repr=False, default="")
    name: str = "gbsim"
    transport: str = "UDP"
    host: str = "127.0.0.1"
    port: int = 0
    channels: tuple[Channel, ...] = ()
    charset: str = "GB2312"
    edition: Edition = Edition.V2016
    expires: int = 3600
    keepalive_s: float = 60.0
    civil_code: str = ""
    picture: PictureSettings = PictureSettings()
    max_encoders: int = 2


class Refused(Exception):
    """The platform refused the registration."""


@dataclass(slots=True)
class _Call:
    dialog: Dialog
    session: MediaSession
    peer: Peer
    channel: str


class SimulatedDevice:
    """Registers, keeps alive, answers queries, streams while called. `on_event(name, facts)` tells what happens."""

    def __init__(self, settings: DeviceSettings, on_event: Callable[[str, dict[str, Any]], None] | None = None) -> None:
        self.settings = settings
        self.ptz: list[tuple[str, str]] = []
        self.key_frames_asked = 0
        self.registered = asyncio.Event()
        self.status = {channel.id: "ON" for channel in settings.channels}
        self._on_event = on_event or (lambda name, facts: None)
        self._stack = SipStack(user_agent="gbsim", on_request=self._on_request)
        self._server = Peer(settings.transport, settings.server_host, settings.server_port)
        self._sources = {
            channel.id: LiveSource(settings.picture, f"{settings.name} {channel.id[-6:]}") for channel in settings.channels
        }
        self._calls: dict[str, _Call] = {}
        self._subscriptions: dict[str, Dialog] = {}
        self._sn = itertools.count(1)
        self._cseq = itertools.count(1)
        self._register_call_id = secrets.token_hex(8)
        self._tag = secrets.token_hex(4)
        self._local: tuple[str, int] = (settings.host, 0)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def sessions(self) -> list[MediaSession]:
        return [call.session for call in self._calls.values()]

    # -- life

    async def start(self) -> None:
        """Bind, register (raises Refused or RemoteError), then keep the registration alive."""
        settings = self.settings
        port = await self._stack.listen(settings.transport, settings.host, settings.port)
        self._local = (settings.host, port)
        await self.register()
        self._spawn(self._keep_alive())

    async def stop(self, *, unregister: bool = True) -> None:
        for call in list(self._calls.values()):
            await self._end(call, bye=True)
        if unregister and self.registered.is_set():
            with contextlib.suppress(RemoteError, Refused):
                await self.register(expires=0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for source in self._sources.values():
            source.close()
        await self._stack.close()

    async def register(self, expires: int | None = None) -> None:
        """One registration round."""
        wanted = self.settings.expires if expires is None else expires
        response = await self._send_register(wanted, None)
        if response.status == 401:
            challenge = Challenge.parse(response.headers.get("WWW-Authenticate") or "")
            response = await self._send_register(wanted, challenge)
        if response.status != 200:
            raise Refused(f"{response.status} {response.reason}")
        if wanted:
            self.registered.set()
            self._on_event("registered", {"id": self.settings.id, "server": f"{self._server}"})
        else:
            self.registered.clear()

    async def _send_register(self, expires: int, challenge: Challenge | None) -> Response:
        settings = self.settings
        uri = Uri("sip", settings.server_id, settings.server_id[:10])
        me = NameAddr(Uri("sip", settings.id, settings.server_id[:10]))
        headers = Headers(
            [
                ("From", str(me.with_tag(self._tag))),
                ("To", str(me)),
                ("Call-ID", self._register_call_id),
                ("CSeq", f"{next(self._cseq)} REGISTER"),
                ("Max-Forwards", "70"),
                ("Contact", f"<sip:{settings.id}@{self._local[0]}:{self._local[1]}>"),
                ("Expires", str(expires)),
            ]
        )
        if settings.edition >= Edition.V2022:
            headers.add("X-GB-Ver", "3.0")
        if challenge is not None:
            credentials = answer(
                challenge,
                username=settings.id,
                password=settings.password,
                method="REGISTER",
                uri=str(uri),
                nc=1,
                cnonce=secrets.token_hex(4),
            )
            headers.add("Authorization", str(credentials))
        return await self._stack.ask(Request("REGISTER", uri, headers), self._server)

    async def _keep_alive(self) -> None:
        registered_at = time.monotonic()
        while True:
            await asyncio.sleep(self.settings.keepalive_s)
            try:
                if time.monotonic() - registered_at > 0.8 * self.settings.expires:
                    await self.register()
                    registered_at = time.monotonic()
                response = await self.keepalive()
                if response.status >= 300:
                    self._on_event("keepalive refused", {"status": response.status})
                    await self.register()
            except (RemoteError, Refused) as error:
                self._on_event("keepalive failed", {"problem": str(error)})

    async def keepalive(self) -> Response:
        """One keepalive now."""
        return await self._tell(Keepalive(sn=next(self._sn), device_id=self.settings.id, status="OK"))

    async def set_status(self, channel: str, status: str) -> None:
        """A channel goes ON or OFF; subscribers are told."""
        self.status[channel] = status
        item = CatalogItem(device_id=channel, event=status)
        await self.notify_catalogue([item])

    async def notify_catalogue(self, items: list[CatalogItem]) -> None:
        """Send a catalogue NOTIFY in every subscription."""
        message = CatalogNotify(sn=next(self._sn), device_id=self.settings.id, sum_num=len(items), items=items)
        body = dumps(message, charset=self.settings.charset, edition=self.settings.edition)
        for dialog in list(self._subscriptions.values()):
            headers = [("Event", "Catalog"), ("Subscription-State", "active"), ("Content-Type", MANSCDP)]
            request = dialog.request("NOTIFY", contact=self._contact(), headers=headers, body=body)
            await self._stack.ask(request, self._server)

    # -- requests of the platform

    def _on_request(self, incoming: Incoming) -> None:
        handlers: dict[str, Callable[[Incoming], Any]] = {
            "MESSAGE": self._message,
            "INVITE": self._invite,
            "BYE": self._bye,
            "SUBSCRIBE": self._subscribe,
            "OPTIONS": self._accept,
        }
        handler = handlers.get(incoming.request.method)
        if handler is None:
            incoming.respond(405)
            return
        self._spawn(handler(incoming))

    async def _accept(self, incoming: Incoming) -> None:
        incoming.respond(200)

    async def _message(self, incoming: Incoming) -> None:
        parsed = loads(incoming.request.body)
        incoming.respond(200)
        match parsed.message:
            case CatalogQuery() as query:
                await self._send_catalogue(query)
            case DeviceInfoQuery() as query:
                await self._tell(
                    DeviceInfoResponse(
                        sn=query.sn, device_id=query.device_id, device_name=self.settings.name, result="OK",
                        manufacturer="gbsim", model="virtual", firmware="1.0", channel=len(self.settings.channels),
                    )
                )  # fmt: skip
            case DeviceStatusQuery() as query:
                await self._tell(
                    DeviceStatusResponse(
                        sn=query.sn, device_id=query.device_id, result="OK", online="ONLINE", status="OK"
                    )
                )
            case PtzControl() as control:
                self.ptz.append((control.device_id, control.ptz_cmd))
                self._on_event("ptz", {"channel": control.device_id, "command": control.ptz_cmd})
            case IFrameControl() as control:
                self.key_frames_asked += 1
                if (source := self._sources.get(control.device_id)) is not None:
                    source.want_key_frame()
            case other:
                self._on_event("ignored", {"command": type(other).__name__})

    async def _send_catalogue(self, query: CatalogQuery) -> None:
        items = [self.item(channel) for channel in self.settings.channels]
        size = 2 if self.settings.transport == "UDP" else 50
        pages = [items[start : start + size] for start in range(0, len(items), size)] or [[]]
        for page in pages:
            await self._tell(CatalogResponse(sn=query.sn, device_id=query.device_id, sum_num=len(items), items=page))

    def item(self, channel: Channel) -> CatalogItem:
        """The catalogue entry of a channel."""
        settings = self.settings
        return CatalogItem(
            device_id=channel.id,
            name=channel.name,
            manufacturer="gbsim",
            model="virtual",
            owner="gbsim",
            civil_code=settings.civil_code or settings.id[:6],
            address="127.0.0.1",
            parental=0,
            parent_id=settings.id,
            register_way=1,
            secrecy=0,
            status=self.status.get(channel.id, "ON"),
            info=ItemInfo(ptz_type="1"),
        )

    async def _subscribe(self, incoming: Incoming) -> None:
        request = incoming.request
        expires = request.expires if request.expires is not None else 600
        sent = response_to(request, 200, to_tag=incoming.local_tag)
        if request.to.tag is None:
            self._subscriptions[request.call_id] = Dialog.from_server(request, sent)
        if expires == 0:
            self._subscriptions.pop(request.call_id, None)
        incoming.respond(200, headers=[("Expires", str(expires)), ("Contact", self._contact())])

    async def _invite(self, incoming: Incoming) -> None:
        channel = incoming.request.uri.user or ""
        source = self._sources.get(channel)
        if source is None:
            incoming.respond(404)
            return
        busy = sum(1 for one in self._sources.values() if one.encoding)
        if not source.encoding and busy >= self.settings.max_encoders:
            incoming.respond(486)
            return
        try:
            offer = Sdp.parse(incoming.request.body)
        except RemoteError as error:
            incoming.respond(error.status)
            return
        call_id = incoming.request.call_id
        ssrc = ssrc_value(offer.ssrc) if offer.ssrc else secrets.randbelow(1 << 31)
        session = MediaSession(source, ssrc, offer.payloads[0], lambda reason: self._media_ended(call_id, reason))
        try:
            answered = await self._answer(offer, channel, session)
        except OSError as error:
            incoming.respond(488, f"Media {error}")
            await session.close()
            return
        headers = [("Contact", self._contact(channel)), ("Content-Type", "application/sdp")]
        sent = response_to(incoming.request, 200, to_tag=incoming.local_tag, headers=headers, body=bytes(answered))
        call = _Call(Dialog.from_server(incoming.request, sent), session, incoming.source, channel)
        self._calls[call_id] = call
        incoming.respond(200, headers=headers, body=bytes(answered))
        try:
            await incoming.acked(32)
            await self._run(call, offer)
        except (RemoteError, OSError, TimeoutError) as error:
            self._on_event("call failed", {"channel": channel, "problem": str(error)})
            await self._end(call, bye=True)

    async def _answer(self, offer: Sdp, channel: str, session: MediaSession) -> Sdp:
        host = self.settings.host
        remote = (offer.host or self._server.host, offer.port)
        if not offer.is_tcp:
            port = session.open_udp(host, remote)
        elif offer.setup == "active":
            port = await session.listen(host)
        else:
            port = 9
        return answer_to(offer, origin_id=channel, host=host, port=port)

    async def _run(self, call: _Call, offer: Sdp) -> None:
        if offer.is_tcp and offer.setup != "active":
            await call.session.connect((offer.host or self._server.host, offer.port))
        await call.session.start()
        self._on_event("streaming", {"channel": call.channel, "to": f"{offer.host}:{offer.port}", "proto": offer.proto})

    async def _bye(self, incoming: Incoming) -> None:
        call = self._calls.get(incoming.request.call_id)
        if call is None:
            incoming.respond(481)
            return
        incoming.respond(200)
        await self._end(call, bye=False)

    def _media_ended(self, call_id: str, reason: str) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            self._on_event("media ended", {"channel": call.channel, "reason": reason})
            self._spawn(self._end(call, bye=True))

    async def _end(self, call: _Call, *, bye: bool) -> None:
        if self._calls.pop(call.dialog.call_id, None) is None:
            return
        await call.session.close()
        self._on_event("stopped", {"channel": call.channel, "packets": call.session.sent.packets})
        if bye:
            with contextlib.suppress(RemoteError):
                await self._stack.ask(call.dialog.request("BYE"), call.peer, timeout_s=2)

    # -- sending

    async def _tell(self, message: Command) -> Response:
        settings = self.settings
        body = dumps(message, charset=settings.charset, edition=settings.edition)
        me = NameAddr(Uri("sip", settings.id, settings.server_id[:10]))
        to = NameAddr(Uri("sip", settings.server_id, settings.server_id[:10]))
        headers = Headers(
            [
                ("From", str(me.with_tag(secrets.token_hex(4)))),
                ("To", str(to)),
                ("Call-ID", secrets.token_hex(8)),
                ("CSeq", "1 MESSAGE"),
                ("Max-Forwards", "70"),
                ("Content-Type", MANSCDP),
            ]
        )
        uri = Uri("sip", settings.server_id, self._server.host, self._server.port)
        return await self._stack.ask(Request("MESSAGE", uri, headers, body), self._server)

    def _contact(self, user: str = "") -> str:
        return f"<sip:{user or self.settings.id}@{self._local[0]}:{self._local[1]}>"

    def _spawn(self, work: Any) -> None:
        async def run() -> None:
            try:
                await work
            except RemoteError as error:
                self._on_event("failed", {"problem": str(error)})

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
