from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from gateway.store.engine import Database
from gateway.store.migrations.upgrade import alembic_config, current, migrate


async def test_every_migration_can_be_taken_back(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    await migrate(database.writer)

    def downgrade(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    async with database.write() as connection:
        await connection.run_sync(downgrade)
    assert await current(database.engine) is None
    async with database.read() as connection:
        left = await connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        assert set(left.scalars()) <= {"alembic_version", "sqlite_sequence"}
    await database.close()
