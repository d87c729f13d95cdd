"""Published codes in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.item import ChannelKey
from catalog.store.dialect import upsert
from catalog.store.schema import catalog_published_id
from catalog.store.writing import TRANSACTION_ROWS, Writer


class SharingStore:
    """Under which codes objects are shared with which upper platform."""

    def __init__(self, engine: AsyncEngine, *, write_turn: asyncio.Lock | None = None) -> None:
        """`write_turn` as for `CatalogStore`."""
        self._engine = engine
        self._writer = Writer(engine, write_turn)

    async def published_ids(self, upper_id: str) -> dict[ChannelKey, str]:
        """Every code ever given to an object towards this upper platform."""
        table = catalog_published_id
        query = select(table.c.peer_id, table.c.code, table.c.published_id).where(table.c.upper_id == upper_id)
        given: dict[ChannelKey, str] = {}
        async with self._engine.connect() as connection, connection.stream(query) as result:
            async for part in result.partitions(TRANSACTION_ROWS):
                given.update((ChannelKey(peer_id, code), published) for peer_id, code, published in part)
        return given

    async def give_ids(self, upper_id: str, new_ids: Mapping[ChannelKey, str]) -> None:
        """Store newly given codes. A code once given is never changed."""
        statement = upsert(self._writer.dialect, catalog_published_id, update=())
        rows = (
            {"upper_id": upper_id, "peer_id": key.peer_id, "code": key.code, "published_id": published}
            for key, published in sorted(new_ids.items())
        )
        await self._writer.many(statement, rows)
