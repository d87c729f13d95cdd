"""Sharing rules and published codes in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from functools import partial

import orjson
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.item import ChannelKey, Item
from catalog.share import PublishedSet, evaluate
from catalog.sharing_rule import SharingRule
from catalog.store.dialect import upsert
from catalog.store.reading import CatalogReader
from catalog.store.schema import catalog_published_id, catalog_sharing_rule
from catalog.store.writing import TRANSACTION_ROWS, Writer


class SharingStore:
    """What is shared with which upper platform, and under which codes."""

    def __init__(self, engine: AsyncEngine, *, write_turn: asyncio.Lock | None = None) -> None:
        """`write_turn` as for `CatalogStore`."""
        self._engine = engine
        self._writer = Writer(engine, write_turn)

    async def save_rule(self, rule: SharingRule) -> None:
        """Store a rule, in place of the one with the same id."""
        statement = upsert(self._writer.dialect, catalog_sharing_rule, update=("upper_id", "document"))
        row = {"id": rule.id, "upper_id": rule.upper_id, "document": orjson.dumps(rule.to_document()).decode()}
        async with self._writer.transaction() as connection:
            await connection.execute(statement, row)

    async def delete_rule(self, rule_id: str) -> bool:
        """Drop a rule; False if there was none. The codes it published stay given."""
        table = catalog_sharing_rule
        async with self._writer.transaction() as connection:
            return (await connection.execute(delete(table).where(table.c.id == rule_id))).rowcount > 0

    async def rules(self, upper_id: str | None = None) -> list[SharingRule]:
        """All rules, or those for one upper platform, by id."""
        table = catalog_sharing_rule
        query = select(table.c.document).order_by(table.c.id)
        if upper_id is not None:
            query = query.where(table.c.upper_id == upper_id)
        async with self._engine.connect() as connection:
            documents = (await connection.execute(query)).scalars()
            return [SharingRule.from_document(orjson.loads(document)) for document in documents]

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

    async def real_key(self, upper_id: str, published_id: str) -> ChannelKey | None:
        """The object behind a code the upper platform named; None if it was never given."""
        table = catalog_published_id
        query = select(table.c.peer_id, table.c.code).where(
            table.c.upper_id == upper_id, table.c.published_id == published_id
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else ChannelKey(row.peer_id, row.code)

    async def publish(
        self,
        catalogue: CatalogReader,
        rule: SharingRule,
        system: Item,
        *,
        echoes: Mapping[str, Collection[str]] | None = None,
    ) -> PublishedSet:
        """Evaluate a rule on the catalogue as it is now, and store the codes it gives before anyone can use them."""
        async with self._writer.lock(rule.upper_id):
            given = await self.published_ids(rule.upper_id)
            items = [stored.effective async for stored in catalogue.all_items()]
            work = partial(evaluate, rule, items, system=system, given=given, echoes=echoes)
            published = await asyncio.to_thread(work)
            await self.give_ids(rule.upper_id, published.new_ids)
            return published
