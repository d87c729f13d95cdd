"""What one part's news mean for the others: a peer came or went, a connection closed, a device was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.store import CatalogStore
from gateway.assembly.upkeep import Upkeep
from gateway.config import Config
from gateway.device_health.offline_reason import OfflineReason
from gateway.errors import Failure, Reason
from gateway.signalling.bindings import Binding
from gateway.signalling.live import LiveCalls
from gateway.signalling.notifier import CatalogueNotifier
from gateway.signalling.presence import WentOffline
from gateway.store.devices import Device
from gateway.store.repository import Change
from gateway.store.stores import Stores
from sip.aio import Peer

if TYPE_CHECKING:
    from gateway.assembly.signalling import Signalling


class News:
    """Told by the parts, tells the parts. Made before them; `reach` names them once they are there."""

    _signalling: Signalling
    _live: LiveCalls
    _notifier: CatalogueNotifier

    def __init__(self, config: Config, stores: Stores, catalog: CatalogStore, upkeep: Upkeep) -> None:
        self._config = config
        self._stores = stores
        self._catalog = catalog
        self._upkeep = upkeep

    def reach(self, signalling: Signalling, live: LiveCalls, notifier: CatalogueNotifier) -> None:
        """Whom the news are for."""
        self._signalling, self._live, self._notifier = signalling, live, notifier

    def watch_configuration(self) -> None:
        """Follow changes of devices and upper platforms made at run time."""
        self._stores.devices.on_change(self._device_changed)
        self._stores.uppers.on_change(self._signalling.uplinks.changed)

    def connection_lost(self, peer: Peer, why: str) -> None:
        """A TCP connection is gone: with it what registered on it, and our own registration if it was that one's."""
        self._signalling.uplinks.connection_lost(peer)
        self._upkeep.spawn(self._signalling.presence.connection_lost(peer, why), f"connection lost {peer}")

    async def peer_online(self, binding: Binding) -> None:
        await self._catalog.set_peer_status(binding.peer_id, True)
        self.follow_catalogue(binding, resume=False)

    def follow_catalogue(self, binding: Binding, *, resume: bool) -> None:
        """Keep the catalogue of an online peer: query now (a restart trusts what is stored), subscribe."""
        device = self._stores.devices.get(binding.peer_id)
        if device is None:
            return
        if self._config.catalog.sync_on_register and not resume:
            self._signalling.sync.start(binding.peer_id)
        if self._config.catalog.subscribe and device.kind == "platform":
            self._signalling.subscriber.start(binding.peer_id, resume=resume)

    async def peer_offline(self, news: WentOffline) -> None:
        await self._signalling.sync.stop(news.peer_id)
        await self._signalling.subscriber.stop(news.peer_id)
        if news.shown:
            await self._catalog.set_peer_status(news.peer_id, False, who=news.reason)
        why, why_zh = news.reason, news.why.message_zh
        failure = Failure(Reason.DEVICE_OFFLINE, why, detail_zh=why_zh, peer_id=news.peer_id)
        await self._live.peer_offline(news.peer_id, failure)

    async def uplink_changed(self, upper_id: str, registered: bool) -> None:
        """Our registration with an upper platform began or ended."""
        if not registered:
            await self._live.upper_offline(upper_id, self._why_gone(upper_id))
            await self._notifier.upper_gone(upper_id)

    def _why_gone(self, upper_id: str) -> Failure:
        """Removing or disabling an upper platform withdraws its rights: whoever notices first says so."""
        upper = self._stores.uppers.get(upper_id)
        if upper is None or not upper.enabled:
            return Failure(Reason.FORBIDDEN, "the upper platform was removed or disabled")
        return Failure(Reason.TIMEOUT, "the upper platform is gone")

    def _device_changed(self, change: Change[Device]) -> None:
        """A device that was removed, disabled or given another password has to prove itself again."""
        after, before = change.after, change.before
        reason = _why_ended(before, after)
        if reason is not None:
            self._upkeep.spawn(self._signalling.presence.removed([change.id], reason), f"device {change.id} changed")
        if before is not None and (after is None or after.max_sessions != before.max_sessions):
            self._live.sessions.forget(change.id)
        if after is None:
            self._upkeep.spawn(self._forget_catalogue(change.id), f"forget {change.id}")

    async def _forget_catalogue(self, peer_id: str) -> None:
        self._signalling.presence.forget(peer_id)
        await self._catalog.forget_peer(peer_id, who="device removed")


def _why_ended(before: Device | None, after: Device | None) -> OfflineReason | None:
    """Why a change of a device ends its registration; None when it does not."""
    if before is None:
        return None
    if after is None:
        return OfflineReason.REMOVED
    if not after.enabled:
        return OfflineReason.DISABLED
    return OfflineReason.PASSWORD_CHANGED if after.password != before.password else None
