"""Who is online: the live bindings, kept in memory, written behind, and ended by expiry or missed keepalives.

GB/T 28181-2022 9.1.1 and 9.6.1. Any valid message of a peer counts as a sign of life. How long it may be silent, and
whether its coming is told at once, is decided in `gateway.device_health`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import structlog

from gateway.device_health.book import HealthBook
from gateway.device_health.offline_reason import Offline, OfflineReason
from gateway.device_health.standing import Standing, Tell
from gateway.signalling.bindings import Binding, Bindings
from gateway.signalling.reachability import named_host
from gateway.store.registrations import Registration, Registrations
from sip import ParseError, Request, Response
from sip.aio import Incoming, Peer
from sip.gbdate import parse_date

log = structlog.get_logger("presence")

EXPIRY_SLACK_S = 5.0
"""A refresh that is that late still counts."""


@dataclass(frozen=True, slots=True)
class WentOffline:
    """A peer is offline, and why; not `shown`: it was unstable, and others see it off already."""

    peer_id: str
    why: Offline
    shown: bool = True

    @property
    def reason(self) -> str:
        return self.why.message


class Presence:
    """All peers below us that are registered now. `on_online` and `on_offline` are told of changes only."""

    def __init__(
        self,
        registrations: Registrations,
        health: HealthBook,
        *,
        on_online: Callable[[Binding], Awaitable[None]],
        on_offline: Callable[[WentOffline], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.bindings = Bindings()
        self._registrations = registrations
        self._health = health
        self._on_online = on_online
        self._on_offline = on_offline
        self._clock = clock
        self._lost_at_restart: list[tuple[str, OfflineReason]] = []
        self._telling: dict[str, tuple[asyncio.Lock, int]] = {}

    def restore(self) -> list[Binding]:
        """After a restart: UDP registrations still valid are live again (a lost TCP connection has to register anew).

        Silence is counted from now: what a peer sent while we were down is not its fault. The others are told to be
        off line by the next `expire`, unless they have registered again by then. Returned are those that are online;
        an unstable one stays on trial.
        """
        now = self._clock()
        restored = []
        for stored in list(self._registrations.all()):
            if stored.expires_at <= now or stored.transport != "UDP":
                self._registrations.remove(stored.peer_id)
                expired = stored.expires_at <= now
                why = OfflineReason.EXPIRED if expired else OfflineReason.RESTART
                self._lost_at_restart.append((stored.peer_id, why))
                continue
            binding = Binding(
                peer_id=stored.peer_id,
                source=Peer(stored.transport, stored.host, stored.port),
                contact=stored.contact,
                registered_at=stored.registered_at,
                expires_at=stored.expires_at,
                last_seen=now,
                gb_version=stored.gb_ver or None,
                user_agent=stored.user_agent or None,
                call_id=stored.call_id,
                cseq=stored.cseq,
                own_host=named_host(stored.contact),
            )
            self.bindings.bind(binding)
            self._health.restored(stored.peer_id, now, settled=stored.settled)
            if stored.settled:
                restored.append(binding)
        return restored

    async def registered(self, binding: Binding) -> None:
        """A REGISTER was accepted. A refresh from the same place is no news; anything else is."""
        old = self.bindings.get(binding.peer_id)
        if old is not None and old.source == binding.source:
            binding = replace(binding, registered_at=old.registered_at, replaced_call_id=old.replaced_call_id)
        elif old is not None:
            binding = replace(binding, replaced_call_id=old.call_id)
        self.bindings.bind(binding)
        peer_id, now = binding.peer_id, self._clock()
        moved = Offline.of(now, OfflineReason.MOVED, source=str(binding.source))
        tells: tuple[Tell, ...] = ()
        if old is None:
            tells = self._health.came(peer_id, now)
        elif old.source != binding.source:
            tells = self._health.moved(peer_id, now, moved)
        self._registrations.put(_registration(binding, settled=self.standing(peer_id) is not Standing.UNSTABLE))
        self._health.heard(peer_id, now, "REGISTER", binding.source)
        if old is None or old.source != binding.source:
            await self._tell(tells, peer_id, moved, binding)

    def heard(self, peer_id: str, incoming: Incoming, kind: str, *, keepalive: bool = False) -> None:
        """A valid request of a peer, which came from where it is registered; `kind` names it for the operator."""
        self._alive(peer_id, kind, incoming.source, keepalive=keepalive)
        self.told_the_time(peer_id, incoming.request)

    def told_the_time(self, peer_id: str, request: Request) -> None:
        """Note how far the clock of a peer is off, where its request has a Date (校时, GB/T 28181-2022 9.10)."""
        text = request.headers.get("Date")
        said = parse_date(text) if text else None
        if said is not None:
            self._health.told_the_time(peer_id, said - self._clock())

    def answered(self, asked: Peer, request: Request, response: Response) -> None:
        """A response to a request of ours, from the address or connection that was asked. Of several peers at one
        address the request names the one that answered, or nobody is taken to be alive by it."""
        holders = self.bindings.at(asked)
        if not holders:
            return
        with contextlib.suppress(ParseError):
            named = request.to.uri.user or ""
            peer_id = named if named in holders else (next(iter(holders)) if len(holders) == 1 else None)
            if peer_id is not None:
                self._alive(peer_id, f"{response.status} to {request.method}", asked)

    def _alive(self, peer_id: str, kind: str, source: Peer, *, keepalive: bool = False) -> None:
        now = self._clock()
        self.bindings.heard(peer_id, now)
        self._registrations.touch(peer_id, now)
        self._health.heard(peer_id, now, kind, source, keepalive=keepalive)

    def forget(self, peer_id: str) -> None:
        """A peer that was removed: its health is nobody's any more."""
        self._health.forget(peer_id)

    def standing(self, peer_id: str) -> Standing:
        """Online, offline, or unstable: registered, and shown as off until it stays."""
        return self._health.standing(peer_id)

    async def unregistered(self, peer_id: str) -> None:
        await self._remove(peer_id, Offline.of(self._clock(), OfflineReason.UNREGISTERED))

    async def connection_lost(self, source: Peer, why: str = "") -> None:
        """The TCP connection of registrations is gone: abnormal offline (GB/T 28181-2022 9.1.1 f)."""
        for peer_id in self.bindings.at(source):
            # Telling of one takes time, in which another may have registered anew.
            if peer_id in self.bindings.at(source):
                await self._remove(peer_id, Offline.of(self._clock(), OfflineReason.CONNECTION_CLOSED, why=why or "?"))

    async def removed(self, peer_ids: Iterable[str], reason: OfflineReason = OfflineReason.REMOVED) -> None:
        """Peers whose account was deleted, disabled or given another password by an operator."""
        for peer_id in peer_ids:
            await self._remove(peer_id, Offline.of(self._clock(), reason))

    async def expire(self) -> None:
        """End what has expired or fallen silent, and settle what has stayed; called every second or so."""
        lost, self._lost_at_restart = self._lost_at_restart, []
        for peer_id, reason in lost:
            if self.bindings.get(peer_id) is None:
                offline = Offline.of(self._clock(), reason)
                self._health.lost_at_restart(peer_id, offline)
                await self._tell((Tell.OFFLINE,), peer_id, offline)
        now = self._clock()
        for peer_id, why in [(b.peer_id, why) for b in self.bindings if (why := self._over(b, now))]:
            # Telling takes time, in which a peer may have come back.
            binding = self.bindings.get(peer_id)
            if binding is not None and self._over(binding, now):
                await self._remove(peer_id, why)
        for peer_id in self._health.settling():
            binding = self.bindings.get(peer_id)
            if binding is not None and (tells := self._health.looked_at(peer_id, now, binding.last_seen)):
                self._registrations.settle(peer_id)
                await self._tell(tells, peer_id, None, binding)

    def _over(self, binding: Binding, now: float) -> Offline | None:
        """Why a binding is over; None while it is not."""
        if binding.expires_at + EXPIRY_SLACK_S <= now:
            return Offline.of(now, OfflineReason.EXPIRED)
        return self._health.silent(binding.peer_id, binding.last_seen, now)

    async def _remove(self, peer_id: str, why: Offline) -> None:
        if self.bindings.unbind(peer_id) is not None:
            self._registrations.remove(peer_id)
            await self._tell(self._health.went(peer_id, self._clock(), why), peer_id, why)

    async def _tell(
        self, tells: tuple[Tell, ...], peer_id: str, why: Offline | None, binding: Binding | None = None
    ) -> None:
        """Tell the others, in order: `why` it is offline, and the `binding` with which it is online."""
        async with self._turn(peer_id):
            for tell in tells:
                if tell is Tell.ONLINE and binding is not None:
                    source, version = str(binding.source), binding.gb_version
                    log.info("peer online", peer=peer_id, source=source, version=version)
                    await self._on_online(binding)
                elif tell is not Tell.ONLINE and why is not None:
                    news = WentOffline(peer_id, why, shown=tell is Tell.OFFLINE)
                    log.warning("peer offline", peer=peer_id, reason=news.reason)
                    await self._on_offline(news)
            if binding is not None and Tell.ONLINE not in tells:
                log.warning("peer unstable", peer=peer_id, source=str(binding.source))

    @asynccontextmanager
    async def _turn(self, peer_id: str) -> AsyncIterator[None]:
        """News of one peer are told one after the other, in the order in which they happened."""
        lock, waiting = self._telling.get(peer_id, (asyncio.Lock(), 0))
        self._telling[peer_id] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            waiting = self._telling[peer_id][1] - 1
            if waiting:
                self._telling[peer_id] = (lock, waiting)
            else:
                del self._telling[peer_id]


def _registration(binding: Binding, *, settled: bool) -> Registration:
    """A binding as it is stored."""
    return Registration(
        peer_id=binding.peer_id,
        transport=binding.source.transport,
        host=binding.source.host,
        port=binding.source.port,
        contact=binding.contact,
        expires_at=binding.expires_at,
        gb_ver=binding.gb_version or "",
        user_agent=binding.user_agent or "",
        registered_at=binding.registered_at,
        last_seen=binding.last_seen,
        call_id=binding.call_id,
        cseq=binding.cseq,
        settled=settled,
    )
