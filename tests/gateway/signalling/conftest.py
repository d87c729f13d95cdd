"""A real stack, a real database and peers made of bytes, all on 127.0.0.1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from catalog.store import CatalogStore, SharingStore
from gateway.store.stores import Stores
from tests.gateway.signalling.raw import Clock, Desk, RawPeer


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk() as opened:
        yield opened


@pytest.fixture
async def raw() -> AsyncIterator[RawPeer]:
    async with RawPeer() as opened:
        yield opened


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    opened = await Stores.open(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def catalog(stores: Stores) -> CatalogStore:
    return CatalogStore(stores.database.writer, write_turn=stores.database.write_turn)


@pytest.fixture
def sharing(stores: Stores) -> SharingStore:
    return SharingStore(stores.database.writer, write_turn=stores.database.write_turn)


@pytest.fixture
def clock() -> Clock:
    return Clock()
