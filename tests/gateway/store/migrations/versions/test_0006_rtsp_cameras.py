"""The schema's step to RTSP cameras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from gateway.store.engine import Database
from gateway.store.migrations.upgrade import alembic_config

ID, RTSP = "34020000001110000001", "34020000001110000007"
REST = "NULL, NULL, NULL, '[]', 1, 0"
COLUMNS = "url, username, channel_id, rtsp_transport, always_on"


def stepping(to: str, *, up: bool = True) -> Callable[[Connection], None]:
    def step(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, to)

    return step


async def test_devices_of_before_stay_as_they_are_and_lose_nothing_on_the_way_back(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    async with database.write() as connection:
        await connection.run_sync(stepping("0005"))
        await connection.execute(text(f"INSERT INTO devices VALUES ('{ID}', 'gate', 'device', '', 0, {REST})"))
    async with database.write() as connection:
        await connection.run_sync(stepping("0006"))
        row = (await connection.execute(text(f"SELECT {COLUMNS} FROM devices"))).one()
        assert tuple(row) == ("", "", "", "tcp", 0)
        await connection.execute(
            text(f"INSERT INTO devices VALUES ('{RTSP}', '', 'rtsp', '', 0, {REST}, 'rtsp://x/', 'u', '', 'udp', 1)")
        )
    async with database.write() as connection:
        await connection.run_sync(stepping("0005", up=False))
        left = (await connection.execute(text("SELECT id, name FROM devices"))).one()
        assert tuple(left) == (ID, "gate")
    await database.close()
