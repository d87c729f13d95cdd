"""All registrations with upper platforms, following the configuration as it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from gateway.signalling.uplink import Uplink, UpperTarget
from gateway.signalling.uplink_status import UplinkState
from gateway.store.registrations import Registration, Registrations
from gateway.store.repository import Change
from gateway.store.uppers import Upper, Uppers
from sip.aio import Peer, SipStack

log = structlog.get_logger("uplink")


class Uplinks:
    """One uplink for each enabled upper platform. `on_change(upper_id, registered)` is told of changes."""

    def __init__(
        self,
        uppers: Uppers,
        registrations: Registrations,
        stack: SipStack,
        *,
        on_change: Callable[[str, bool], Awaitable[None]],
    ) -> None:
        self._uppers = uppers
        self._registrations = registrations
        self._stack = stack
        self._on_change = on_change
        self._uplinks: dict[str, Uplink] = {}
        self._was_registered: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._order = asyncio.Lock()
        self.target_of: Callable[[Upper], UpperTarget] | None = None

    def get(self, upper_id: str) -> Uplink | None:
        return self._uplinks.get(upper_id)

    def all(self) -> list[Uplink]:
        return list(self._uplinks.values())

    def restore(self) -> None:
        """Build the uplinks (so that upper platforms are known by their addresses) without sending anything yet."""
        for upper in self._uppers:
            if upper.enabled:
                self._build(upper)

    async def start(self) -> None:
        for uplink in self.all():
            uplink.start()

    async def stop(self) -> None:
        """Unregister everywhere, at once."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(uplink.stop() for uplink in self.all()))

    def connection_lost(self, peer: Peer) -> None:
        """A TCP connection ended; whoever was registered over it registers anew."""
        for uplink in self.all():
            uplink.connection_lost(peer)

    def changed(self, change: Change[Upper]) -> None:
        """An upper platform was added, changed or removed: act at once, without a restart."""
        task = asyncio.get_running_loop().create_task(self._follow(change), name=f"uplink {change.id} changed")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def state_of(self, upper_id: str) -> Mapping[str, Any]:
        """The state of an uplink for the API."""
        uplink = self._uplinks.get(upper_id)
        if uplink is None:
            return {"state": UplinkState.STOPPED.value}
        return uplink.status.to_json()

    def _build(self, upper: Upper) -> Uplink:
        assert self.target_of is not None
        stored = self._registrations.get(upper.id)
        uplink = self._uplinks[upper.id] = Uplink(
            self.target_of(upper),
            self._stack,
            on_change=self._uplink_changed,
            registered_until=stored.expires_at if stored is not None else 0.0,
            peer_version=stored.gb_ver or None if stored is not None else None,
            server=Peer(stored.transport, stored.host, stored.port) if stored is not None else None,
        )
        return uplink

    async def _follow(self, change: Change[Upper]) -> None:
        try:
            await self._apply(change)
        except Exception:  # task boundary
            log.exception("a change of an upper platform was not followed", upper=change.id)

    async def _apply(self, change: Change[Upper]) -> None:
        only_rule = change.before is not None and change.after is not None and _same_registration(change)
        if only_rule:
            return
        async with self._order:
            old = self._uplinks.pop(change.id, None)
            if old is not None:
                await old.stop()
                self._registrations.remove(change.id)
            if change.after is not None and change.after.enabled:
                self._build(change.after).start()

    async def _uplink_changed(self, uplink: Uplink) -> None:
        upper_id, status = uplink.target.upper_id, uplink.status
        if uplink.registered:
            self._registrations.put(
                Registration(
                    peer_id=upper_id,
                    transport=uplink.peer.transport,
                    host=uplink.peer.host,
                    port=uplink.peer.port,
                    contact="",
                    expires_at=status.registered_until,
                    gb_ver=status.peer_version or "",
                    registered_at=status.since,
                )
            )
            self._was_registered.add(upper_id)
            await self._on_change(upper_id, True)
        elif status.state in (UplinkState.WAITING, UplinkState.STOPPED):
            self._registrations.remove(upper_id)
            if upper_id in self._was_registered:
                self._was_registered.discard(upper_id)
                await self._on_change(upper_id, False)


def _same_registration(change: Change[Upper]) -> bool:
    """Whether a change leaves everything that the registration depends on as it was."""
    before, after = change.before, change.after
    assert before is not None and after is not None
    names = (
        "host", "port", "transport", "domain", "local_id", "username", "password", "register_expires_seconds",
        "keepalive_seconds", "charset", "edition", "zone", "enabled",
    )  # fmt: skip
    return all(getattr(before, name) == getattr(after, name) for name in names)
