"""Who is online: the live bindings, kept in memory, written behind, and ended by expiry or missed keepalives.

GB/T 28181-2022 9.1.1 and 9.6.1. Any valid message of a peer counts as a sign of life.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
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
        self.last_offline: dict[str, WentOffline] = {}

    def restore(self) -> list[Binding]:
        """After a restart: UDP registrations still valid are live again (a lost TCP connection has to register anew).

        Silence is counted from now: what a peer sent while we were down is not its fault.
        """
        now = self._clock()
        restored = []
        for stored in list(self._registrations.all()):
            if stored.expires_at <= now or stored.transport != "UDP":
                self._registrations.remove(stored.peer_id)
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
            )
            self.bindings.bind(binding)
            restored.append(binding)
        return restored

    async def registered(self, binding: Binding) -> None:
        """A REGISTER was accepted. A refresh from the same place is no news; anything else is."""
        old = self.bindings.bind(binding)
        if old is not None and old.source == binding.source:
            self.bindings.bind(replace(binding, registered_at=old.registered_at))
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
            )
        )
        if old is None or old.source != binding.source:
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
        now = self._clock()
        for binding in self.bindings:
            if binding.expires_at + KEEPALIVE_SLACK_S <= now:
                await self._remove(binding.peer_id, "its registration expired")
            elif now - binding.last_seen > self._silence_s:
                await self._remove(binding.peer_id, f"nothing heard for {now - binding.last_seen:.0f} s")

    async def _remove(self, peer_id: str, reason: str) -> None:
        if self.bindings.unbind(peer_id) is not None:
            self._registrations.remove(peer_id)
            await self._offline(WentOffline(peer_id, reason))

    async def _offline(self, news: WentOffline) -> None:
        self.last_offline[news.peer_id] = news
        log.warning("peer offline", peer=news.peer_id, reason=news.reason)
        await self._on_offline(news)
