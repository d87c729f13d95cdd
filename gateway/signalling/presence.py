"""Who is online: the live bindings, kept in memory, written behind, and ended by expiry or missed keepalives.

GB/T 28181-2022 9.1.1 and 9.6.1. Any valid message of a peer counts as a sign of life.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import structlog

from gateway.signalling.bindings import Binding, Bindings
from gateway.store.registrations import Registration, Registrations
from sip.aio import Peer

log = structlog.get_logger("presence")

KEEPALIVE_SLACK_S = 5.0


@dataclass(frozen=True, slots=True)
class WentOffline:
    """Why a peer is offline, in words for the operator."""

    peer_id: str
    reason: str


class Presence:
    """All peers below us that are registered now. `on_online` and `on_offline` are told of changes only."""

    def __init__(
        self,
        registrations: Registrations,
        *,
        keepalive_s: float,
        misses: int,
        on_online: Callable[[Binding], Awaitable[None]],
        on_offline: Callable[[WentOffline], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.bindings = Bindings()
        self._registrations = registrations
        self._silence_s = keepalive_s * misses + KEEPALIVE_SLACK_S
        self._on_online = on_online
        self._on_offline = on_offline
        self._clock = clock
        self._lost_at_restart: list[str] = []
        self._telling: dict[str, tuple[asyncio.Lock, int]] = {}
        self.last_offline: dict[str, WentOffline] = {}

    def restore(self) -> list[Binding]:
        """After a restart: UDP registrations still valid are live again (a lost TCP connection has to register anew).

        Silence is counted from now: what a peer sent while we were down is not its fault. The others are told to be
        off line by the next `expire`, unless they have registered again by then.
        """
        now = self._clock()
        restored = []
        for stored in list(self._registrations.all()):
            if stored.expires_at <= now or stored.transport != "UDP":
                self._registrations.remove(stored.peer_id)
                self._lost_at_restart.append(stored.peer_id)
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
            )
            self.bindings.bind(binding)
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
        self._registrations.put(
            Registration(
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
            )
        )
        if old is None or old.source != binding.source:
            async with self._turn(binding.peer_id):
                if old is not None:
                    await self._offline(WentOffline(binding.peer_id, f"registered again from {binding.source}"))
                self.last_offline.pop(binding.peer_id, None)
                log.info("peer online", peer=binding.peer_id, source=str(binding.source), version=binding.gb_version)
                await self._on_online(binding)

    def heard(self, peer_id: str) -> None:
        now = self._clock()
        self.bindings.heard(peer_id, now)
        self._registrations.touch(peer_id, now)

    async def unregistered(self, peer_id: str) -> None:
        await self._remove(peer_id, "it unregistered")

    async def connection_lost(self, source: Peer) -> None:
        """The TCP connection of registrations is gone: abnormal offline (GB/T 28181-2022 9.1.1 f)."""
        for peer_id in self.bindings.at(source):
            await self._remove(peer_id, "its TCP connection was closed")

    async def removed(self, peer_ids: Iterable[str]) -> None:
        """Peers whose account was deleted or disabled."""
        for peer_id in peer_ids:
            await self._remove(peer_id, "its account was removed or disabled")

    async def expire(self) -> None:
        """End what has expired or fallen silent; called every second or so."""
        lost, self._lost_at_restart = self._lost_at_restart, []
        for peer_id in lost:
            if self.bindings.get(peer_id) is None:
                async with self._turn(peer_id):
                    await self._offline(WentOffline(peer_id, "its registration did not survive a restart"))
        now = self._clock()
        for peer_id, reason in [(b.peer_id, why) for b in self.bindings if (why := self._over(b, now))]:
            # Telling takes time, in which a peer may have come back.
            binding = self.bindings.get(peer_id)
            if binding is not None and self._over(binding, now):
                await self._remove(peer_id, reason)

    def _over(self, binding: Binding, now: float) -> str:
        """Why a binding is over; "" while it is not."""
        if binding.expires_at + KEEPALIVE_SLACK_S <= now:
            return "its registration expired"
        if now - binding.last_seen > self._silence_s:
            return f"nothing heard for {now - binding.last_seen:.0f} s"
        return ""

    async def _remove(self, peer_id: str, reason: str) -> None:
        if self.bindings.unbind(peer_id) is not None:
            self._registrations.remove(peer_id)
            async with self._turn(peer_id):
                await self._offline(WentOffline(peer_id, reason))

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

    async def _offline(self, news: WentOffline) -> None:
        self.last_offline[news.peer_id] = news
        log.warning("peer offline", peer=news.peer_id, reason=news.reason)
        await self._on_offline(news)
