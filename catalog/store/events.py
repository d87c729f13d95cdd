"""Applying notified events to the catalogue readers see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.change import Change, Event, ItemEvent, event_between
from catalog.item import Item
from catalog.store.dialect import upsert
from catalog.store.edges import Neighbourhood, Node
from catalog.store.history import history_row
from catalog.store.rows import ITEM_COLUMNS, coded_item, is_storable_code, item_of, split_claims, values_of
from catalog.store.schema import OPEN_ENDED, catalog_history, catalog_item
from catalog.store.writing import NAMED_ROWS

EVENT_BATCH = NAMED_ROWS
"""Events applied in one transaction, at most."""


@dataclass(slots=True)
class Applied:
    """What a batch of events did. `digests` has the new content hash of each changed object, None when it is gone."""

    changes: list[Change] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    digests: dict[str, bytes | None] = field(default_factory=dict)
    results: dict[str, Item | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Present:
    item: Item
    gen_from: int
    gen_to: int
    node: Node


class EventBatch:
    """A batch of events of one peer, applied in one transaction and under the peer's lock."""

    def __init__(
        self, connection: AsyncConnection, peer_id: str, generation: int, who: str, clock: Callable[[], float]
    ) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._peer_id = peer_id
        self._generation = generation
        self._who = who
        self._now = clock()

    async def apply(self, events: Sequence[ItemEvent]) -> Applied:
        """Apply in order; several events about one object become one change."""
        applied = Applied()
        codes = list(dict.fromkeys(event.code for event in events if is_storable_code(event.code)))
        present = await self._present(codes)
        final: dict[str, Item | None] = {code: present[code].item if code in present else None for code in codes}
        for event in events:
            if event.code not in final:
                continue
            before = final[event.code]
            if before is None and event.event is not Event.DEL and event.event is not Event.ADD:
                applied.unknown.append(event.code)
            final[event.code] = event.applied_to(before)
        applied.unknown = list(dict.fromkeys(applied.unknown))
        applied.results = final
        await self._write(present, final, applied)
        return applied

    async def _present(self, codes: list[str]) -> dict[str, _Present]:
        table = catalog_item
        query = select(
            table.c.code,
            table.c.document,
            table.c.raw,
            table.c.gen_from,
            table.c.gen_to,
            table.c.claims,
            table.c.sort,
        ).where(
            table.c.peer_id == self._peer_id,
            table.c.code.in_(codes),
            table.c.gen_from <= self._generation,
            table.c.gen_to > self._generation,
        )
        rows = (await self._connection.execute(query)).all()
        return {
            row.code: _Present(
                item_of(self._peer_id, row.document, row.raw),
                row.gen_from,
                row.gen_to,
                Node(split_claims(row.claims), row.sort),
            )
            for row in rows
        }

    async def _write(self, present: dict[str, _Present], final: dict[str, Item | None], applied: Applied) -> None:
        rows: list[dict[str, Any]] = []
        history: list[dict[str, Any]] = []
        before: dict[str, Node | None] = {}
        after: dict[str, Node | None] = {}
        for code, item in final.items():
            old = present.get(code)
            old_document = old.item.document() if old else None
            new_document = item.document() if item else None
            event = event_between(old_document, new_document)
            if event is None:
                continue
            before[code] = old.node if old else None
            after[code] = None
            applied.digests[code] = None
            if item is not None:
                coded = coded_item(item)
                values = values_of(coded, self._now)
                rows.append(self._row(code, values, old))
                after[code] = Node(split_claims(values["claims"]), values["sort"])
                applied.digests[code] = coded.digest
            applied.changes.append(Change(event, code))
            history.append(self._history(code, event, old_document, new_document))
        await self._store(rows, [code for code, node in after.items() if node is None], history)
        moved = [code for code in after if before[code] != after[code]]
        if moved:
            links = Neighbourhood(self._connection, self._peer_id, self._generation)
            await links.relink({code: before[code] for code in moved}, {code: after[code] for code in moved})

    def _row(self, code: str, values: dict[str, Any], old: _Present | None) -> dict[str, Any]:
        gen_from, gen_to = (old.gen_from, old.gen_to) if old else (self._generation, OPEN_ENDED)
        return {"peer_id": self._peer_id, "code": code, "gen_from": gen_from, "gen_to": gen_to, **values}

    def _history(
        self, code: str, event: Event, old: dict[str, Any] | None, new: dict[str, Any] | None
    ) -> dict[str, Any]:
        return history_row(
            self._peer_id,
            code,
            generation=self._generation,
            at=self._now,
            who=self._who,
            event=event,
            old=old,
            new=new,
        )

    async def _store(self, rows: list[dict[str, Any]], gone: list[str], history: list[dict[str, Any]]) -> None:
        table = catalog_item
        if rows:
            await self._connection.execute(upsert(self._dialect, table, update=ITEM_COLUMNS), rows)
        if gone:
            await self._connection.execute(
                delete(table).where(
                    table.c.peer_id == self._peer_id,
                    table.c.code.in_(gone),
                    table.c.gen_from <= self._generation,
                    table.c.gen_to > self._generation,
                )
            )
        if history:
            await self._connection.execute(insert(catalog_history), history)
