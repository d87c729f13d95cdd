from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.store.engine import BUSY_TIMEOUT_MS, DATABASE_FILE, Database


async def test_the_pragmas_hold_on_every_connection(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "new")
    async with database.read() as one, database.read() as two:
        for connection in (one, two):
            found = [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in PRAGMAS]
            assert found == ["wal", 1, BUSY_TIMEOUT_MS, 1]
    assert (tmp_path / "new" / DATABASE_FILE).exists()
    await database.close()


PRAGMAS = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")


async def test_a_block_that_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (x INTEGER)"))
    with pytest.raises(RuntimeError):
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))
            raise RuntimeError
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar() == 0
    await database.close()


async def test_other_writers_of_the_file_can_wait_for_the_same_turn(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    async with database.write():
        assert database.write_turn.locked()
    assert not database.write_turn.locked()
    await database.close()


async def test_many_writers_that_read_first_all_succeed(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (x INTEGER)"))
        await connection.execute(text("INSERT INTO t VALUES (0)"))

    async def increment() -> None:
        async with database.write() as connection:
            value = (await connection.execute(text("SELECT x FROM t"))).scalar_one()
            await connection.execute(text("UPDATE t SET x = :x"), {"x": value + 1})

    await asyncio.gather(*(increment() for _ in range(30)))
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT x FROM t"))).scalar() == 30
    await database.close()


async def test_a_reader_sees_one_snapshot_while_others_write(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (x INTEGER)"))
    async with database.read() as reader:
        before = (await reader.execute(text("SELECT count(*) FROM t"))).scalar()
        async with database.write() as writer:
            await writer.execute(text("INSERT INTO t VALUES (1)"))
        assert (await reader.execute(text("SELECT count(*) FROM t"))).scalar() == before
    await database.close()


async def test_the_write_lock_of_a_connection_that_is_given_up_is_free_though_a_statement_of_it_is_left(
    tmp_path: Path,
) -> None:
    database = Database.open(tmp_path)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (x INTEGER)"))
        await connection.execute(text("INSERT INTO t VALUES (1), (2)"))
    given_up = await database.writer.connect()
    await given_up.execute(text("INSERT INTO t VALUES (3)"))
    left = await (await given_up.get_raw_connection()).driver_connection.execute("SELECT x FROM t")
    await left.fetchone()
    await given_up.invalidate()
    other = sqlite3.connect(tmp_path / DATABASE_FILE, timeout=0)
    assert other.execute("DELETE FROM t").rowcount == 2
    other.close()
    await given_up.close()
    del left
    await database.close()
