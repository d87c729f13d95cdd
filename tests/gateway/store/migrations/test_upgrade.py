from __future__ import annotations

from pathlib import Path

import pytest
from alembic.util import CommandError
from sqlalchemy import text

from gateway.store.engine import Database
from gateway.store.migrations.upgrade import current, migrate, newest


async def test_a_database_is_brought_up_to_date_once_and_then_left_alone(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    assert await current(database.engine) is None
    assert await migrate(database.writer) == newest()
    assert await migrate(database.writer) == newest() == await current(database.engine)
    await database.close()


async def test_a_database_newer_than_the_program_is_refused(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    await migrate(database.writer)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CommandError, match="9999"):
        await migrate(database.writer)
    await database.close()
