from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, inspect, text

from gateway.secrets import SecretBox
from gateway.store.devices import Devices
from gateway.store.engine import Database
from gateway.store.migrations.upgrade import alembic_config, migrate
from gateway.store.registrations import Registrations

ID = "34020000001110000001"


async def test_devices_and_registrations_are_kept_and_it_can_be_taken_back(tmp_path: Path) -> None:
    database = Database.open(tmp_path)

    def go(direction: str, revision: str) -> Callable[[Connection], None]:
        def run(connection: Connection) -> None:
            config = alembic_config()
            config.attributes["connection"] = connection
            getattr(command, direction)(config, revision)

        return run

    async with database.write() as connection:
        await connection.run_sync(go("upgrade", "0007"))
        await connection.execute(
            text(
                "INSERT INTO devices (id, name, kind, password, allow_no_password, tolerances, enabled, created_at)"
                f" VALUES ('{ID}', '', 'device', '', 0, '[]', 1, 0)"
            )
        )
        await connection.execute(
            text(f"INSERT INTO registrations VALUES ('lower', '{ID}', 'UDP', 'h', 1, '', 9, '', '', '', 0, 1, 2)")
        )
    await migrate(database.writer)
    [device] = (await Devices(database, SecretBox(b"k" * 32)).load()).all()
    [registration] = (await Registrations(database, "lower").load()).all()
    assert device.max_sessions is None and registration.settled is True
    async with database.write() as connection:
        await connection.run_sync(go("downgrade", "0007"))
        columns = await connection.run_sync(lambda one: {c["name"] for c in inspect(one).get_columns("registrations")})
        tables = await connection.run_sync(lambda one: inspect(one).get_table_names())
        assert "settled" not in columns and "offline_events" not in tables
        assert (await connection.execute(text("SELECT count(*) FROM devices"))).scalar_one() == 1
    await database.close()
