"""The schema's step to ONVIF cameras."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from gateway.store.engine import Database
from tests.gateway.store.migrations.versions.test_0006_rtsp_cameras import stepping

ID, ONVIF = "34020000001110000001", "34020000001110000007"
COLUMNS = "id, name, kind, password, allow_no_password, tolerances, enabled, created_at"


async def test_devices_of_before_take_the_best_profile_and_lose_nothing_on_the_way_back(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    row = f"INSERT INTO devices ({COLUMNS}) VALUES ('{{}}', 'gate', '{{}}', '', 0, '[]', 1, 0)"
    async with database.write() as connection:
        await connection.run_sync(stepping("0008"))
        await connection.execute(text(row.format(ID, "rtsp")))
    async with database.write() as connection:
        await connection.run_sync(stepping("0009"))
        assert (await connection.execute(text("SELECT profile FROM devices"))).scalar_one() == ""
        await connection.execute(text(row.format(ONVIF, "onvif")))
    async with database.write() as connection:
        await connection.run_sync(stepping("0008", up=False))
        left = (await connection.execute(text("SELECT id, name, kind FROM devices"))).one()
        assert tuple(left) == (ID, "gate", "rtsp")
    await database.close()
