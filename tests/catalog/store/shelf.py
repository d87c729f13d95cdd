"""What the tests of the store are made with: a database, a clock, cameras, and what must hold after anything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catalog.change import Changes
from catalog.item import Item
from catalog.store import CatalogStore, StoredItem, metadata
from catalog.store.schema import OPEN_ENDED, catalog_edge, catalog_item
from catalog.tree import claims_of, resolve_tree

PEER = "34020000001180000001"
GROUP = "34020000002150000001"
ORG = "34020000002160000001"


def sqlite_engine(path: Path) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "connect")
    def wal(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.close()

    return engine


async def new_catalogue_database(path: Path) -> AsyncEngine:
    engine = sqlite_engine(path)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return engine


class Clock:
    """Unix seconds that move only when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def camera(number: int, name: str = "", **elements: Any) -> Item:
    return Item(code=f"34020000001320{number:06d}", name=name or f"东门枪机{number}", **elements)


def rows_of(items: Iterable[StoredItem]) -> dict[str, Item]:
    return {stored.code: stored.item for stored in items}


class Catalogue:
    """What the tests do with a store, and what must hold after anything was done."""

    def __init__(self, store: CatalogStore, engine: AsyncEngine) -> None:
        self.store = store
        self.engine = engine

    async def sync(self, items: Iterable[Item], peer: str = PEER, *, complete: bool = True) -> Changes:
        generation = await self.store.begin_sync(peer)
        await self.store.stage(generation, items)
        return await self.store.commit_sync(generation, complete=complete)

    async def items(self, peer: str | None = PEER) -> dict[str, Item]:
        return {stored.code: stored.item async for stored in self.store.all_items(peer)}

    async def check_tree(self, peer: str = PEER) -> list[str]:
        """No object twice, and exactly the tree that the claims of all objects give."""
        listed = [stored.item async for stored in self.store.all_items(peer)]
        codes = [item.code for item in listed]
        assert len(codes) == len(set(codes))
        wanted = resolve_tree({item.code: claims_of(item) for item in listed}, peer)
        assert {code: tuple(await self.store.parents(peer, code)) for code in codes} == {
            code: tuple(sorted(parents)) for code, parents in wanted.items()
        }
        return codes

    async def check(self, peer: str = PEER) -> None:
        """The same, and nothing left behind of anything that is over."""
        codes = await self.check_tree(peer)
        async with self.engine.connect() as connection:
            for table in (catalog_item, catalog_edge):
                left = select(func.count()).where(table.c.peer_id == peer, table.c.gen_to != OPEN_ENDED)
                assert (await connection.execute(left)).scalar_one() == 0
            query = select(func.count()).where(catalog_item.c.peer_id == peer)
            assert (await connection.execute(query)).scalar_one() == len(codes)
            edges = select(catalog_edge.c.code).where(catalog_edge.c.peer_id == peer).distinct()
            assert set((await connection.execute(edges)).scalars()) == set(codes)
