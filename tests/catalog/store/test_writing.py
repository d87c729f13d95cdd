from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.store.schema import catalog_published_id
from catalog.store.writing import TRANSACTION_ROWS, Writer, chunks

ROW = {"upper_id": "u", "peer_id": "p", "code": "1", "published_id": "1"}


def test_values_are_cut_into_lists_of_at_most_so_many() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(catalog_published_id))).scalar_one())


async def test_many_rows_are_written_in_several_transactions(engine: AsyncEngine) -> None:
    writer = Writer(engine)
    total = TRANSACTION_ROWS * 2 + 1
    rows = ({**ROW, "code": str(number), "published_id": str(number)} for number in range(total))
    await writer.many(insert(catalog_published_id), rows)
    assert await count(engine) == total
    await writer.many(insert(catalog_published_id), [])


async def test_a_transaction_that_fails_leaves_nothing(engine: AsyncEngine) -> None:
    writer = Writer(engine)
    with pytest.raises(RuntimeError):
        async with writer.transaction() as connection:
            await connection.execute(insert(catalog_published_id), ROW)
            raise RuntimeError("power cut")
    assert await count(engine) == 0


async def test_writers_of_one_file_take_turns(engine: AsyncEngine) -> None:
    turn = asyncio.Lock()
    first, second = Writer(engine, turn), Writer(engine, turn)
    order: list[str] = []

    async def write(writer: Writer, name: str) -> None:
        async with writer.transaction():
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(write(first, "first"), write(second, "second"))
    assert order == ["first in", "first out", "second in", "second out"]


async def test_a_peer_has_one_lock_while_anyone_holds_it(engine: AsyncEngine) -> None:
    writer = Writer(engine)
    lock = writer.lock("a")
    assert writer.lock("a") is lock
    assert writer.lock("b") is not lock
