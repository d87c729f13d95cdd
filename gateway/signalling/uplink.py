"""Our registration with one upper platform (上级平台): REGISTER, refresh, keepalive, back-off and resume.

States are those of GB/T 28181-2022 9.1 and 9.6 as seen by the registering side. The failure the operator reads is
kept in `status`.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from gateway.signalling.requests import MANSCDP, Party, contact_of, request_to
from sip import NameAddr, RemoteError, Response, Uri
from sip.aio import Peer, SipStack
from sip.digest import Challenge, answer
from sip.manscdp import Keepalive, dumps

log = structlog.get_logger("uplink")

KEEPALIVE_MISSES = 3
MAX_REDIRECTS = 3


class UplinkState(enum.Enum):
    STOPPED = "stopped"
    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class UpperTarget:
    """What is needed to register with one upper platform. Intervals in seconds."""

    upper_id: str
    host: str
    port: int
    transport: str
    local_id: str
    password: str = field(repr=False)
    username: str = ""
    domain: str = ""
    charset: str = "GB2312"
    expires_seconds: int = 3600
    keepalive_seconds: int = 60
    retry_seconds: float = 60
    gb_version: str = "3.0"

    @property
    def peer(self) -> Peer:
        return Peer(self.transport.upper(), self.host, self.port)


@dataclass(slots=True)
class UplinkStatus:
    """What the console, the API and the log say of an uplink. Times are unix seconds."""

    state: UplinkState = UplinkState.STOPPED
    since: float = 0.0
    problem: str | None = None
    hint: str | None = None
    registered_until: float = 0.0
    last_keepalive: float = 0.0
    missed_keepalives: int = 0
    peer_version: str | None = None
    trace: list[str] = field(default_factory=list)

    def step(self, text: str) -> None:
        """Remember the last twenty steps for the wizard that explains a failing registration."""
        self.trace.append(text)
        del self.trace[:-20]


HINTS = {
    401: "The upper platform did not accept the password: compare user name and password on both sides.",
    403: "The upper platform refuses this id or password: compare our id, user name and password with its form.",
    404: "The upper platform does not know our id: it must be entered there first.",
    408: "No answer: check address, port and transport, and that nothing filters them.",
    423: "The upper platform wants a longer registration time.",
}


class RegistrationRefused(Exception):
    """The upper platform refused; `status` is its SIP code."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class Uplink:
    """Keeps one registration alive until stopped."""

    def __init__(
        self,
        target: UpperTarget,
        stack: SipStack,
        *,
        on_change: Callable[[Uplink], Awaitable[None]],
        registered_until: float = 0.0,
        peer_version: str | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.target = target
        self.status = UplinkStatus(registered_until=registered_until, peer_version=peer_version)
        self._stack = stack
        self._on_change = on_change
        self._clock = clock
        self._jitter = jitter
        self._me = Party(target.local_id)
        self._upper = Party(target.upper_id, target.domain)
        self._call_id = secrets.token_hex(10)
        self._from_tag = secrets.token_hex(5)
        self._cseq = itertools.count(1)
        self._sn = itertools.count(1)
        self._nonce_count = 0
        self._server = target.peer
        self._registrar_uri: Uri | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def registered(self) -> bool:
        return self.status.state is UplinkState.REGISTERED

    @property
    def peer(self) -> Peer:
        """Where requests to this upper platform go: its address, or the one a redirect named."""
        return self._server

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"uplink {self.target.upper_id}")

    async def stop(self, *, unregister: bool = True) -> None:
        """End the registration; with `unregister` the upper platform is told (Expires 0)."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if unregister and self.registered:
            try:
                await asyncio.wait_for(self._register(0), 3)
            except (RemoteError, RegistrationRefused, TimeoutError) as error:
                log.info("could not unregister", upper=self.target.upper_id, problem=str(error))
        await self._enter(UplinkState.STOPPED)

    async def _run(self) -> None:
        if self.status.registered_until > self._clock() + 10:
            await self._resume()
        while True:
            try:
                if not self.registered:
                    await self._enter(UplinkState.REGISTERING)
                    await self._register(self.target.expires_seconds)
                    await self._enter(UplinkState.REGISTERED)
                await self._stay_registered()
            except (RemoteError, RegistrationRefused, OSError) as error:
                await self._failed(error)

    async def _resume(self) -> None:
        """After a restart inside the registered time a keepalive is enough; only if it fails do we register again."""
        try:
            await self._keepalive()
        except (RemoteError, RegistrationRefused):
            return
        await self._enter(UplinkState.REGISTERED)

    async def _failed(self, error: Exception) -> None:
        status = error.status if isinstance(error, RegistrationRefused) else 408
        self.status.problem = str(error)
        self.status.hint = HINTS.get(status)
        self.status.step(f"failed: {error}")
        self._server, self._registrar_uri = self.target.peer, None
        log.warning("uplink failed", upper=self.target.upper_id, problem=str(error), hint=self.status.hint)
        await self._enter(UplinkState.WAITING)
        wait = self.target.retry_seconds
        await asyncio.sleep(wait + wait * 0.5 * self._jitter())

    async def _enter(self, state: UplinkState) -> None:
        if state is self.status.state:
            return
        self.status.state, self.status.since = state, self._clock()
        if state is UplinkState.REGISTERED:
            self.status.problem = self.status.hint = None
            self.status.missed_keepalives = 0
        log.info("uplink", upper=self.target.upper_id, state=state.value)
        await self._on_change(self)

    async def _stay_registered(self) -> None:
        """Keepalives until the refresh is due, then refresh; returns when the registration was renewed."""
        while True:
            now = self._clock()
            remaining = self.status.registered_until - now
            refresh_in = max(min(remaining - 60, 0.8 * remaining), 0.5)
            if refresh_in <= self.target.keepalive_seconds:
                await asyncio.sleep(refresh_in)
                await self._register(self.target.expires_seconds)
                await self._on_change(self)
                return
            await asyncio.sleep(self.target.keepalive_seconds)
            try:
                await self._keepalive()
            except RemoteError as error:
                self.status.missed_keepalives += 1
                if self.status.missed_keepalives >= KEEPALIVE_MISSES:
                    raise RegistrationRefused(408, "keepalives are not answered") from error

    async def _keepalive(self) -> None:
        body = dumps(
            Keepalive(sn=next(self._sn), device_id=self.target.local_id, status="OK"), charset=self.target.charset
        )
        request = request_to(
            "MESSAGE",
            me=self._me,
            target=self._upper,
            peer=self._server,
            local=self._stack.local_address(self._server),
            body=body,
            content_type=MANSCDP,
        )
        response = await self._stack.ask(request, self._server, timeout_s=8)
        if response.status >= 300:
            raise RegistrationRefused(response.status, f"keepalive answered {response.status} {response.reason}")
        self.status.missed_keepalives = 0
        self.status.last_keepalive = self._clock()

    async def _register(self, expires: int) -> None:
        """One registration round: challenge, credentials, redirects (302, GB/T 28181-2022 9.1.2.3), 423."""
        challenge: Challenge | None = None
        redirects = rounds = 0
        while True:
            response = await self._send_register(expires, challenge)
            self.status.step(f"REGISTER answered {response.status} {response.reason}")
            self.status.peer_version = response.headers.get("X-GB-Ver") or self.status.peer_version
            if response.status == 200:
                granted = response.expires if response.expires is not None else expires
                self.status.registered_until = self._clock() + granted
                return
            rounds += 1
            if response.status == 401 and rounds <= 2:
                challenge = self._pick_challenge(response)
                self._nonce_count = 0
            elif response.status == 302 and redirects < MAX_REDIRECTS and response.contact is not None:
                redirects, rounds, challenge = redirects + 1, 0, None
                self._follow(response.contact)
            elif response.status == 423 and rounds <= 2:
                expires = max(expires, int(response.headers.get("Min-Expires") or expires))
            else:
                raise RegistrationRefused(response.status, response.reason)

    def _follow(self, contact: NameAddr) -> None:
        self._registrar_uri = contact.uri
        self._server = Peer(self._server.transport, contact.uri.host, contact.uri.port or 5060)

    def _pick_challenge(self, response: Response) -> Challenge:
        for value in response.headers.get_all("WWW-Authenticate"):
            if value.strip().lower().startswith("digest"):
                return Challenge.parse(value)
        raise RegistrationRefused(401, "no Digest challenge in the 401")

    async def _send_register(self, expires: int, challenge: Challenge | None) -> Response:
        local = self._stack.local_address(self._server)
        uri = self._registrar_uri or Uri("sip", self.target.upper_id, self._upper.domain or self.target.upper_id[:10])
        headers = [
            ("Contact", contact_of(self.target.local_id, local)),
            ("Expires", str(expires)),
            ("X-GB-Ver", self.target.gb_version),
        ]
        if challenge is not None:
            self._nonce_count += 1
            credentials = answer(
                challenge,
                username=self.target.username or self.target.local_id,
                password=self.target.password,
                method="REGISTER",
                uri=str(uri),
                nc=self._nonce_count,
                cnonce=secrets.token_hex(8),
            )
            headers.append(("Authorization", str(credentials)))
        request = request_to(
            "REGISTER",
            me=self._me,
            target=self._upper,
            to=self._me,
            peer=self._server,
            local=local,
            uri=uri,
            headers=headers,
            call_id=self._call_id,
            from_tag=self._from_tag,
            cseq=next(self._cseq),
        )
        return await self._stack.ask(request, self._server, timeout_s=8)
