"""The catalogue of all peers in memory, for what has to look at every object at once (the sharing rules).

Follows the store's changes; an ADD among ten thousand objects reads one row, not ten thousand. A catalogue too large to
keep is read whole each time.
"""

from __future__ import annotations

import asyncio

from catalog import ChannelKey, Item
from catalog.change import Changes
from catalog.store import CatalogStore, StoredItem

MAX_ITEMS = 200_000
MANY = 1000
"""Changes of one commit beyond which the whole peer is read again."""


class CatalogueMirror:
    """Every object of the catalogue, as it is now. `changed` is to be called with every change of the store."""

    def __init__(self, store: CatalogStore, *, max_items: int = MAX_ITEMS) -> None:
        self._store = store
        self._max_items = max_items
        self._peers: dict[str, dict[str, StoredItem]] | None = None
        self._touched: set[ChannelKey] = set()
        self._touched_peers: set[str] = set()
        self._turn = asyncio.Lock()

    def changed(self, changes: Changes) -> None:
        """Remember what has to be read again."""
        if changes.overrun:
            self._peers = None
        elif changes.peer_online is not None or len(changes.changes) > MANY:
            self._touched_peers.add(changes.peer_id)
        else:
            self._touched.update(ChannelKey(changes.peer_id, change.code) for change in changes.changes)

    async def items(self) -> list[Item]:
        """All objects with the status they have now; whatever was committed before the call is in it."""
        async with self._turn:
            peers, self._peers = self._peers, None  # read anew, should anything go wrong
            if peers is None:
                peers = await self._read_all()
            while self._touched or self._touched_peers:
                await self._read_touched(peers)
            if sum(map(len, peers.values())) <= self._max_items:
                self._peers = peers
            return [stored.effective for peer in peers.values() for stored in peer.values()]

    async def _read_all(self) -> dict[str, dict[str, StoredItem]]:
        self._touched, self._touched_peers = set(), set()
        peers: dict[str, dict[str, StoredItem]] = {}
        async for stored in self._store.all_items():
            peers.setdefault(stored.peer_id, {})[stored.code] = stored
        return peers

    async def _read_touched(self, peers: dict[str, dict[str, StoredItem]]) -> None:
        touched, self._touched = self._touched, set()
        whole, self._touched_peers = self._touched_peers, set()
        for peer_id in whole:
            peers[peer_id] = {stored.code: stored async for stored in self._store.all_items(peer_id)}
        single: dict[str, set[str]] = {}
        for key in touched:
            if key.peer_id not in whole:
                single.setdefault(key.peer_id, set()).add(key.code)
        for peer_id, codes in single.items():
            found = await self._store.get_many(peer_id, codes)
            peer = peers.setdefault(peer_id, {})
            for code in codes:
                peer.pop(code, None)
            peer.update(found)
