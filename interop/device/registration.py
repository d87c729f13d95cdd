"""Registering, staying registered, and coming back when the platform was away (GB/T 28181-2022 9.1, 9.6)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from interop.device.outbox import Outbox
from interop.device.settings import DeviceSettings
from sip import Challenge, Headers, NameAddr, RemoteError, Request, Response, Uri
from sip.aio import SipStack
from sip.digest import answer
from sip.manscdp import Edition

REFRESH_AT = 0.8
"""Part of the granted time after which the registration is refreshed."""


class Refused(Exception):
    """The platform refused the registration; `status` is its answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status


class Registration:
    """One device's registration. `registered` is set while the platform is known to have it."""

    def __init__(
        self,
        settings: DeviceSettings,
        stack: SipStack,
        outbox: Outbox,
        on_event: Callable[[str, dict[str, Any]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registered = asyncio.Event()
        self._settings = settings
        self._stack = stack
        self._outbox = outbox
        self._on_event = on_event
        self._clock = clock
        self._call_id = secrets.token_hex(8)
        self._tag = secrets.token_hex(4)
        self._cseq = 0
        self._refresh_at = 0.0
        self._misses = 0

    async def register(self, expires: int | None = None) -> None:
        """One round of REGISTER, challenged or not. Refused; TransactionTimeout or TransportFailed when unanswered."""
        wanted = self._settings.expires if expires is None else expires
        response = await self._send(wanted, None)
        if response.status == 401:
            challenge = Challenge.parse(response.headers.get("WWW-Authenticate") or "")
            response = await self._send(wanted, challenge)
        if response.status != 200:
            self.registered.clear()
            raise Refused(response.status, response.reason)
        if not wanted:
            self.registered.clear()
            return
        granted = response.expires or wanted
        self._refresh_at = self._clock() + REFRESH_AT * granted
        self._misses = 0
        if not self.registered.is_set():
            self.registered.set()
            self._on_event("registered", {"id": self._settings.id, "server": str(self._outbox.server)})

    async def hold(self, keepalive: Callable[[], Awaitable[Response]]) -> None:
        """Keep the registration, for ever: keepalives, refreshes, and new attempts while the platform is away."""
        while True:
            if not self.registered.is_set():
                await self._attempt()
                if not self.registered.is_set():
                    await asyncio.sleep(self._settings.retry_s)
                    continue
            await asyncio.sleep(self._settings.keepalive_s)
            if self._clock() >= self._refresh_at:
                await self._attempt()
            await self._beat(keepalive)

    async def _attempt(self) -> None:
        try:
            await self.register()
        except (RemoteError, Refused) as error:
            self._on_event("not registered", {"problem": str(error)})

    async def _beat(self, keepalive: Callable[[], Awaitable[Response]]) -> None:
        try:
            response = await keepalive()
        except RemoteError as error:
            self._misses += 1
            self._on_event("keepalive failed", {"problem": str(error), "in a row": self._misses})
            if self._misses >= self._settings.keepalive_misses and self.registered.is_set():
                self.registered.clear()
                self._on_event("platform lost", {"server": str(self._outbox.server)})
            return
        self._misses = 0
        if response.status >= 300:
            self._on_event("keepalive refused", {"status": response.status})
            self.registered.clear()

    async def _send(self, expires: int, challenge: Challenge | None) -> Response:
        settings = self._settings
        uri = Uri("sip", settings.server_id, settings.server_id[:10])
        me = NameAddr(Uri("sip", settings.id, settings.server_id[:10]))
        self._cseq += 1
        headers = Headers(
            [
                ("From", str(me.with_tag(self._tag))),
                ("To", str(me)),
                ("Call-ID", self._call_id),
                ("CSeq", f"{self._cseq} REGISTER"),
                ("Max-Forwards", "70"),
                ("Contact", self._outbox.contact()),
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
        return await self._stack.ask(Request("REGISTER", uri, headers), self._outbox.server)
