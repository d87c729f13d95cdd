"""A simulated GB/T 28181 camera or NVR on the public front doors of `sip` and `media`."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from interop.device.calls import Calls
from interop.device.outbox import Outbox
from interop.device.registration import Refused, Registration
from interop.device.session import MediaSession
from interop.device.settings import Channel, DeviceSettings
from interop.device.source import LiveSource
from interop.device.subscribers import Subscribers
from sip import RemoteError, Response
from sip.aio import Incoming, SipStack
from sip.manscdp import (
    CatalogItem,
    CatalogQuery,
    Command,
    DeviceInfoQuery,
    DeviceInfoResponse,
    DeviceStatusQuery,
    DeviceStatusResponse,
    IFrameControl,
    ItemInfo,
    Keepalive,
    PtzControl,
    loads,
)

KEPT_COMMANDS = 1000


class SimulatedDevice:
    """Registers, keeps alive, answers queries, streams while called. `on_event(name, facts)` tells what happens.

    ptz               (channel, PTZCmd) of the last commands, in order
    key_frames_asked  how many key frames were asked for
    status            "ON" or "OFF" of each channel; change it with `set_status`
    """

    def __init__(self, settings: DeviceSettings, on_event: Callable[[str, dict[str, Any]], None] | None = None) -> None:
        self.settings = settings
        self.ptz: deque[tuple[str, str]] = deque(maxlen=KEPT_COMMANDS)
        self.key_frames_asked = 0
        self.status = {channel.id: "ON" for channel in settings.channels}
        self._on_event = on_event or (lambda name, facts: None)
        self._stack = SipStack(user_agent="gbsim", on_request=self._on_request)
        self._outbox = Outbox(settings, self._stack)
        self._registration = Registration(settings, self._stack, self._outbox, self._on_event)
        self._subscribers = Subscribers(self._stack, self._outbox)
        self._sources = {
            channel.id: LiveSource(settings.picture, f"{settings.name} {channel.id[-6:]}")
            for channel in settings.channels
        }
        self._calls = Calls(settings, self._stack, self._sources, self._outbox.contact, self._on_event, self._spawn)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def sessions(self) -> list[MediaSession]:
        """The media sessions of the calls in progress, oldest first."""
        return self._calls.sessions

    @property
    def registered(self) -> asyncio.Event:
        """Set while the platform has our registration."""
        return self._registration.registered

    @property
    def encoding(self) -> list[str]:
        """The channels whose encoder runs."""
        return [channel for channel, source in self._sources.items() if source.encoding]

    # -- life

    async def start(self, *, persist: bool = False) -> None:
        """Bind, register, then stay registered.

        Raises Refused (wrong password, unknown device), and RemoteError when the platform does not answer; with
        `persist` an unanswered registration is tried again for ever instead.
        """
        settings = self.settings
        port = await self._stack.listen(settings.transport, settings.host, settings.port)
        self._outbox.contact_address = (settings.host, port)
        try:
            await self.register()
        except RemoteError as error:
            if not persist:
                raise
            self._on_event("no answer", {"server": str(self._outbox.server), "problem": str(error)})
        self._spawn(self._registration.hold(self.keepalive))

    async def stop(self, *, unregister: bool = True) -> None:
        """End the calls with BYE, unregister, close everything."""
        await self._calls.end_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if unregister and self.registered.is_set():
            with contextlib.suppress(RemoteError, Refused):
                await self.register(expires=0)
        for source in self._sources.values():
            await source.close()
        await self._stack.close()

    async def register(self, expires: int | None = None) -> None:
        """One registration round now; 0 unregisters."""
        await self._registration.register(expires)

    async def keepalive(self) -> Response:
        """One keepalive now."""
        return await self._outbox.tell(Keepalive(sn=self._outbox.next_sn(), device_id=self.settings.id, status="OK"))

    async def set_status(self, channel: str, status: str) -> None:
        """A channel goes ON or OFF; subscribers are told."""
        self.status[channel] = status
        await self.notify_catalogue([CatalogItem(device_id=channel, event=status)])

    async def notify_catalogue(self, items: list[CatalogItem]) -> None:
        """Send a catalogue NOTIFY in every subscription."""
        await self._subscribers.notify(self.settings.id, items)

    # -- requests of the platform

    def _on_request(self, incoming: Incoming) -> None:
        handlers: dict[str, Callable[[Incoming], Coroutine[Any, Any, None]]] = {
            "MESSAGE": self._message,
            "INVITE": self._calls.invite,
            "BYE": self._calls.bye,
        }
        method = incoming.request.method
        if method in handlers:
            self._spawn(self._answered(incoming, handlers[method](incoming)))
        elif method == "SUBSCRIBE":
            self._subscribers.subscribe(incoming)
        else:
            incoming.respond(200 if method == "OPTIONS" else 405)

    async def _answered(self, incoming: Incoming, work: Coroutine[Any, Any, None]) -> None:
        """Run a handler; what it refuses is answered so."""
        try:
            await work
        except RemoteError as error:
            if incoming.answered:
                self._on_event("failed", {"problem": str(error)})
            else:
                incoming.respond(error.status)
                self._on_event("refused", {"status": error.status, "problem": str(error)})

    async def _message(self, incoming: Incoming) -> None:
        message = loads(incoming.request.body).message
        incoming.respond(200)
        match message:
            case CatalogQuery():
                items = [self.item(channel) for channel in self.settings.channels]
                await self._outbox.send_catalogue(message.sn, message.device_id, items)
            case DeviceInfoQuery():
                await self._outbox.tell(self._info(message))
            case DeviceStatusQuery():
                status = DeviceStatusResponse(
                    sn=message.sn, device_id=message.device_id, result="OK", online="ONLINE", status="OK"
                )
                await self._outbox.tell(status)
            case PtzControl():
                self.ptz.append((message.device_id, message.ptz_cmd))
                self._on_event("ptz", {"channel": message.device_id, "command": message.ptz_cmd})
            case IFrameControl():
                self.key_frames_asked += 1
                if (source := self._sources.get(message.device_id)) is not None:
                    source.want_key_frame()
            case _:
                self._on_event("ignored", {"command": type(message).__name__})

    def _info(self, query: DeviceInfoQuery) -> Command:
        return DeviceInfoResponse(
            sn=query.sn,
            device_id=query.device_id,
            device_name=self.settings.name,
            result="OK",
            manufacturer="gbsim",
            model="virtual",
            firmware="1.0",
            channel=len(self.settings.channels),
        )

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

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
