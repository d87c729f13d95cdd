from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from gateway.store.engine import Database
from gateway.store.migrations.upgrade import alembic_config, migrate

DEVICE = (
    "INSERT INTO devices (id, name, kind, password, allow_no_password, tolerances, enabled, created_at)"
    " VALUES ('34020000001320000001', '', 'device', '', 0, '[]', 1, 0)"
)


def to(revision: str, connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    (command.downgrade if revision == "0006" else command.upgrade)(config, revision)


async def columns(database: Database) -> set[str]:
    async with database.read() as connection:
        return {row[1] for row in await connection.execute(text("PRAGMA table_info(devices)"))}


async def test_peers_of_before_belong_to_the_zone_of_their_address(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    async with database.write() as connection:
        await connection.run_sync(lambda plain: to("0007", plain))
        await connection.run_sync(lambda plain: to("0006", plain))
        await connection.execute(text(DEVICE))
    assert "zone" not in await columns(database)
    await migrate(database.writer)
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT zone FROM devices"))).scalars().all() == [None]
        assert (await connection.execute(text("SELECT zone FROM uppers"))).scalars().all() == []
    await database.close()
