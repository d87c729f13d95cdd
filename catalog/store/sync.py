"""Replacing a peer's whole catalogue: staged beside the present one, then shown in one short step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.change import STATUS_EVENTS, Change, Event, ItemEvent, event_between
from catalog.item import Item
from catalog.store.dialect import upsert
from catalog.store.edges import (
    END_EDGE,
    INSERT_EDGE,
    Edge,
    Node,
    all_edges,
    all_nodes,
    edge_parameters,
    edge_values,
    edges_of,
)
from catalog.store.history import history_row
from catalog.store.rows import ITEM_COLUMNS, coded_item, is_storable_code, item_of, values_of
from catalog.store.schema import (
    LITERALLY_OPEN_ENDED,
    OPEN_ENDED,
    catalog_edge,
    catalog_history,
    catalog_item,
    catalog_peer,
)
from catalog.store.writing import NAMED_ROWS, TRANSACTION_ROWS, Writer, chunks


class StaleSync(Exception):
    """A sync that another one of the same peer, an abort or a failure has ended. Nothing of it is kept."""

    def __init__(self, peer_id: str, number: int) -> None:
        super().__init__(f"sync {number} of {peer_id} is over")
        self.peer_id = peer_id
        self.number = number


_MAX_NOTED = 16


@dataclass(slots=True, eq=False)
class Generation:
    """One sync under way. Opened by `CatalogStore.begin_sync`; its fields are the store's own business."""

    peer_id: str
    base: int
    """The generation readers see meanwhile."""
    who: str
    digests: dict[str, bytes]
    """Content hashes of the objects readers see."""
    seen: set[str] = field(default_factory=set)
    staged: dict[str, bytes] = field(default_factory=dict)
    notified: dict[str, list[ItemEvent]] = field(default_factory=dict)
    """Events that arrived meanwhile; they win over what the sync says."""
    rejected: int = 0
    """Items left out because their code cannot be stored."""

    @property
    def number(self) -> int:
        """The generation the sync will make."""
        return self.base + 1

    def note(self, event: ItemEvent, result: Item | None) -> None:
        """Remember an event and what it made of the object readers see; what a later one makes void is forgotten."""
        noted = self.notified.setdefault(event.code, [])
        if event.event in (Event.DEL, Event.ADD):
            noted.clear()
        elif noted and noted[-1].event in STATUS_EVENTS and event.event in (Event.ON, noted[-1].event):
            noted.pop()
        noted.append(event)
        if len(noted) > _MAX_NOTED:
            whole = Event.DEL if result is None else Event.ADD
            noted[:] = [ItemEvent(whole, event.code, result)]

    def overtake(self, events: Iterable[ItemEvent], results: Mapping[str, Item | None]) -> None:
        """Events were applied to what readers see while this sync was open; `results` are the objects afterwards."""
        for event in events:
            if event.code in results:
                self.note(event, results[event.code])

    def readers_now_see(self, digests: Mapping[str, bytes | None]) -> None:
        """Objects readers see were changed (their new content hash) or removed (None)."""
        for code, digest in digests.items():
            if digest is None:
                self.digests.pop(code, None)
            else:
                self.digests[code] = digest


_UPDATE_COLUMNS = (*ITEM_COLUMNS, "gen_to")

_END_ITEM = (
    update(catalog_item)
    .where(
        catalog_item.c.peer_id == bindparam("b_peer_id"),
        catalog_item.c.code == bindparam("b_code"),
        catalog_item.c.gen_from <= bindparam("b_base"),
        catalog_item.c.gen_to == LITERALLY_OPEN_ENDED,
    )
    .values(gen_to=bindparam("b_gen_to"))
)


async def clear_leftovers(writer: Writer, peer_id: str, generation: int) -> None:
    """Undo a sync that never ended, and drop what no reader sees any more."""
    for table in (catalog_item, catalog_edge):
        await _delete_all(writer, table, table.c.peer_id == peer_id, table.c.gen_from > generation)
        ended = table.c.peer_id == peer_id, table.c.gen_to < LITERALLY_OPEN_ENDED
        await _delete_all(writer, table, *ended, table.c.gen_to <= generation)
        async with writer.transaction() as connection:
            await connection.execute(update(table).where(*ended).values(gen_to=OPEN_ENDED))
    history = catalog_history
    await _delete_all(writer, history, history.c.peer_id == peer_id, history.c.generation > generation)


async def _delete_all(writer: Writer, table: Any, *which: Any) -> None:
    key = list(table.primary_key.columns)
    some = select(*key).where(*which).limit(TRANSACTION_ROWS)
    statement = delete(table).where(tuple_(*key).in_(some) if len(key) > 1 else key[0].in_(some))
    deleted = TRANSACTION_ROWS
    while deleted == TRANSACTION_ROWS:
        async with writer.transaction() as connection:
            deleted = (await connection.execute(statement)).rowcount


async def read_digests(connection: AsyncConnection, peer_id: str, generation: int) -> dict[str, bytes]:
    """Content hash by code of every object of a peer in that generation."""
    table = catalog_item
    query = select(table.c.code, table.c.digest).where(
        table.c.peer_id == peer_id, table.c.gen_from <= generation, table.c.gen_to > generation
    )
    digests: dict[str, bytes] = {}
    async with connection.stream(query) as result:
        async for part in result.partitions(TRANSACTION_ROWS):
            digests.update((code, digest) for code, digest in part)
    return digests


class Staging:
    """The writing of one sync. Every method runs under the peer's lock."""

    def __init__(self, writer: Writer, generation: Generation, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._sync = generation
        self._clock = clock
        from_staged = {"peer_id": generation.peer_id, "gen_from": generation.number, "gen_to": OPEN_ENDED}
        self._constants: dict[str, Any] = from_staged

    async def stage(self, items: Iterable[Item]) -> None:
        """Write the items that differ from what readers see; remember all of them as there."""
        sync = self._sync
        for chunk in chunks(items, TRANSACTION_ROWS):
            rows: dict[str, dict[str, Any]] = {}
            for item in chunk:
                if not is_storable_code(item.code):
                    sync.rejected += 1
                    continue
                coded = coded_item(item)
                sync.seen.add(item.code)
                if item.code in sync.staged or sync.digests.get(item.code) != coded.digest:
                    sync.staged[item.code] = coded.digest
                    rows[item.code] = {"code": item.code, **values_of(coded, self._clock()), **self._constants}
            await self._write_items(list(rows.values()))
            await asyncio.sleep(0)  # others get their turn even when nothing had to be written

    async def _write_items(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            statement = upsert(self._writer.dialect, catalog_item, update=_UPDATE_COLUMNS)
            await self._writer.many(statement, rows)

    async def fold_events(self, *, complete: bool) -> None:
        """Put the events that arrived during the sync over what the sync said."""
        sync = self._sync
        for codes in chunks([code for code in sync.notified if code in sync.seen], NAMED_ROWS):
            said = await self._items(codes)
            final: list[Item] = []
            for code in codes:
                item = said.get(code)
                for event in sync.notified[code]:
                    item = event.applied_to(item)
                if item is None:
                    sync.seen.discard(code)
                else:
                    final.append(item)
            await self.stage(final)
        for code, events in sync.notified.items() if complete else ():
            # The answer does not list it, yet it was told of as existing meanwhile: what readers see stays.
            if code in sync.digests and any(event.item is not None for event in events):
                sync.seen.add(code)
        await self._unstage([code for code in sync.staged if code not in sync.seen])

    async def drop_unchanged(self) -> None:
        """Forget staged items that turned out to be what readers see already."""
        digests = self._sync.digests
        await self._unstage([code for code, digest in self._sync.staged.items() if digests.get(code) == digest])

    async def _unstage(self, codes: list[str]) -> None:
        table = catalog_item
        for chunk in chunks(codes, NAMED_ROWS):
            for code in chunk:
                del self._sync.staged[code]
            async with self._writer.transaction() as connection:
                await connection.execute(
                    delete(table).where(
                        table.c.peer_id == self._sync.peer_id,
                        table.c.gen_from == self._sync.number,
                        table.c.code.in_(chunk),
                    )
                )

    async def _items(self, codes: list[str]) -> dict[str, Item]:
        """Items as staged, where they are, or else as readers see them."""
        rows = await self._rows(codes, staged_first=True)
        return {row.code: item_of(self._sync.peer_id, row.document, row.raw) for row in rows}

    async def _documents(self, codes: list[str], *, staged_first: bool) -> dict[str, dict[str, Any]]:
        """The elements of items as staged, where they are, or else as readers see them; or only the latter."""
        return {row.code: orjson.loads(row.document) for row in await self._rows(codes, staged_first=staged_first)}

    async def _rows(self, codes: list[str], *, staged_first: bool) -> Sequence[Any]:
        table, sync = catalog_item, self._sync
        newest = sync.number if staged_first else sync.base
        query = (
            select(table.c.code, table.c.document, table.c.raw)
            .where(table.c.peer_id == sync.peer_id, table.c.code.in_(codes))
            .where(table.c.gen_from <= newest, table.c.gen_to > sync.base)
            .order_by(table.c.gen_from)
        )
        async with self._writer.engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def retire(self, removed: list[str]) -> None:
        """Mark what the next generation replaces or drops; readers still see it."""
        sync = self._sync
        ended = [code for code in sync.staged if code in sync.digests] + removed
        constants = {"b_peer_id": sync.peer_id, "b_base": sync.base, "b_gen_to": sync.number}
        await self._writer.many(_END_ITEM, ({"b_code": code, **constants} for code in ended))

    async def link(self) -> None:
        """Write the tree edges that differ in the next generation."""
        sync = self._sync
        async with self._writer.engine.connect() as connection:
            nodes = await all_nodes(connection, sync.peer_id, sync.number)
            present = await all_edges(connection, sync.peer_id, sync.base)
        # A hundred thousand objects take longer than the event loop may be kept.
        gone, new = await asyncio.to_thread(_differences, nodes, present, sync.peer_id)
        ending = {"b_gen_to": sync.number}
        await self._writer.many(END_EDGE, (edge_parameters(sync.peer_id, edge) | ending for edge in gone))
        constants = {"gen_from": sync.number, "gen_to": OPEN_ENDED}
        await self._writer.many(INSERT_EDGE, (edge_values(sync.peer_id, edge) | constants for edge in new))

    async def record(self, removed: list[str]) -> list[Change]:
        """Write the history of the sync, to be seen with it; returns the changes."""
        sync, changes = self._sync, list[Change]()
        if not sync.digests:
            changes.extend(Change(Event.ADD, code) for code in sync.staged)
            summary = {"added": len(sync.staged)}
            await self._write_history([self._history("", Event.SYNC, None, summary)])
            return changes
        for codes in chunks([*sync.staged, *removed], NAMED_ROWS):
            old = await self._documents(codes, staged_first=False)
            new = await self._documents([code for code in codes if code in sync.staged], staged_first=True)
            rows = []
            for code in codes:
                before, after = old.get(code), new.get(code)
                if event := event_between(before, after):
                    changes.append(Change(event, code))
                    rows.append(self._history(code, event, before, after))
            await self._write_history(rows)
        return changes

    def _history(
        self, code: str, event: Event, old: dict[str, Any] | None, new: dict[str, Any] | None
    ) -> dict[str, Any]:
        sync = self._sync
        return history_row(
            sync.peer_id,
            code,
            generation=sync.number,
            at=self._clock(),
            who=sync.who,
            event=event,
            old=old,
            new=new,
        )

    async def _write_history(self, rows: list[dict[str, Any]]) -> None:
        await self._writer.many(insert(catalog_history), rows)

    async def switch(self, *, complete: bool, changed: bool) -> None:
        """Show the next generation: one row, one moment. Raises StaleSync when another process was there first."""
        sync, table = self._sync, catalog_peer
        values: dict[str, Any] = {"synced_at": self._clock(), "sync_complete": complete}
        if changed:
            values["generation"] = sync.number
        statement = update(table).where(table.c.peer_id == sync.peer_id, table.c.generation == sync.base)
        async with self._writer.transaction() as connection:
            switched = (await connection.execute(statement.values(**values))).rowcount
        if switched != 1:
            raise StaleSync(sync.peer_id, sync.number)


def _differences(nodes: Mapping[str, Node], present: set[Edge], peer_id: str) -> tuple[list[Edge], list[Edge]]:
    """The edges to end and the edges to add, in the order of the table: writing in that order is much faster."""
    target = edges_of(nodes, peer_id)
    gone = [edge for edge in present if edge not in target]
    return _in_table_order(gone), _in_table_order([edge for edge in target if edge not in present])


def _in_table_order(edges: list[Edge]) -> list[Edge]:
    # Sorted parent by parent: one sort of all edges would keep the interpreter, and with it the event loop, too long.
    by_parent: dict[str, list[Edge]] = {}
    for edge in edges:
        by_parent.setdefault(edge.parent, []).append(edge)
    return [edge for parent in sorted(by_parent) for edge in sorted(by_parent[parent])]
