"""A catalogue on a fresh SQLite file, as a node has it: WAL, one file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.store import CatalogStore
from tests.catalog.store.shelf import Catalogue, Clock, new_catalogue_database


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = await new_catalogue_database(tmp_path / "catalog.db")
    yield made
    await made.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: AsyncEngine, clock: Clock) -> CatalogStore:
    return CatalogStore(engine, clock=clock)


@pytest.fixture
def catalogue(store: CatalogStore, engine: AsyncEngine) -> Catalogue:
    return Catalogue(store, engine)
