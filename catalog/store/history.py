"""The history of changes: who, when, what, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.change import Event
from catalog.store.schema import catalog_history, catalog_peer


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change. `old` and `new` are the elements that differ (UPDATE, ON, OFF...) or all of them (ADD, DEL)."""

    id: int
    peer_id: str
    code: str
    at: float
    who: str
    event: Event
    old: dict[str, Any] | None
    new: dict[str, Any] | None


def history_row(
    peer_id: str,
    code: str,
    *,
    generation: int,
    at: float,
    who: str,
    event: Event,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A row of `catalog_history`; readers see it from `generation` on.

    Elements equal on both sides are left out.
    """
    if old is not None and new is not None:
        differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        old = {name: old[name] for name in differing if name in old}
        new = {name: new[name] for name in differing if name in new}
    return {
        "peer_id": peer_id,
        "code": code,
        "generation": generation,
        "at": at,
        "who": who,
        "event": event.value,
        "old": _json(old),
        "new": _json(new),
    }


def _json(elements: dict[str, Any] | None) -> str | None:
    return None if elements is None else orjson.dumps(elements).decode()


async def read_history(
    engine: AsyncEngine, peer_id: str, code: str | None, before: int | None, limit: int
) -> list[HistoryEntry]:
    """The latest entries of a peer, or of one of its objects, newest first; `before` is an id to go on from."""
    table = catalog_history
    query = (
        select(table)
        .join(
            catalog_peer,
            and_(catalog_peer.c.peer_id == table.c.peer_id, table.c.generation <= catalog_peer.c.generation),
        )
        .where(table.c.peer_id == peer_id)
        .order_by(table.c.id.desc())
        .limit(limit)
    )
    if code is not None:
        query = query.where(table.c.code == code)
    if before is not None:
        query = query.where(table.c.id < before)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    return [
        HistoryEntry(
            id=row.id,
            peer_id=row.peer_id,
            code=row.code,
            at=row.at,
            who=row.who,
            event=Event(row.event),
            old=None if row.old is None else orjson.loads(row.old),
            new=None if row.new is None else orjson.loads(row.new),
        )
        for row in rows
    ]
