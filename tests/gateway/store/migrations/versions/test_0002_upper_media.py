from __future__ import annotations

import json
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from gateway.store.engine import Database
from gateway.store.migrations.upgrade import alembic_config, migrate


async def test_upper_platforms_of_before_keep_their_media_servers_wherever_they_are(tmp_path: Path) -> None:
    database = Database.open(tmp_path)

    def first(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    async with database.write() as connection:
        await connection.run_sync(first)
        await connection.execute(
            text(
                "INSERT INTO uppers VALUES ('34010000002000000001', '', '192.0.2.1', 5060, 'udp', '', '', '', '',"
                " 86400, 60, NULL, NULL, NULL, '[]', 'upper', 1, 0)"
            )
        )
    await migrate(database.writer)
    async with database.read() as connection:
        row = (await connection.execute(text("SELECT media_transport, tolerances, enabled FROM uppers"))).one()
    assert row.media_transport is None and json.loads(row.tolerances) == ["media_to_any_address"] and row.enabled
    await database.close()
