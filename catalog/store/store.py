"""The catalogue of a node, kept in its database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.change import Change, Changes, Event, ItemEvent
from catalog.feed import Feed
from catalog.item import Item
from catalog.store.dialect import upsert
from catalog.store.events import EVENT_BATCH, EventBatch
from catalog.store.history import HistoryEntry, history_row, read_history
from catalog.store.reading import CatalogReader
from catalog.store.schema import catalog_history, catalog_peer
from catalog.store.sync import Generation, Staging, StaleSync, clear_leftovers, read_digests
from catalog.store.writing import Writer, chunks


class CatalogStore(CatalogReader):
    """Objects of all peers, their trees and their history.

    One writer per peer: events that arrive while a sync is staged change what readers see at once, and win over the
    sync when it is committed. Readers never see part of a sync. Changes are told to feeds and callbacks after commit.
    """

    def __init__(
        self, engine: AsyncEngine, *, clock: Callable[[], float] = time.time, write_turn: asyncio.Lock | None = None
    ) -> None:
        """`clock` gives Unix seconds; `write_turn` is the lock all writers of the same SQLite file share, if any."""
        super().__init__(engine)
        self._writer = Writer(engine, write_turn)
        self._clock = clock
        self._open: dict[str, Generation] = {}
        self._clean: set[str] = set()
        self._callbacks: list[Callable[[Changes], None]] = []

    # -- telling others

    def subscribe(self, callback: Callable[[Changes], None]) -> Callable[[], None]:
        """Have `callback` called after each commit that changed something; returns what ends it. It must not raise."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def feed(self, limit: int = 256) -> Feed:
        """A bounded queue of the changes from now on."""
        feed = Feed(limit)
        self._callbacks.append(feed.put)
        return feed

    def drop_feed(self, feed: Feed) -> None:
        """Stop filling a feed."""
        self._callbacks.remove(feed.put)

    def _tell(self, changes: Changes) -> Changes:
        if changes:
            for callback in tuple(self._callbacks):
                callback(changes)
        return changes

    # -- a whole catalogue

    async def begin_sync(self, peer_id: str, *, who: str = "sync") -> Generation:
        """Open a sync. One that was open for the same peer is over; what it and a crash left behind is cleared."""
        async with self._writer.lock(peer_id):
            self._open.pop(peer_id, None)
            self._clean.discard(peer_id)
            base = await self._prepare(peer_id)
            async with self._engine.connect() as connection:
                digests = await read_digests(connection, peer_id, base)
            generation = Generation(peer_id, base, who, digests)
            self._open[peer_id] = generation
            return generation

    async def stage(self, generation: Generation, items: Iterable[Item]) -> None:
        """Add items of the answer; may be called any number of times. Raises StaleSync."""
        async with self._writer.lock(generation.peer_id):
            await self._staging(generation).stage(items)

    async def commit_sync(self, generation: Generation, *, complete: bool = True) -> Changes:
        """Show what was staged. With `complete` False (an answer with missing pages) nothing is deleted."""
        async with self._writer.lock(generation.peer_id):
            staging = self._staging(generation)
            # Whatever goes wrong from here, the sync is over and its rows are cleared before the next write.
            del self._open[generation.peer_id]
            self._clean.discard(generation.peer_id)
            changes = await self._switch(staging, generation, complete)
            if changes:
                await clear_leftovers(self._writer, generation.peer_id, generation.number)
            self._clean.add(generation.peer_id)
            return self._tell(Changes(generation.peer_id, generation.who, self._clock(), tuple(changes)))

    async def _switch(self, staging: Staging, generation: Generation, complete: bool) -> list[Change]:
        await staging.fold_events(complete=complete)
        await staging.drop_unchanged()
        removed = [code for code in generation.digests if code not in generation.seen] if complete else []
        changed = bool(generation.staged or removed)
        changes: list[Change] = []
        if changed:
            changes = await staging.record(removed)
            await staging.retire(removed)
            await staging.link()
        await staging.switch(complete=complete, changed=changed)
        return changes

    async def abort_sync(self, generation: Generation) -> None:
        """End a sync and drop what it staged. Ending one that is over already does nothing."""
        async with self._writer.lock(generation.peer_id):
            if self._open.get(generation.peer_id) is generation:
                del self._open[generation.peer_id]
                self._clean.discard(generation.peer_id)
                await self._prepare(generation.peer_id)

    def _staging(self, generation: Generation) -> Staging:
        if self._open.get(generation.peer_id) is not generation:
            raise StaleSync(generation.peer_id, generation.number)
        return Staging(self._writer, generation, self._clock)

    async def _prepare(self, peer_id: str) -> int:
        """Make sure the peer has a row and no leftovers; returns the generation readers see."""
        table = catalog_peer
        generation = await self._generation(peer_id)
        if generation is None:
            async with self._writer.transaction() as connection:
                values = {"peer_id": peer_id, "generation": 0, "online": True, "sync_complete": False}
                await connection.execute(upsert(self._writer.dialect, table, update=()), values)
            generation = await self._generation(peer_id) or 0
        if peer_id not in self._clean:
            await clear_leftovers(self._writer, peer_id, generation)
            self._clean.add(peer_id)
        return generation

    async def _generation(self, peer_id: str) -> int | None:
        query = select(catalog_peer.c.generation).where(catalog_peer.c.peer_id == peer_id)
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    # -- single changes

    async def apply_events(self, peer_id: str, events: Sequence[ItemEvent], *, who: str = "notify") -> Changes:
        """Apply notified events in order. Codes nobody has listed are named in the result's `unknown`."""
        changes: list[Change] = []
        unknown: dict[str, None] = {}
        async with self._writer.lock(peer_id):
            base = await self._prepare(peer_id)
            for batch in chunks(events, EVENT_BATCH):
                async with self._writer.transaction() as connection:
                    applied = await EventBatch(connection, peer_id, base, who, self._clock).apply(batch)
                changes += applied.changes
                unknown.update(dict.fromkeys(applied.unknown))
                if generation := self._open.get(peer_id):
                    generation.overtake(batch, applied.results)
                    generation.readers_now_see(applied.digests)
            told = Changes(peer_id, who, self._clock(), tuple(changes), tuple(unknown))
            return self._tell(told)

    async def set_peer_status(self, peer_id: str, on: bool, *, who: str = "registrar") -> Changes:
        """Note that the peer itself came or went: while it is off line, so are all its objects. Touches one row."""
        async with self._writer.lock(peer_id):
            generation = await self._prepare(peer_id)
            table, now = catalog_peer, self._clock()
            async with self._writer.transaction() as connection:
                which = table.c.peer_id == peer_id, table.c.online != on
                changed = (await connection.execute(update(table).where(*which).values(online=on))).rowcount
                if changed:
                    new: dict[str, Any] = {"online": on}
                    row = history_row(peer_id, "", generation=generation, at=now, who=who, event=Event.PEER, new=new)
                    await connection.execute(insert(catalog_history), row)
            return self._tell(Changes(peer_id, who, now, peer_online=on if changed else None))

    async def forget_peer(self, peer_id: str, *, who: str) -> Changes:
        """Drop a peer and all its objects; the history stays."""
        generation = await self.begin_sync(peer_id, who=who)
        return await self.commit_sync(generation)

    # -- history

    async def history(
        self, peer_id: str, code: str | None = None, *, before: int | None = None, limit: int = 200
    ) -> list[HistoryEntry]:
        """The latest changes of a peer or of one object, newest first; go on with `before` = the last id."""
        return await read_history(self._engine, peer_id, code, before, max(1, min(limit, 1000)))
