"""Our registration with one upper platform (上级平台): REGISTER, refresh, keepalive, back-off and resume.

States are those of GB/T 28181-2022 9.1 and 9.6 as seen by the registering side. The failure the operator reads is
kept in `status`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from gateway.signalling.requests import MANSCDP, Party, contact_of, request_to
from gateway.signalling.uplink_status import CLOSED_AGAIN_HINT, CLOSED_HINT, HINTS, UplinkState, UplinkStatus
from sip import LocalError, NameAddr, ParseError, RemoteError, Response, TransportFailed, Uri
from sip.aio import Peer, SipStack
from sip.digest import Challenge, answer, first_usable
from sip.manscdp import Keepalive, dumps

log = structlog.get_logger("uplink")

MAX_REDIRECTS = 3
ANSWER_S = 8.0
"""How long an answer to REGISTER or a keepalive is waited for."""
SETTLED_S = 10.0
"""A connection closed that soon after the registration was closed early: more than once, that is no accident."""
CONNECTION_CLOSED = "the TCP connection to the upper platform was closed"


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
    retry_jitter_seconds: float = 30
    keepalive_misses: int = 3
    gb_version: str = "3.0"

    @property
    def peer(self) -> Peer:
        return Peer(self.transport.upper(), self.host, self.port)


class RegistrationRefused(Exception):
    """The upper platform refused; `status` is its SIP code."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class ConnectionClosed(Exception):
    """The TCP connection of the registration is gone: abnormal offline (GB/T 28181-2022 9.1.1 f)."""


class Uplink:
    """Keeps one registration alive until stopped.

    `registered_until`, `peer_version` and `server` are what a restart left of a registration (`server` differs from the
    configured address after a redirect).
    """

    def __init__(
        self,
        target: UpperTarget,
        stack: SipStack,
        *,
        on_change: Callable[[Uplink], Awaitable[None]],
        registered_until: float = 0.0,
        peer_version: str | None = None,
        server: Peer | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.target = target
        self.status = UplinkStatus(registered_until=registered_until, peer_version=peer_version)
        self._stack = stack
        self._on_change = on_change
        self._clock = clock
        self._jitter = jitter
        self._pause = pause
        self._me = Party(target.local_id)
        self._upper = Party(target.upper_id, target.domain)
        self._call_id = secrets.token_hex(10)
        self._from_tag = secrets.token_hex(5)
        self._cseq = itertools.count(1)
        self._sn = itertools.count(1)
        self._nonce_count = 0
        self._server = server or target.peer
        self._registrar_uri: Uri | None = None
        self._connection_closed = asyncio.Event()
        self._closed_early = 0
        """How many connections in a row were closed soon after the registration."""
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

    def connection_lost(self, peer: Peer) -> None:
        """A TCP connection ended: when it was the one to our upper platform, we are offline.

        To the upper platform, too (GB/T 28181-2022 9.1.1 f); it cannot reach us until we have waited and registered
        again.
        """
        ours = self._server
        if (peer.transport, peer.host, peer.port) == (ours.transport, ours.host, ours.port):
            self._connection_closed.set()

    async def stop(self, *, unregister: bool = True) -> None:
        """End the registration; with `unregister` the upper platform is told (Expires 0)."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if unregister and self.registered:
            try:
                async with asyncio.timeout(3):
                    await self._register(0)
            except (RemoteError, RegistrationRefused, TimeoutError) as error:
                log.info("could not unregister", upper=self.target.upper_id, problem=str(error))
        await self._enter(UplinkState.STOPPED)

    async def _run(self) -> None:
        if self.status.registered_until > self._clock() + 10:
            await self._guarded(self._resume)
        while True:
            await self._guarded(self._be_registered)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """The task's boundary: whatever goes wrong is shown, waited out and tried again."""
        try:
            await work()
        except (RemoteError, RegistrationRefused, ConnectionClosed, OSError) as error:
            await self._failed(error)
        except Exception as error:
            log.exception("uplink fault", upper=self.target.upper_id)
            await self._failed(error)

    async def _be_registered(self) -> None:
        if not self.registered:
            await self._enter(UplinkState.REGISTERING)
            self._server = await self._stack.resolve(self._server.transport, self._server.host, self._server.port)
            await self._register(self.target.expires_seconds)
            await self._enter(UplinkState.REGISTERED)
        try:
            await self._stay_registered()
        except RemoteError as error:
            if not self._connection_broke(error):
                raise
        if self._connection_closed.is_set():
            early = self._clock() - self.status.since < SETTLED_S
            self._closed_early = self._closed_early + 1 if early else 0
            raise ConnectionClosed(CONNECTION_CLOSED)

    async def _resume(self) -> None:
        """After a restart inside the registered time a keepalive is enough; only if it fails do we register again."""
        try:
            self._server = await self._stack.resolve(self._server.transport, self._server.host, self._server.port)
            await self._keepalive()
        except (RemoteError, RegistrationRefused) as error:
            self.status.step(f"not resumed: {error}")
            self._server = self.target.peer
            return
        await self._enter(UplinkState.REGISTERED)

    def _back_off(self) -> float:
        """Seconds until the next try (GB/T 28181-2022 7.1 and 9.1.1: normally 60 or more, with a random part)."""
        return self.target.retry_seconds + self.target.retry_jitter_seconds * self._jitter()

    async def _failed(self, error: Exception) -> None:
        self.status.problem = str(error) or type(error).__name__
        self.status.hint = self._hint(error)
        self.status.step(f"failed: {self.status.problem}")
        self._server, self._registrar_uri = self.target.peer, None
        log.warning("uplink failed", upper=self.target.upper_id, problem=self.status.problem, hint=self.status.hint)
        await self._enter(UplinkState.WAITING)
        await self._pause(self._back_off())

    def _hint(self, error: Exception) -> str | None:
        if isinstance(error, ConnectionClosed):
            return CLOSED_AGAIN_HINT if self._closed_early > 1 else CLOSED_HINT
        return HINTS.get(_status_of(error))

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
        """Keepalives until the refresh is due, then refresh; returns when the registration was renewed, or when its
        connection was closed."""
        while True:
            refresh_in = refresh_after(self.status.registered_until - self._clock())
            if await self._closed_within(min(refresh_in, self.target.keepalive_seconds)):
                return
            if refresh_in <= self.target.keepalive_seconds:
                await self._renew()
                return
            try:
                await self._keepalive()
            except RemoteError as error:
                if self._connection_broke(error):
                    return
                self.status.missed_keepalives += 1
                self.status.step(f"keepalive {self.status.missed_keepalives} not answered: {error}")
                if self.status.missed_keepalives >= self.target.keepalive_misses:
                    await self._renew()
                    return
            except RegistrationRefused as refusal:
                # The upper platform has forgotten us (a restart). Registering at once costs nobody a picture.
                self.status.step(str(refusal))
                await self._renew()
                return

    def _connection_broke(self, error: RemoteError) -> bool:
        """Whether a request failed because the connection of our registration is gone: nothing is sent over another."""
        if isinstance(error, TransportFailed) and self._server.transport != "UDP":
            self._connection_closed.set()
        return self._connection_closed.is_set()

    async def _closed_within(self, seconds: float) -> bool:
        """Wait; True as soon as the connection of our registration is closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._connection_closed.wait()
        return self._connection_closed.is_set()

    async def _renew(self) -> None:
        """REGISTER again while registered; as long as it succeeds nobody above or below notices anything."""
        await self._register(self.target.expires_seconds)
        self.status.missed_keepalives = 0
        await self._on_change(self)

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
        response = await self._stack.ask(request, self._server, timeout_s=ANSWER_S)
        if response.status >= 500:
            raise RemoteError("keepalive", f"answered {response.status}", response.reason)
        if response.status >= 300:
            raise RegistrationRefused(response.status, f"{response.reason} to a keepalive")
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
            if 200 <= response.status < 300:
                self.status.registered_until = self._clock() + _granted(response, expires)
                return
            rounds += 1
            if response.status == 401 and rounds <= 2:
                challenge = self._pick_challenge(response)
                self._nonce_count = 0
            elif response.status == 302 and redirects < MAX_REDIRECTS and response.contact is not None:
                redirects, rounds, challenge = redirects + 1, 0, None
                await self._follow(response.contact)
            elif response.status == 423 and rounds <= 2 and expires > 0:
                expires = max(expires, _min_expires(response))
            else:
                raise RegistrationRefused(response.status, response.reason)

    async def _follow(self, contact: NameAddr) -> None:
        """Go on at the server a redirect names (GB/T 28181-2022 9.1.2.3); until a failure everything goes there."""
        if contact.is_star:
            raise RegistrationRefused(302, "redirected to nowhere")
        self._registrar_uri = contact.uri
        self._server = await self._stack.resolve(self._server.transport, contact.uri.host, contact.uri.port or 5060)
        self.status.step(f"redirected to {contact.uri}")

    def _pick_challenge(self, response: Response) -> Challenge:
        challenge = first_usable(response.headers.get_all("WWW-Authenticate"))
        if challenge is None:
            raise RegistrationRefused(401, "no Digest challenge we can answer")
        return challenge

    def _answered(self, challenge: Challenge, uri: Uri) -> str:
        self._nonce_count += 1
        try:
            credentials = answer(
                challenge,
                username=self.target.username or self.target.local_id,
                password=self.target.password,
                method="REGISTER",
                uri=str(uri),
                nc=self._nonce_count,
                cnonce=secrets.token_hex(8),
            )
            return str(credentials)
        except LocalError as error:
            raise RegistrationRefused(401, f"a challenge that cannot be answered: {error}") from error

    async def _send_register(self, expires: int, challenge: Challenge | None) -> Response:
        local = self._stack.local_address(self._server)
        uri = self._registrar_uri or Uri("sip", self.target.upper_id, self._upper.domain or self.target.upper_id[:10])
        headers = [
            ("Contact", contact_of(self.target.local_id, local)),
            ("Expires", str(expires)),
            ("X-GB-Ver", self.target.gb_version),
        ]
        if challenge is not None:
            headers.append(("Authorization", self._answered(challenge, uri)))
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
        self._connection_closed.clear()  # whatever was closed before: this goes over a connection that stands
        return await self._stack.ask(request, self._server, timeout_s=ANSWER_S)


def refresh_after(remaining: float) -> float:
    """Seconds until a registration with `remaining` seconds left is renewed: a minute before its end or at four fifths,
    but a short one not before half of it is over."""
    return max(min(remaining - 60, 0.8 * remaining), 0.5 * remaining, 0.5)


def _granted(response: Response, asked: int) -> int:
    """The seconds a 200 grants; what cannot be read, or no time at all for a registration, counts as what was asked."""
    try:
        return response.expires or asked
    except ParseError:
        return asked


def _min_expires(response: Response) -> int:
    text = (response.headers.get("Min-Expires") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _status_of(error: Exception) -> int:
    return error.status if isinstance(error, RegistrationRefused | RemoteError) else 500
