from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from gateway.store.engine import Database
from gateway.store.migrations.upgrade import migrate
from gateway.store.schema import metadata


async def test_the_migrations_make_exactly_the_declared_schema(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    await migrate(database.writer)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()
